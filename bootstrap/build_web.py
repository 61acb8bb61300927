# ruff: noqa: INP001 -- run by path before anything is installed, never imported

"""`python bootstrap/build_web.py`: web/dist from web/, only when its sources changed.

Never fails: the platform runs without its pages, and they say themselves what is missing.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

WEB = Path(__file__).resolve().parent.parent / "web"
NOT_SOURCES = {"node_modules", "dist", ".vite"}


def main() -> None:
    manifest = WEB / "package.json"
    if not manifest.exists():
        return
    with manifest.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # `make run` and `make test` may begin at once
        stamp = WEB / "dist" / ".built"
        wanted = _digest(_sources())
        if stamp.exists() and stamp.read_text() == wanted:
            return
        npm = shutil.which("npm")
        if npm is None:
            _say("npm is not installed, so the web pages are not built; everything else works.")
        elif _install(npm) and _npm(npm, "run", "build"):
            stamp.parent.mkdir(exist_ok=True)
            stamp.write_text(wanted)
        else:
            _say("The web pages could not be built (see above); everything else works.")


def _install(npm: str) -> bool:
    stamp = WEB / "node_modules" / ".installed"
    wanted = _digest([WEB / "package.json", WEB / "package-lock.json"])
    if stamp.exists() and stamp.read_text() == wanted:
        return True
    if not _npm(npm, "ci", "--no-audit", "--no-fund", "--prefer-offline"):
        return False
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(wanted)
    return True


def _npm(npm: str, *arguments: str) -> bool:
    _say(f"Building the web pages: npm {' '.join(arguments)}")
    return subprocess.run([npm, *arguments], cwd=WEB, check=False).returncode == 0  # noqa: S603


def _sources() -> list[Path]:
    found = []
    for folder, subfolders, files in os.walk(WEB):
        subfolders[:] = sorted(set(subfolders) - NOT_SOURCES)
        found += [Path(folder, name) for name in sorted(files)]
    return found


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        if file.exists():
            digest.update(str(file.relative_to(WEB)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
