"""One server process: started so that it dies with us, found again, and stopped within a bound."""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from api.embedded.machine import Account, living, marker_of, parent_of

MAX_LOG_BYTES = 8 * 1024 * 1024
PR_SET_PDEATHSIG = 1


class ServerFailedError(RuntimeError):
    """A server did not start; carries the end of its log."""


class ServerProcess:
    """The process that serves `folder`, whether we started it or found it running.

    `gentle` ends it with its data written, `harsh` when that takes too long.
    """

    def __init__(
        self, folder: Path, *, name: str, gentle: signal.Signals, harsh: signal.Signals
    ) -> None:
        self.folder = folder
        self.name = name
        self.marker = marker_of(folder)
        self.pid: int | None = None
        self.log = folder / "server.log"
        self._record = folder / "server.json"
        self._gentle = gentle
        self._harsh = harsh
        self._child: subprocess.Popen[bytes] | None = None

    def find(self) -> int | None:
        """Adopt the server that another living process keeps here; its port, or None.

        One whose starter is gone is about to end and is not adopted.
        """
        try:
            told = json.loads(self._record.read_text())
        except (OSError, ValueError):
            return None
        if told["pid"] not in living(self.marker) or parent_of(told["pid"]) != told["starter"]:
            return None
        self.pid = told["pid"]
        return int(told["port"])

    def clear(self, *, seconds: float) -> None:
        """End what is left of an earlier server: ask its first process, then kill the rest."""
        with contextlib.suppress(OSError, ValueError):
            leader = json.loads(self._record.read_text())["pid"]
            if leader in living(self.marker):
                os.kill(leader, self._gentle)
        until = time.monotonic() + seconds
        while left := living(self.marker):
            if time.monotonic() > until:
                _signal_all(left, signal.SIGKILL)
            time.sleep(0.02)

    def spawn(
        self,
        command: Sequence[str],
        *,
        inside: Path,
        account: Account | None,
        port: int,
        feed: bytes = b"",
    ) -> None:
        """Start `command` with `inside` as its folder and `feed` as its input."""
        with _capped_log(self.log) as log:
            self._child = launch(
                command, inside=inside, account=account, death_signal=self._gentle, log=log
            )
        self.pid = self._child.pid
        record = {"pid": self.pid, "port": port, "starter": os.getpid()}
        self._record.write_text(json.dumps(record))
        if self._child.stdin is not None:
            with contextlib.suppress(BrokenPipeError), self._child.stdin as stdin:
                stdin.write(feed)

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not ready():
            if self._child is not None and self._child.poll() is not None:
                self.pid = self._child = None
                raise ServerFailedError(f"{self.name} ended while starting.\n{self._last_words()}")
            if time.monotonic() > until:
                self.kill()
                raise ServerFailedError(
                    f"{self.name} was not ready within {seconds:g} s.\n{self._last_words()}"
                )
            time.sleep(0.01)

    def ask_to_stop(self) -> None:
        """Send the gentle signal to a server of ours; one that we only found stays."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(self._gentle)

    def stop(self, *, seconds: float) -> None:
        """End a server of ours with its data written, within about `seconds`."""
        child, self._child, self.pid = self._child, None, None
        if child is None:
            return
        for number in (self._gentle, self._harsh, signal.SIGKILL):
            if child.poll() is None:
                child.send_signal(number)
            try:
                child.wait(timeout=seconds * (0.7 if number is self._gentle else 0.15))
                break
            except subprocess.TimeoutExpired:
                continue
        self._record.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it as a crash would (SIGKILL), ours or found, and wait until nothing is left."""
        if self.pid is not None:
            _signal_all([self.pid], signal.SIGKILL)
        if self._child is not None:
            self._child.wait()
        self.pid = self._child = None
        while living(self.marker):
            time.sleep(0.01)

    def _last_words(self) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"The end of {self.log}:\n{text[-1500:]}"


def launch(
    command: Sequence[str],
    *,
    inside: Path,
    account: Account | None,
    death_signal: signal.Signals,
    log: IO[bytes],
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `command` in the folder `inside`, which its account need not be able to name.

    The child changes folder before it gives up root, so a checkout under a private home works.
    It has its own session (Ctrl-C in a terminal is for us alone) and on Linux gets `death_signal`
    when the starting thread ends, which is why only the main thread may call.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            "Start embedded servers from the main thread: they end with their starting thread."
        )
    return subprocess.Popen(  # noqa: S603 -- binaries of our own wheels
        command,
        cwd=inside,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        start_new_session=True,
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
        pass_fds=pass_fds,
        preexec_fn=dies_with_parent(death_signal),  # noqa: PLW1509 -- only prctl, loaded before
    )


def dies_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # died before the kernel was asked
            os._exit(1)

    return ask_kernel


def _capped_log(path: Path) -> IO[bytes]:
    full = path.exists() and path.stat().st_size > MAX_LOG_BYTES
    return path.open("wb" if full else "ab")


def _signal_all(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
