"""The processor: who may use which core, and how much of it somebody has used. Linux only."""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PARENT, _UTIME, _CSTIME = 1, 11, 14  # fields of /proc/PID/stat after the name


@dataclass(frozen=True)
class Cores:
    """One core for the server alone, the others for databases and clients."""

    server: frozenset[int]
    rest: frozenset[int]

    @property
    def told(self) -> str:
        if self.server == self.rest:
            return "all on one core"
        rest = ", ".join(map(str, sorted(self.rest)))
        return f"the server on core {min(self.server)}, all else on {rest}"


def cores() -> Cores:
    if sys.platform != "linux":
        raise SystemExit("Measuring reads /proc and pins processes to cores: it needs Linux.")
    first, *others = sorted(os.sched_getaffinity(0))
    return Cores(frozenset({first}), frozenset(others or {first}))


@contextlib.contextmanager
def started_on(where: frozenset[int]) -> Iterator[None]:
    """Processes and threads that the block starts stay on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, where)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int) -> float:
    """What a process and all below it have used so far, those included that have ended and were
    waited for; to a hundredth of a second and process."""
    ticks = 0
    for one in _tree(pid):
        fields = _stat(one)
        ticks += sum(map(int, fields[_UTIME : _CSTIME + 1]))
    return ticks / _TICK


def _tree(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[_PARENT]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def _stat(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:  # it ended while we looked
        return []
