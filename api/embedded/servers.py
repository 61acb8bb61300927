"""The door: both servers under one state folder, for as long as a block of code runs."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from api.embedded.binaries import forget_copies
from api.embedded.postgres import EmbeddedPostgres
from api.embedded.valkey import EmbeddedValkey

LOCK = "servers.lock"


class AlreadyRunning(RuntimeError):
    """Another process keeps its servers in this state folder."""

    def __init__(self, *, state: Path, pid: str) -> None:
        super().__init__(
            f"Process {pid or '(unknown)'} already keeps its servers in {state}. "
            f"Use it as it runs, or end it first (Ctrl-C in its terminal, or `kill {pid}`)."
        )


@dataclass(frozen=True)
class EmbeddedServers:
    """Where to connect: Postgres as its superuser, and Valkey, both with passwords."""

    owner_url: str
    redis_url: str


@contextmanager
def embedded_servers(
    state: Path,
    *,
    progress: Callable[[str], None] = lambda _: None,
    postgres_settings: Mapping[str, str] | None = None,
    valkey_settings: Mapping[str, str] | None = None,
) -> Iterator[EmbeddedServers]:
    """Run Postgres and Valkey under `state` while the block runs; their data stay there.

    `progress` hears a sentence before each step that takes time. Raises `AlreadyRunning` when
    another process does the same in `state`. Call from the main thread.
    """
    state = _made(state.resolve())
    with _held_alone(state), ExitStack() as stopping:
        progress("Starting Postgres.")
        postgres = EmbeddedPostgres(
            state / "postgres", settings=postgres_settings, progress=progress
        )
        stopping.callback(postgres.stop)  # before the start: an interrupted one is ended too
        postgres.start()
        progress("Starting Valkey.")
        valkey = EmbeddedValkey(state / "valkey", settings=valkey_settings)
        stopping.callback(valkey.stop)
        valkey.start()
        # Both are asked before either is waited for.
        stopping.callback(postgres.ask_to_stop)
        yield EmbeddedServers(owner_url=postgres.url, redis_url=valkey.url)


def make_sure_none_runs(state: Path) -> None:
    """Raises `AlreadyRunning` when a process keeps servers in `state` now."""
    with _held_alone(_made(state.resolve())):
        pass


def remove_state(state: Path) -> None:
    """Remove `state` with all data, and the copies of the programs made for it.

    Raises `AlreadyRunning` when a process keeps servers in it or in a folder inside it.
    """
    state = state.resolve()
    if state.exists():
        with ExitStack() as held:
            for lock in sorted(state.rglob(LOCK)):
                held.enter_context(_held_alone(lock.parent))
            shutil.rmtree(state)
    forget_copies()


def is_running(state: Path) -> bool:
    """Whether a process keeps its servers in that folder now; a killed one keeps none."""
    if not (state / LOCK).exists():
        return False
    with (state / LOCK).open() as lock:  # shared, and read only: the lock's own words stay
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@contextmanager
def _held_alone(state: Path) -> Iterator[None]:
    with (state / LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise AlreadyRunning(state=state, pid=lock.read().strip()) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _made(state: Path) -> Path:
    try:
        state.mkdir(parents=True, exist_ok=True)
        (state / LOCK).touch()
    except PermissionError as refused:
        raise PermissionError(
            f"{refused.filename} belongs to another account, which ran the platform here before. "
            "Run as that account, or let it do `make reset`."
        ) from refused
    return state
