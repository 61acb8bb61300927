"""Checking passwords: off the event loop, a few at a time, and no endless queue."""

import asyncio
import threading
from itertools import pairwise

import pytest

from tenants.passwords import PasswordsBusy, _Threads, hashed, password_matches, verified


class _Gate:
    """Work that lasts until it is let through, and counts how much of it runs at once."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.running = self.most = self.done = 0
        self._lock = threading.Lock()

    def pass_through(self) -> None:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        assert self.open.wait(30)
        with self._lock:
            self.running -= 1
            self.done += 1


async def begun(gate: _Gate, count: int) -> None:
    async with asyncio.timeout(10):
        while gate.running < count:  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0.005)


async def test_a_password_is_hashed_and_found_right_or_wrong() -> None:
    stored = await hashed("correct horse")
    assert stored.startswith("$argon2id$")
    assert await verified(stored, "correct horse") is True
    assert await verified(stored, "wrong horse") is False
    assert await verified(None, "nobody's password") is False
    assert await verified("no hash at all", "x") is False


async def test_the_event_loop_turns_while_passwords_are_checked() -> None:
    loop = asyncio.get_running_loop()
    stored, turns = await hashed("correct horse"), [loop.time()]
    started = loop.time()
    password_matches(stored, "wrong")
    one = loop.time() - started

    checks = asyncio.gather(*(verified(stored, "wrong") for _ in range(8)))
    while not checks.done():
        await asyncio.sleep(0.001)
        turns.append(loop.time())
    assert await checks == [False] * 8
    assert len(turns) > 20
    # Where one check ran on the loop, every pause would last as long as a check.
    pauses = sorted(later - earlier for earlier, later in pairwise(turns))
    assert pauses[len(pauses) // 2] < one / 2


async def test_only_a_few_run_at_once_and_few_wait() -> None:
    threads, gate = _Threads(at_once=2, waiting=3), _Gate()
    tasks = [asyncio.create_task(threads.run(gate.pass_through)) for _ in range(5)]
    await begun(gate, 2)
    for _ in range(4):
        with pytest.raises(PasswordsBusy):
            await threads.run(gate.pass_through)
    gate.open.set()
    await asyncio.gather(*tasks)
    assert (gate.most, gate.done) == (2, 5)
    await threads.run(gate.pass_through)  # there is room again


async def test_who_leaves_while_waiting_is_not_worked_for() -> None:
    threads, gate = _Threads(at_once=1, waiting=5), _Gate()
    running = asyncio.create_task(threads.run(gate.pass_through))
    await begun(gate, 1)
    waiting = [asyncio.create_task(threads.run(gate.pass_through)) for _ in range(5)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    gate.open.set()
    await running
    await threads.run(gate.pass_through)
    assert gate.done == 2
