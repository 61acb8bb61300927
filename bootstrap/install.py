# ruff: noqa: INP001 -- run by path before anything is installed, never imported

"""`python bootstrap/install.py run|dev`: .venv from the hash-pinned lock, only when it changed.

Standard library only, Python 3.11 or newer. uv does the work where it can be had, pip where not.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
UV_LOCK = ROOT / "requirements-uv.lock"
# The second holds all of the first, so installing it serves both.
LOCKS = {"run": ROOT / "requirements.lock", "dev": ROOT / "requirements-dev.lock"}


class InstallFailedError(Exception):
    """Says in a sentence what to mend."""


def main(purpose: str) -> None:
    with LOCKS["run"].open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # `make run` and `make test` may begin at once
        made = not _answers(PYTHON)
        if made:
            _make_venv()
        if made or not _is_installed(purpose):
            _install(LOCKS[purpose])
            for served in ("run", "dev") if purpose == "dev" else ("run",):
                _stamp(served).write_text(_wanted(served))
        _link_seller()


def _make_venv() -> None:
    _say(f"Making {VENV.name} with Python {sys.version.split()[0]}.")
    if _run(sys.executable, "-m", "venv", "--clear", str(VENV)):
        raise InstallFailedError(
            "Python's venv module is missing or incomplete. On Debian and Ubuntu: "
            "`apt-get install python3-venv`; elsewhere install Python 3.11 or newer whole."
        )


def _install(lock: Path) -> None:
    _say(f"Installing what {lock.name} names.")
    installed = _have_uv() and not _run(
        str(UV), "pip", "install", "--quiet", "--python", str(PYTHON),
        "--require-hashes", "--compile-bytecode", "-r", str(lock),
    )  # fmt: skip
    if installed:
        return
    _say("uv cannot be had or could not do it; pip does the same, more slowly.")
    if not _have_pip() or _run(*_pip_install(lock)):
        raise InstallFailedError(
            f"The packages in {lock.name} could not be installed; the lines above say which and "
            "why. Nothing else was changed; the same command tries again."
        )


def _have_uv() -> bool:
    if _answers(UV):
        return True
    return _have_pip() and not _run(*_pip_install(UV_LOCK)) and _answers(UV)


def _have_pip() -> bool:
    return _answers(PYTHON, "-m", "pip") or not _run(str(PYTHON), "-m", "ensurepip")


def _pip_install(lock: Path) -> tuple[str, ...]:
    return (
        str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--require-hashes", "--compile", "-r", str(lock),
    )  # fmt: skip


def _link_seller() -> None:
    link = VENV / "bin" / "seller"
    if not link.is_symlink():
        link.symlink_to(Path("..", "..", "seller"))


def _is_installed(purpose: str) -> bool:
    stamp = _stamp(purpose)
    return stamp.exists() and stamp.read_text() == _wanted(purpose)


def _stamp(purpose: str) -> Path:
    return VENV / f".installed-{purpose}"


def _wanted(purpose: str) -> str:
    # The content, not the date: git and copies change dates.
    return hashlib.sha256(LOCKS[purpose].read_bytes()).hexdigest()


def _answers(program: Path, *arguments: str) -> bool:
    try:
        tried = subprocess.run(  # noqa: S603 -- our own venv
            [program, *arguments, "--version"], check=False, capture_output=True
        )
    except OSError:
        return False
    return tried.returncode == 0


def _run(*command: str) -> int:
    # Bytecode is compiled now whatever the environment says, so that every start is quick.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    # pip trusts the system's certificates; behind a company's proxy uv has to be told to.
    environment.setdefault("UV_SYSTEM_CERTS", "true")
    return subprocess.run(command, check=False, env=environment).returncode  # noqa: S603


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except InstallFailedError as failure:
        sys.exit(str(failure))
