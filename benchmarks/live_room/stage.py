"""What trials run on: a server, a relay and a crowd of subscribers, in processes of their own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from api.settings import CHECKOUT
from benchmarks.operations import ours
from benchmarks.operations.contender import Serving, serving
from benchmarks.operations.filled_database import Servers
from benchmarks.operations.processor import Cores, started_on
from benchmarks.operations.questions import Asked
from schema.nodes import global_id

LISTENED = 50  # subscribers, evenly spread over all, that note when they hear of each order
DOCUMENT = """subscription LiveOrders($room: ID!) {
  liveOrders(roomId: $room) {
    ... on OrderEvent {
      sequence occurredAt kind status order { id externalId total { amount currencyCode } }
    }
    ... on EventGap { firstSequence lastSequence }
  }
}"""
_PATIENCE = 120.0
_QUIET = 4  # seconds without an event, after which none is under way
_PYTHON = (sys.executable, "-m")


@dataclass(frozen=True)
class Room:
    workspace_id: UUID
    id: UUID
    external_id: str


class Crowd:
    """The process of all subscribers."""

    def __init__(self, asked: dict[str, Any]) -> None:
        pipe = subprocess.PIPE
        command = (*_PYTHON, "benchmarks.live_room.subscribers")
        self._process = subprocess.Popen(command, cwd=CHECKOUT, stdin=pipe, stdout=pipe, text=True)
        self.size = int(asked["count"])
        self._ask(json.dumps(asked))

    def count(self) -> dict[str, Any]:
        """What was seen since the last count."""
        return self._ask("count")

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("The subscribers ended before the trial did.")
        told: dict[str, Any] = json.loads(answer)
        return told


@dataclass
class Stage:
    """`place` starts placing orders and returns at once."""

    at: Servers
    room: Room
    server: Serving
    crowd: Crowd
    where: Cores
    environment: Mapping[str, str]
    _next: int = field(default_factory=lambda: time.time_ns() // 1000)

    def place(self, count: int, *, batch: int, rate: float) -> subprocess.Popen[str]:
        first, self._next = self._next, self._next + count
        given = (self.room.workspace_id, self.room.external_id, first, count, batch, rate)
        command = (*_PYTHON, "benchmarks.live_room.orders", *map(str, given))
        with started_on(self.where.rest):
            return subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env=os.environ | dict(self.environment),
                stdout=subprocess.PIPE,
                text=True,
            )


def committed(placing: subprocess.Popen[str]) -> dict[int, int]:
    """When each order was committed, once all were."""
    told, _ = placing.communicate()
    if placing.returncode:
        raise RuntimeError("The orders could not be placed.")
    return {int(order): at for order, at in json.loads(told)["committed"].items()}


async def open_room(at: Servers, workspace_id: UUID) -> Room:
    owner = await asyncpg.connect(at.owner_url)
    try:
        row = await owner.fetchrow(
            "SELECT id, external_id FROM live_rooms WHERE workspace_id = $1", workspace_id
        )
    finally:
        await owner.close()
    assert row is not None
    return Room(workspace_id, row["id"], row["external_id"])


@contextmanager
def staged(
    at: Servers, room: Room, token: str, state: Path, where: Cores, subscribers: int
) -> Iterator[Stage]:
    """All of it at work, and each subscriber in the stream."""
    contender = ours.product(at, state, {room.workspace_id: token}, compiled=True)
    trial = Asked("Q5", room.workspace_id, {"since": "2026-10-31T00:00:00Z",
                                            "until": "2026-11-01T00:00:00Z"})  # fmt: skip
    subscribe = {
        "id": "1",
        "type": "subscribe",
        "payload": {"query": DOCUMENT, "variables": {"room": global_id("LiveRoom", room.id)}},
    }
    with ExitStack() as running:
        with started_on(where.server):
            server = running.enter_context(serving(contender, logs=state, trial=trial))
        with started_on(where.rest):
            _relay(running, contender.environment, state / "relay.log")
            asked = {"port": server.port, "token": token, "count": subscribers,
                     "listened": min(LISTENED, subscribers), "subscribe": subscribe}  # fmt: skip
            crowd = Crowd(asked)
        running.callback(crowd.end)
        stage = Stage(at, room, server, crowd, where, contender.environment)
        print(f"{subscribers:,} subscribers have signed in.", flush=True)
        _wait_for_all(stage)
        print("All of them see orders.", flush=True)
        yield stage


def _relay(running: ExitStack, environment: Mapping[str, str], log: Path) -> None:
    """`seller relay`, as production runs it, until the stack ends."""
    command = (*_PYTHON, "api.command_line", "relay")
    file = running.enter_context(log.open("wb"))
    process = subprocess.Popen(
        command, cwd=CHECKOUT, env=os.environ | dict(environment), stdout=file, stderr=file
    )
    running.callback(process.wait)
    running.callback(process.terminate)


def _wait_for_all(stage: Stage) -> None:
    """Nothing tells that a subscription has begun but its events: orders come until each has
    seen one, and then until none is under way."""
    until = time.monotonic() + _PATIENCE
    while not (told := stage.crowd.count())["fewest"]:
        if told["closed"] or time.monotonic() > until:
            closed = f" {len(told['closed']):,} were cut off: {told['closed'][:1]}"
            raise TimeoutError(f"Not every subscription began.{closed}")
        committed(stage.place(1, batch=1, rate=0))
        time.sleep(1.0)
    quiet = 0
    while quiet < _QUIET:
        time.sleep(1.0)
        quiet = 0 if stage.crowd.count()["seen"] else quiet + 1
