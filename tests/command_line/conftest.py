import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
_OURS = ("DATABASE_URL", "APP_DATABASE_URL", "REDIS_URL", "PORT", "HOST")


def environment(**given: str) -> dict[str, str]:
    """This process's environment without settings of ours, and what is given."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _OURS and not name.startswith("SELLER_")
    }
    return {**kept, "COLUMNS": "200", "NO_COLOR": "1", **given}


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


Seller = Callable[..., Done]


@pytest.fixture(scope="session")
def seller(settings: Settings) -> Seller:
    """Run `./seller ...` against the database of the tests, and wait for its end."""
    given = server_environment(settings)

    def run(*words: str, feed: str = "", also: Mapping[str, str] | None = None) -> Done:
        process = subprocess.run(
            [CHECKOUT / "seller", *words],
            env=environment(**{**given, **(also or {})}),
            input=feed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in process.stderr, process.stderr
        return Done(process.returncode, process.stdout, process.stderr)

    return run


def server_environment(settings: Settings) -> dict[str, str]:
    urls = {
        "DATABASE_URL": settings.database_url,
        "APP_DATABASE_URL": settings.app_database_url,
        "REDIS_URL": settings.redis_url,
    }
    told = {name: url.get_secret_value() for name, url in urls.items() if url is not None}
    return {**told, "SELLER_STATE": str(settings.state)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start `./seller ...` with an environment; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str, **given: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [CHECKOUT / "seller", *words],
            env=environment(**given),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(12)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
