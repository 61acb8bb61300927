"""How long one callback keeps the event loop, in CPU time, so that a busy machine changes nothing.

Every callback of asyncio passes `Handle._run`, a step of a task as much as bytes from a socket.
That is wrapped with the clock of the loop's own thread. What a callback was doing is sampled from
another thread once it lasts. A socket in the file system, served by a thread, is asked for what was
found since it was asked last.
"""

import asyncio
import gc
import json
import socket
import sys
import threading
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

_SAMPLE_EVERY = 0.004
_WORTH_SAMPLING = 0.012
_BEAT = 0.005


@dataclass
class Record:
    """The worst since the last reading, in milliseconds.

    `longest` is CPU time of one callback, `collecting` that of one garbage collection: within a
    callback it is part of it, in another thread it keeps the loop's thread out all the same. `late` is by how much a timer came too late, in wall time: it also sees what
    other threads do while they hold the interpreter, and whatever else this machine does.
    """

    longest: float = 0.0
    callback: str = ""
    where: list[str] = field(default_factory=list)
    collecting: float = 0.0
    late: float = 0.0
    callbacks: int = 0

    @property
    def held(self) -> float:
        """For how long the loop could do nothing else."""
        return max(self.longest, self.collecting)

    def told(self) -> str:
        return " < ".join([self.callback, *self.where[:6]])


class Probe:
    """Measures the one loop of the thread that installs it."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._record = Record()
        self._began: float | None = None
        self._stacks: list[list[str]] = []
        self._collection_began = 0.0

    def install(self, answer_at: Path) -> None:
        self._wrap()
        gc.callbacks.append(self._collecting)
        threading.Thread(target=self._sample, daemon=True).start()
        threading.Thread(target=self._answer, args=(answer_at,), daemon=True).start()

    def beat(self, loop: asyncio.AbstractEventLoop) -> None:
        """Notice timers that come late, from now on."""
        due = loop.time() + _BEAT

        def struck() -> None:
            nonlocal due
            self._record.late = max(self._record.late, (loop.time() - due) * 1000)
            due = loop.time() + _BEAT
            loop.call_at(due, struck)

        loop.call_at(due, struck)

    def _wrap(self) -> None:
        handle: Any = asyncio.events.Handle
        run = handle._run
        thread, clock, now = self._thread, time.thread_time, time.monotonic

        def measured(one: Any) -> None:
            if threading.get_ident() != thread:
                run(one)
                return
            self._began = now()
            before = clock()
            try:
                run(one)
            finally:
                spent = (clock() - before) * 1000
                self._began = None
                self._note(one, spent)

        handle._run = measured

    def _note(self, handle: Any, spent: float) -> None:
        record = self._record
        record.callbacks += 1
        if spent > record.longest:
            record.longest = spent
            record.callback = _told(handle)
            record.where = _gist(self._stacks)
        if self._stacks:
            self._stacks = []

    def _collecting(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._collection_began = time.thread_time()
        else:
            spent = (time.thread_time() - self._collection_began) * 1000
            self._record.collecting = max(self._record.collecting, spent)

    def _sample(self) -> None:
        while True:
            time.sleep(_SAMPLE_EVERY)
            began = self._began
            if began is not None and time.monotonic() - began > _WORTH_SAMPLING:
                frame = sys._current_frames().get(self._thread)
                self._stacks.append(_names(frame))
                del frame

    def _answer(self, path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
            listening.listen()
            while True:
                asking, _ = listening.accept()
                with asking:
                    record, self._record = self._record, Record()
                    asking.sendall(json.dumps(asdict(record)).encode())


def read(path: Path) -> Record:
    """What the probe that answers there found since it was asked last."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(path))
        parts = []
        while part := asking.recv(65536):
            parts.append(part)
    return Record(**json.loads(b"".join(parts)))


def _told(handle: Any) -> str:
    callback = handle._callback
    task = getattr(callback, "__self__", None)
    if isinstance(task, asyncio.Task):
        coroutine = task.get_coro()
        return f"task {getattr(coroutine, '__qualname__', type(coroutine).__name__)}"
    return str(getattr(callback, "__qualname__", callback))[:100] if callback else "(cancelled)"


def _names(frame: FrameType | None) -> list[str]:
    """The functions of a stack, the innermost first."""
    found = traceback.StackSummary.extract(
        traceback.walk_stack(frame), limit=60, lookup_lines=False
    )
    return [f"{Path(one.filename).stem}.{one.name}" for one in found]


def _gist(stacks: list[list[str]]) -> list[str]:
    """The functions that most samples were in, the innermost first."""
    counts: dict[str, int] = {}
    for stack in stacks:
        for name in dict.fromkeys(stack):
            counts[name] = counts.get(name, 0) + 1
    most = (
        [name for name in dict.fromkeys(stacks[-1]) if counts[name] * 2 > len(stacks)]
        if stacks
        else []
    )
    return most[:12]
