import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.command_line.__main__ import app
from api.settings import Settings, load_settings

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


@pytest.fixture
def typed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Seller]:
    """The same in a thread of this process: a start costs a second, this nothing."""
    for name, value in environment(**server_environment(settings)).items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()

    def run(*words: str, feed: str = "") -> Done:
        with ThreadPoolExecutor(1) as thread:
            told = thread.submit(CliRunner().invoke, app, words, input=feed).result(60)
        if told.exception is not None and not isinstance(told.exception, SystemExit):
            raise told.exception
        return Done(told.exit_code, told.stdout, told.stderr)

    yield run
    load_settings.cache_clear()


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
