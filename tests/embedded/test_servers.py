"""Both servers under one state folder, for as long as a block runs."""

import errno
import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from redis.asyncio import Redis

from api.embedded.postgres import EmbeddedPostgres
from api.embedded.servers import AlreadyRunning, EmbeddedServers, embedded_servers, remove_state
from api.embedded.valkey import EmbeddedValkey
from tests.embedded.keeping import (
    CHECKOUT,
    Keeper,
    copy_installation,
    gone_within,
    interpreter_for,
    owner_of,
    server_pid,
)

Keep = Callable[..., Keeper]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave its account")


async def write(servers: EmbeddedServers) -> None:
    connection = await asyncpg.connect(servers.owner_url)
    await connection.execute("CREATE TABLE kept (word text)")
    await connection.execute("INSERT INTO kept VALUES ('ordered')")
    await connection.close()
    async with Redis.from_url(servers.redis_url) as redis:
        await redis.set("kept", "pushed")


async def read(servers: EmbeddedServers) -> tuple[object, object]:
    connection = await asyncpg.connect(servers.owner_url)
    word = await connection.fetchval("SELECT word FROM kept")
    await connection.close()
    async with Redis.from_url(servers.redis_url) as redis:
        pushed = await redis.get("kept")
    return word, pushed


async def test_data_and_passwords_outlive_the_servers(tmp_path: Path) -> None:
    sentences: list[str] = []
    with embedded_servers(tmp_path, progress=sentences.append) as servers:
        await write(servers)
        pids = [server_pid(tmp_path / name) for name in ("postgres", "valkey")]
    assert gone_within(pids, seconds=0)
    with embedded_servers(tmp_path, progress=sentences.append) as servers:
        assert await read(servers) == ("ordered", b"pushed")
    assert sum("done once" in sentence for sentence in sentences) == 1


async def test_only_loopback_answers_and_only_to_the_password(tmp_path: Path) -> None:
    with embedded_servers(tmp_path) as servers:
        ports = [urlsplit(url).port or 0 for url in (servers.owner_url, servers.redis_url)]
        for port in ports:
            with socket.socket() as other:
                assert other.connect_ex(("127.0.0.2", port)) == errno.ECONNREFUSED
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(host="127.0.0.1", port=ports[0], user="postgres", password="")
        with socket.create_connection(("127.0.0.1", ports[1])) as stranger:
            stranger.sendall(b"PING\r\n")
            assert stranger.recv(100).startswith(b"-NOAUTH")


def test_passwords_are_in_private_files_and_in_no_command_line(tmp_path: Path) -> None:
    with embedded_servers(tmp_path) as servers:
        for name, url in (("postgres", servers.owner_url), ("valkey", servers.redis_url)):
            command = Path(f"/proc/{server_pid(tmp_path / name)}/cmdline").read_text()
            assert "127.0.0.1" in command
            assert str(urlsplit(url).password) not in command
            assert (tmp_path / name / "password").stat().st_mode & 0o077 == 0


async def test_a_killed_parent_leaves_no_server_and_no_loss(tmp_path: Path, keep: Keep) -> None:
    keeper = keep(tmp_path)
    servers = EmbeddedServers(*keeper.told())
    await write(servers)
    pids = [server_pid(tmp_path / name) for name in ("postgres", "valkey")]
    keeper.kill()
    # At once, while the old servers may still be writing: the next start waits for them.
    with embedded_servers(tmp_path) as servers:
        assert gone_within(pids, seconds=0)
        assert await read(servers) == ("ordered", b"pushed")


def test_hung_servers_of_a_killed_parent_are_ended_before_the_next_start(
    tmp_path: Path, keep: Keep
) -> None:
    keeper = keep(tmp_path)
    keeper.told()
    pids = [server_pid(tmp_path / name) for name in ("postgres", "valkey")]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    keeper.kill()
    servers: list[EmbeddedPostgres | EmbeddedValkey] = [
        EmbeddedPostgres(tmp_path / "postgres", stop_seconds=0.5),
        EmbeddedValkey(tmp_path / "valkey", stop_seconds=0.5),
    ]
    for server, hung in zip(servers, pids, strict=True):
        server.start()
        assert gone_within([hung], seconds=0)
        assert server.pid is not None
        assert server.pid != hung
        server.stop()


