"""graphql-core's tests, which its source distribution carries, fetched once from the registry.

They are of the locked version, by its hash, and lie in `.state` until that is removed.
"""

import re
import subprocess
import sys
import tarfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
_LOCKED = re.compile(r"^graphql-core==(\S+) (?:\\\n    --hash=\S+ ?)+", re.MULTILINE)
_PATIENCE = 120  # seconds


class OutOfReach(Exception):
    """The registry does not answer, or not with this."""


def fetched() -> Path:
    """The folder that holds `tests`, and beside it `plugins` that these need."""
    locked = _LOCKED.search((CHECKOUT / "requirements.lock").read_text())
    assert locked, "requirements.lock names no graphql-core"
    place = CHECKOUT / ".state" / f"graphql_core-{locked[1]}"
    if not (place / "complete").exists():
        place.mkdir(parents=True, exist_ok=True)
        (place / "requirements.txt").write_text(locked[0] + "\n")
        _fetch(place)
        (place / "complete").touch()
    return place


def _fetch(place: Path) -> None:
    _pip(
        *("download", "--no-deps", "--no-binary", "graphql-core", "--require-hashes"),
        *("-r", str(place / "requirements.txt"), "-d", str(place)),
    )
    (archive,) = place.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            _, _, member.name = member.name.partition("/")
            if member.name.startswith("tests/"):
                opened.extract(member, place, filter="data")
    _pip(
        *("install", "--no-deps", "--require-hashes", "--upgrade"),
        *("-r", str(Path(__file__).with_name("requirements.txt"))),
        *("--target", str(place / "plugins")),
    )


def _pip(*arguments: str) -> None:
    try:
        subprocess.run(
            [*_PIP, *arguments], check=True, capture_output=True, text=True, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise OutOfReach(f"pip {arguments[0]} took longer than {_PATIENCE} s") from None
    except subprocess.CalledProcessError as error:
        raise OutOfReach(f"pip {arguments[0]}: {error.stderr.strip()[-300:]}") from None
