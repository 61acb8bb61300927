"""What runs on Node, where that is installed: Mercurius and PostGraphile."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from benchmarks.operations import postgraphile
from benchmarks.operations.contender import Contender
from benchmarks.operations.filled_database import Servers
from benchmarks.operations.ours import of_workspace
from benchmarks.operations.questions import DOCUMENTS

FOLDER = Path(__file__).parent / "node"
MERCURIUS, POSTGRAPHILE = "mercurius", "postgraphile"


class NodeMissing(RuntimeError):
    """Node's contenders cannot run here; says why."""


def node_contenders(at: Servers) -> list[Contender]:
    """Both, with their packages installed; `NodeMissing` where that cannot be."""
    node = _installed()
    return [
        Contender(
            name=MERCURIUS,
            title="Mercurius with JIT",
            command=(node, str(FOLDER / "mercurius.mjs")),
            environment={"APP_DATABASE_URL": at.app_url, "NODE_ENV": "production"},
            documents=DOCUMENTS,
            headers=of_workspace,
        ),
        Contender(
            name=POSTGRAPHILE,
            title="PostGraphile 5, Amber preset",
            command=(node, str(FOLDER / "postgraphile.mjs")),
            environment={
                "APP_DATABASE_URL": at.app_url,
                "NODE_ENV": "production",
                "GRAPHILE_ENV": "production",
            },
            documents=postgraphile.DOCUMENTS,
            headers=of_workspace,
            variables=postgraphile.variables,
            plain=postgraphile.plain,
        ),
    ]


def _installed() -> str:
    """The Node to run: the one that `package-lock.json` pins, since PostGraphile needs 22."""
    npm = shutil.which("npm")
    if npm is None:
        raise NodeMissing("npm is not installed.")
    _install(npm)
    pinned = sorted(FOLDER.glob("node_modules/node-linux-*/bin/node"))
    node = str(pinned[0]) if pinned else shutil.which("node")
    if node is None:
        raise NodeMissing("Node is not installed.")
    return node


def _install(npm: str) -> None:
    stamp = FOLDER / "node_modules" / ".installed"
    wanted = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    command = [npm, "ci", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NodeMissing(f"`npm ci` failed: {done.stderr.strip()[-300:]}")
    stamp.write_text(wanted)