def test_servers_of_a_killed_parent_end_by_themselves(tmp_path: Path, keep: Keep) -> None:
    keeper = keep(tmp_path)
    keeper.told()
    pids = [server_pid(tmp_path / name) for name in ("postgres", "valkey")]
    assert not gone_within(pids, seconds=0)
    keeper.kill()
    assert gone_within(pids, seconds=10)


def test_a_second_start_is_refused_and_named_while_another_folder_runs_beside(
    tmp_path: Path, keep: Keep
) -> None:
    first = tmp_path / "first"
    keeper = keep(first)
    keeper.told()
    with pytest.raises(AlreadyRunning) as refused, embedded_servers(first):
        pass
    assert f"Process {keeper.pid} already keeps its servers in {first}" in str(refused.value)
    with embedded_servers(tmp_path / "second") as servers:
        assert urlsplit(servers.owner_url).port
    keeper.end()


def test_reset_is_refused_while_servers_run_and_then_removes_everything(
    tmp_path: Path, keep: Keep
) -> None:
    state = tmp_path / "state"
    keeper = keep(state / "test")
    keeper.told()
    with pytest.raises(AlreadyRunning, match=str(keeper.pid)):
        remove_state(state)
    assert (state / "test" / "postgres" / "data" / "PG_VERSION").exists()
    keeper.end()
    remove_state(state)
    assert not state.exists()


@as_root
def test_root_in_a_private_home_serves_as_somebody_else(keep: Keep) -> None:
    with tempfile.TemporaryDirectory(dir="/root") as name:
        home = Path(name)  # 0700, below another 0700
        copy_installation(home)
        keeper = keep(home / ".state", path=str(home))
        keeper.told()
        for server in ("postgres", "valkey"):
            assert owner_of(server_pid(home / ".state" / server)) != 0
        keeper.end()
        copies = sorted(Path("/var/tmp").glob("seller-*")) + sorted(Path("/tmp").glob("seller-*"))
        assert copies
        reset = [sys.executable, "-m", "api.embedded.reset", str(home / ".state")]
        subprocess.run(reset, check=True, cwd=home, capture_output=True, env={"PYTHONPATH": name})
        assert not (home / ".state").exists()
        assert len([copy for copy in copies if copy.exists()]) == len(copies) - 2


@as_root
def test_an_ordinary_account_serves_itself(keep: Keep) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    python = interpreter_for(nobody)
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        home = Path(name)
        copy_installation(home)
        for path in (home, *home.rglob("*")):
            os.chown(path, nobody, nobody)
        keeper = keep(home / ".state", path=str(home), python=python, uid=nobody)
        keeper.told()
        pids = [server_pid(home / ".state" / server) for server in ("postgres", "valkey")]
        assert [owner_of(pid) for pid in pids] == [nobody, nobody]
        keeper.kill()
        assert gone_within(pids, seconds=10)


def test_the_seller_script_runs_its_own_checkout_through_a_symlink(tmp_path: Path) -> None:
    link = tmp_path / "bin" / "seller"
    link.parent.mkdir()
    link.symlink_to(CHECKOUT / "seller")
    lonely = tmp_path / "lonely"
    lonely.mkdir()
    (lonely / "seller").write_bytes((CHECKOUT / "seller").read_bytes())
    told = subprocess.run(
        ["/bin/sh", lonely / "seller"], check=False, capture_output=True, text=True
    )
    assert told.returncode == 1
    assert f"nothing is installed in {lonely} yet; run `make run`" in told.stderr
    # A stranger's package of the same name where the caller stands is not ours.
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "__init__.py").write_text("raise SystemExit('a stranger')")
    told = subprocess.run(
        [link, "--help"], check=False, capture_output=True, text=True, cwd=tmp_path
    )
    assert "stranger" not in told.stdout + told.stderr
    assert "nothing is installed" not in told.stderr
