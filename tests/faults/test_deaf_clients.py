"""Clients that never read: they are cut, and nobody else notices."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.faults.breakable import Breakable, Worker, until
from tests.faults.customers import customers
from tests.faults.deaf import deaf_socket, deaf_stream
from tests.world import TestWorkspace, an_order
from tests.world.conformance import Finding, tell
from tests.world.stream_client import connected, server_sent, subscribe

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

EACH = 20  # sockets that never read, and as many streams
CUT_WITHIN = 15.0
MOST_MEMORY = 64 * 2**20
PROMPT = 5.0
EVENTS = 20  # more than the kernel's buffers take, which is 4 MB for one connection
OTHERS = 10  # two that listen, two that look, and who asks for the metrics
_LETTERS = 10_000
_TIMES = 25
_MESSAGES = " ".join(f"m{n}: buyerMessage" for n in range(_TIMES))
# An event of a quarter of a megabyte.
BIG = f"""
subscription Big {{ orderUpdates {{ ... on OrderEvent {{ sequence order {{ {_MESSAGES} }} }} }} }}
"""


@dataclass
class Listeners:
    """Two clients that do read, one over each transport; what they heard, in order."""

    heard: dict[str, list[int]] = field(default_factory=dict)

    async def listen(self, name: str, items: AsyncGenerator[dict[str, Any], None]) -> None:
        heard = self.heard.setdefault(name, [])
        async with aclosing(items):
            async for item in items:
                assert len(item["order"]["m0"]) == _LETTERS
                heard.append(int(item["sequence"]))


async def test_40_clients_that_never_read_are_cut_and_nobody_else_notices(
    platform: Breakable,
) -> None:
    worker = await platform.start_worker()
    # The control: one that waits for ever for whoever does not read.
    patient = await platform.start_worker(SELLER_SEND_TIMEOUT="600")
    async with customers(platform, [worker]) as those:
        token = those.token
        async with _listening(worker, token) as listeners, those.busy(ordering=0, looking=2):
            with _deaf(worker, token, EACH), _deaf(patient, token, 3):
                await until(lambda: _subscribed(worker, 2 * EACH + 2), within=20)
                await until(lambda: _subscribed(patient, 6), within=20)
                before = worker.resident
                watching = asyncio.create_task(_watched(worker))
                await _tell_much(those.workspace)
                await until(lambda: _heard(listeners, EVENTS), within=15)
                told = time.monotonic()
                most, cut = await watching
                await _idle(told + CUT_WITHIN)
                control = [await _subscribed(patient, 6), patient.clients]

    assert cut - told < CUT_WITHIN
    assert most - before < MOST_MEMORY
    assert list(listeners.heard) == ["socket", "stream"]
    assert all(heard == list(range(1, EVENTS + 1)) for heard in listeners.heard.values())
    assert those.codes.total() == 0
    assert those.slowest < PROMPT
    assert control[0] is True
    assert control[1] >= 6
    tell(
        Finding(
            section="Faults",
            check=f"{EACH} WebSockets and {EACH} SSE streams that never read are cut within 15 s, "
            "others unaffected, under 64 MB more",
            passed=2 * EACH,
            of=2 * EACH,
            control="with a send time-out of 600 s none of 6 was cut: noticed",
            note=f"cut {cut - told:.1f} s after the last of {EVENTS} events of 250 kB, at most "
            f"{(most - before) / 2**20:.0f} MB more; two clients beside them heard all, the "
            f"slowest of their queries took {those.slowest:.2f} s",
        )
    )


async def _watched(worker: Worker) -> tuple[int, float]:
    """The most memory it used until the last of those who never read was cut, and when it was."""
    most = 0
    until = time.monotonic() + 3 * CUT_WITHIN
    while not await _subscribed(worker, 2) or worker.clients > OTHERS:
        assert time.monotonic() < until, "not cut"
        most = max(most, worker.resident)
        await asyncio.sleep(0.1)
    return most, time.monotonic()


async def _idle(until: float) -> None:
    await asyncio.sleep(max(0.0, until - time.monotonic()))


async def _tell_much(workspace: TestWorkspace) -> None:
    for _ in range(EVENTS):
        await workspace.ingest([an_order(buyer_message="x" * _LETTERS)])
        await asyncio.sleep(0.1)


@contextlib.contextmanager
def _deaf(worker: Worker, token: str, count: int) -> Any:
    with contextlib.ExitStack() as opened:
        for _ in range(count):
            opened.enter_context(deaf_socket(worker.port, token, BIG))
            opened.enter_context(deaf_stream(worker.port, token, BIG))
        yield


@asynccontextmanager
async def _listening(worker: Worker, token: str) -> AsyncIterator[Listeners]:
    listeners = Listeners()
    async with connected(worker.websocket_url, token, max_size=None) as socket:
        tasks = [
            asyncio.create_task(listeners.listen("socket", subscribe(socket, BIG, {}))),
            asyncio.create_task(
                listeners.listen("stream", server_sent(worker.url, token, BIG, {}))
            ),
        ]
        await until(lambda: _subscribed(worker, 2), within=10)
        try:
            yield listeners
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _subscribed(worker: Worker, count: int) -> bool:
    return (await worker.metrics())["seller_subscriptions"] == count


async def _heard(listeners: Listeners, count: int) -> bool:
    return all(len(heard) >= count for heard in listeners.heard.values())
