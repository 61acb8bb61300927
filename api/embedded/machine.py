"""What the operating system is asked for: an account, a lock, a port, and who lives where."""

import fcntl
import hashlib
import os
import pwd
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

UNPRIVILEGED_ACCOUNTS = ("postgres", "nobody")
HERE = "127.0.0.1"
HAS_PROC = Path("/proc/self/cmdline").exists()


class Account(NamedTuple):
    """Who a server runs as. Always has a passwd entry: initdb insists on one."""

    uid: int
    gid: int


def account_for(data: Path) -> Account | None:
    """Who owns and serves `data`: nobody special unless we are root, whom Postgres refuses.

    Data that an ordinary user made stay theirs when root serves them.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        names: tuple[int | str, ...] = (data.stat().st_uid, *UNPRIVILEGED_ACCOUNTS)
    else:
        names = UNPRIVILEGED_ACCOUNTS
    for name in names:
        try:
            entry = pwd.getpwuid(name) if isinstance(name, int) else pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise RuntimeError(
        "Postgres refuses to run as root, and this machine has neither of the accounts "
        f"{', '.join(UNPRIVILEGED_ACCOUNTS)} to run it as. Add one, or run as an ordinary user."
    )


def give_to(path: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(path, account.uid, account.gid)


def own_folder(path: Path, account: Account | None) -> Path:
    """`path` as a folder that only `account` can enter, made or handed over."""
    path.mkdir(mode=0o700, exist_ok=True)
    if account is not None and path.stat().st_uid != account.uid:
        for inside in (path, *path.rglob("*")):
            give_to(inside, account)
    return path


def secret_in(path: Path) -> str:
    """The password kept in `path`, made when there is none; only our own account can read it."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_hex(24))
    return path.read_text()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


@contextmanager
def exclusive(lock: Path) -> Iterator[None]:
    """Wait for `lock`; the kernel lets go of it when we die."""
    with lock.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def marker_of(folder: Path) -> str:
    """A word in the command line of every server process of `folder`, and of no other."""
    return "seller-" + hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]


def living(marker: str) -> list[int]:
    """Pids whose command line carries `marker`; zombies have none and do not count.

    Command lines, because root in a container may not ask for another account's folder.
    """
    word = marker.encode()
    if HAS_PROC:
        return [
            int(entry.name)
            for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and word in _read(entry / "cmdline")
        ]
    listing = subprocess.run(
        ["/bin/ps", "-axwwo", "pid=,command="], check=True, capture_output=True
    ).stdout.splitlines()
    return [int(line.split(None, 1)[0]) for line in listing if word in line]


def parent_of(pid: int) -> int | None:
    if HAS_PROC:
        # The name in brackets may itself hold brackets; the state and the parent come after it.
        fields = _read(Path(f"/proc/{pid}/stat")).rpartition(b")")[2].split()
        return int(fields[1]) if fields else None
    told = subprocess.run(  # noqa: S603 -- a fixed command and a number
        ["/bin/ps", "-o", "ppid=", "-p", str(pid)], check=False, capture_output=True
    ).stdout
    return int(told) if told.strip() else None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # the process ended while we looked
        return b""
