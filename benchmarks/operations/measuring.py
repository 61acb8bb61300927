"""Rounds: every contender with every operation for a few seconds, in turn, again and again.

What a machine does besides, and how warm it is, then falls on all alike.
"""

import json
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.settings import CHECKOUT
from benchmarks.operations.contender import Serving
from benchmarks.operations.filled_database import Servers
from benchmarks.operations.processor import cpu_seconds
from benchmarks.operations.questions import Asked

CONNECTIONS = 16
_IDLE_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """`seconds` is how long each contender is asked each operation in a round, and before."""

    count: int
    seconds: float
    warm_up: float


@dataclass
class Window:
    """A stretch of requests and what they took; CPU in seconds, latencies in microseconds."""

    requests: int
    seconds: float
    server: float
    postgres: float
    valkey: float
    client: float
    size: int
    microseconds: list[int] = field(repr=False)


class Failed(RuntimeError):
    """A contender refused what it was asked; such answers are cheap and not to be counted."""


@dataclass(frozen=True)
class Bench:
    """All contenders at work, and the databases they share."""

    at: Servers
    contenders: list[Serving]
    files: Path
    idle: tuple[float, float]  # CPU a second of Postgres and of Valkey, asked nothing

    def window(self, serving: Serving, operation: str, *, seconds: float, first: int) -> Window:
        before, began = self._used(serving), time.monotonic()
        told = _load(self._file(serving, operation), serving.port, seconds, first)
        elapsed = time.monotonic() - began
        after = self._used(serving)
        if told["failed"]:
            raise Failed(f"{serving.contender.name} failed in {operation}: {told['example']}")
        server, postgres, valkey = (a - b for a, b in zip(after, before, strict=True))
        return Window(
            requests=len(told["microseconds"]),
            seconds=told["seconds"],
            server=server,
            postgres=max(0.0, postgres - self.idle[0] * elapsed),
            valkey=max(0.0, valkey - self.idle[1] * elapsed),
            client=told["own_cpu"],
            size=told["bytes"],
            microseconds=told["microseconds"],
        )

    def prepare(self, questions: Mapping[str, list[Asked]]) -> None:
        """Write every request down as it goes over the wire."""
        for serving in self.contenders:
            for operation, asked in questions.items():
                requests = [serving.request(one) for one in asked]
                self._file(serving, operation).write_bytes(pickle.dumps(requests))

    def _file(self, serving: Serving, operation: str) -> Path:
        return self.files / f"{serving.contender.name}-{operation}.requests"

    def _used(self, serving: Serving) -> tuple[float, float, float]:
        return cpu_seconds(serving.process.pid), *databases_used(self.at)


def databases_used(at: Servers) -> tuple[float, float]:
    assert at.postgres.pid is not None
    assert at.valkey.pid is not None
    return cpu_seconds(at.postgres.pid), cpu_seconds(at.valkey.pid)


def idling(at: Servers) -> tuple[float, float]:
    """CPU a second of both databases while nobody asks anything."""
    before, began = databases_used(at), time.monotonic()
    time.sleep(_IDLE_SECONDS)
    elapsed = time.monotonic() - began
    postgres, valkey = databases_used(at)
    return (postgres - before[0]) / elapsed, (valkey - before[1]) / elapsed


Measured = dict[str, dict[str, list[Window]]]  # by operation, then by contender


def measure(
    bench: Bench, operations: list[str], rounds: Rounds, *, say: Callable[[str], None] = print
) -> Measured:
    for operation in operations:
        for serving in bench.contenders:
            bench.window(serving, operation, seconds=rounds.warm_up, first=0)
    say("Everything is warm.")
    found: Measured = {name: {} for name in operations}
    for number in range(rounds.count):
        # Nobody always follows the same one.
        turn = number % len(bench.contenders)
        in_turn = bench.contenders[turn:] + bench.contenders[:turn]
        for operation in operations:
            for serving in in_turn:
                window = bench.window(serving, operation, seconds=rounds.seconds, first=37 * number)
                found[operation].setdefault(serving.contender.name, []).append(window)
        say(f"Round {number + 1} of {rounds.count} is over.")
    return found


def _load(file: Path, port: int, seconds: float, first: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.operations.load", str(file), str(port),
               str(seconds), str(CONNECTIONS), str(first)]  # fmt: skip
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"The client gave up: {done.stderr[-1000:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told
