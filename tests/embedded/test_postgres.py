"""One embedded Postgres: how it starts, what it forgives, and how it fails."""

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from api.embedded.machine import account_for
from api.embedded.postgres import EmbeddedPostgres
from api.embedded.process import ServerFailedError
from tests.embedded.keeping import KEEP_POSTGRES, Keeper, gone_within, is_alive

Keep = Callable[..., Keeper]
ENDS = ["/bin/true"]
STAYS = ["/bin/sleep", "60"]


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One server for the module; each test finds it running and leaves it so."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), settings={"fsync": "off"})
    server.start()
    yield server
    server.stop()


async def ask(server: EmbeddedPostgres, question: str) -> object:
    connection = await asyncpg.connect(server.url)
    try:
        answer: object = await connection.fetchval(question)
    finally:
        await connection.close()
    return answer


async def test_letters_beyond_ascii_and_settings_are_as_asked(postgres: EmbeddedPostgres) -> None:
    assert await ask(postgres, "SELECT lower('ÄĐИ')") == "äđи"
    assert await ask(postgres, "SHOW fsync") == "off"
    assert await ask(postgres, "SHOW shared_preload_libraries") == "pg_stat_statements"
    assert str(await ask(postgres, "SHOW server_version")).startswith("18")


async def test_committed_rows_survive_sigkill_and_come_back_on_the_same_port(
    postgres: EmbeddedPostgres,
) -> None:
    await ask(postgres, "CREATE TABLE IF NOT EXISTS survivors AS SELECT 1 AS one")
    port, pid = postgres.port, postgres.pid
    postgres.kill()
    with pytest.raises(OSError, match=r"(?i)connect"):
        await ask(postgres, "SELECT 1")
    postgres.start()
    assert (postgres.port, postgres.pid == pid) == (port, False)
    assert await ask(postgres, "SELECT one FROM survivors") == 1


async def test_restart_breaks_connections_and_keeps_the_port(postgres: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(postgres.url)
    port = postgres.port
    postgres.restart()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("SELECT 1")
    await connection.close()
    assert postgres.port == port
    assert await ask(postgres, "SELECT 1") == 1


@pytest.mark.parametrize("command", [ENDS, STAYS], ids=["zombie", "stranger"])
def test_a_stale_pid_of_a_zombie_or_a_stranger_does_not_stop_the_start(
    postgres: EmbeddedPostgres, command: list[str]
) -> None:
    data = postgres.folder / "data"
    account = account_for(data)
    uid = None if account is None else account.uid
    postgres.kill()
    # Of the server's account, or Postgres itself would see that it is no server of its own.
    with subprocess.Popen(command, user=uid, cwd="/") as other:
        if command == ENDS:
            os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
        assert is_alive(other.pid) is (command == STAYS)
        lines = (data / "postmaster.pid").read_text().split("\n")
        (data / "postmaster.pid").write_text("\n".join([str(other.pid), *lines[1:]]))
        postgres.start()
        assert postgres.pid is not None
        assert is_alive(postgres.pid)
        other.kill()


def test_concurrent_starters_share_one_server(tmp_path: Path, keep: Keep) -> None:
    starters = [keep(tmp_path, code=KEEP_POSTGRES) for _ in range(3)]
    for starter in starters:
        starter.go()
    told = [starter.told() for starter in starters]
    assert told[0] == told[1] == told[2]
    for starter in starters:
        starter.end()
    assert gone_within([int(told[0][0])], seconds=5)


def test_half_a_database_is_never_taken_for_one(tmp_path: Path) -> None:
    half = tmp_path / "new-interrupted"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(tmp_path)
    server.start()
    try:
        assert not half.exists()
    finally:
        server.stop()
    assert (tmp_path / "data" / "PG_VERSION").exists()
    (tmp_path / "password").unlink()
    with pytest.raises(ServerFailedError, match=r"password is gone.*make reset"):
        server.start()


def test_a_failed_start_shows_the_end_of_the_log(postgres: EmbeddedPostgres) -> None:
    settings = {"shared_buffers": "nonsense"}
    postgres.stop()
    with pytest.raises(ServerFailedError, match='invalid value for parameter "shared_buffers"'):
        EmbeddedPostgres(postgres.folder, settings=settings).start()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ServerFailedError, match="could not bind"):
            EmbeddedPostgres(postgres.folder, port=taken.getsockname()[1]).start()
    postgres.start()


def test_a_start_from_another_thread_is_refused(postgres: EmbeddedPostgres) -> None:
    refusals: list[BaseException] = []

    def start() -> None:
        try:
            postgres.start()
        except RuntimeError as refusal:
            refusals.append(refusal)

    postgres.stop()
    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(refusals[0])
    postgres.start()
