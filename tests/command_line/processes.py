"""Processes of a platform that runs elsewhere: found by what they work on, as a person would."""

import time
from collections.abc import Callable
from pathlib import Path

from api.embedded.machine import marker_of


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def of_state(state: Path) -> dict[int, str]:
    """Command lines, by pid, of every process of the platform that keeps its data in `state`."""
    markers = [marker_of(state / name).encode() for name in ("postgres", "valkey")]
    mine = f"SELLER_STATE={state}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or b") Z " in read(entry / "stat"):
            continue
        command = read(entry / "cmdline")
        ours = mine in read(entry / "environ").split(b"\0") and b"api.command_line" in command
        if ours or any(marker in command for marker in markers):
            found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


def within(seconds: float, holds: Callable[[], object]) -> bool:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True
