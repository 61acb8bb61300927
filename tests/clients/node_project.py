"""The Node project of the clients: installed when its lock changed, its scripts run beside us."""

import asyncio
import fcntl
import hashlib
import json
import shutil
import subprocess
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "node"
SECONDS_FOR_NPM = 300
SECONDS_FOR_SCRIPT = 90


@dataclass(frozen=True)
class Ended:
    """A program that ran to its end: its exit status, and all that it said."""

    status: int
    output: str
    errors: str

    @property
    def said(self) -> str:
        return self.output + self.errors


@dataclass(frozen=True)
class NodeProject:
    node: str
    npm: str

    def install(self) -> None:
        """`npm ci`, unless what is there came of this very lock."""
        with (FOLDER / "package.json").open() as manifest:
            fcntl.flock(manifest, fcntl.LOCK_EX)  # several runs of the tests may begin at once
            stamp = FOLDER / "node_modules" / ".installed"
            locked = b"".join(
                (FOLDER / f"package{part}.json").read_bytes() for part in ("", "-lock")
            )
            wanted = hashlib.sha256(locked).hexdigest()
            if not (stamp.is_file() and stamp.read_text() == wanted):
                command = [self.npm, "ci", "--no-audit", "--no-fund", "--prefer-offline"]
                done = subprocess.run(
                    command,
                    cwd=FOLDER,
                    capture_output=True,
                    text=True,
                    timeout=SECONDS_FOR_NPM,
                    check=False,
                )
                assert done.returncode == 0, done.stdout + done.stderr
                stamp.write_text(wanted)

    async def run(
        self, program: str, *arguments: str, given: str | None = None, folder: Path = FOLDER
    ) -> Ended:
        """A program of node_modules/.bin, or a script of ours; our servers run on meanwhile."""
        tool = FOLDER / "node_modules" / ".bin" / program
        process = await asyncio.create_subprocess_exec(
            self.node,
            str(tool if tool.exists() else FOLDER / program),
            *arguments,
            cwd=folder,
            stdin=DEVNULL if given is None else PIPE,
            stdout=PIPE,
            stderr=PIPE,
        )
        try:
            async with asyncio.timeout(SECONDS_FOR_SCRIPT):
                output, errors = await process.communicate(given.encode() if given else None)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return Ended(process.returncode, output.decode(), errors.decode())

    async def ask(self, script: str, question: Any) -> Any:
        """What a script saw: it is asked in JSON and answers in JSON."""
        ended = await self.run(script, given=json.dumps(question))
        assert ended.status == 0, ended.said
        return json.loads(ended.output)


def node_project() -> NodeProject | None:
    """None where Node is not installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    return NodeProject(node, npm) if node and npm else None


def version_of(package: str) -> str:
    """The version that is installed, not the one that the manifest names."""
    manifest = FOLDER / "node_modules" / package / "package.json"
    version: str = json.loads(manifest.read_text(encoding="utf-8"))["version"]
    return version
