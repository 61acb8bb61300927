"""`python -m benchmarks.noisy_neighbour`: what a quiet workspace notices while another one floods.

The quiet one asks an ordinary page eight times a second. The noisy one sends its dearest query over
40 connections, as fast as it is answered; then the same with a field that does not exist, which has
to be read in order to be refused. Calm and flood follow one another in one run, against `seller
serve` as shipped; what counts is the ratio of the two p99s. Server, Postgres and both clients share
this machine, so a flood also takes the processor from the quiet client. The control is the same
server whose budgets and turns have no bounds.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import httpx

from api.embedded.machine import free_port
from api.parts import open_parts
from api.settings import CHECKOUT, Settings
from benchmarks.held_loop.target import filled_platform
from tests.world import World
from tests.world.conformance import Finding, tell

ROUNDS = 5
SECONDS = 6.0
PAUSE = 0.12  # seconds between the quiet one's questions
CONNECTIONS = 40
LIMIT = 2.0
SMALL = 5_000  # bytes; what is larger is an answer
QUIET = "{ products(first: 20) { nodes { id title skus { sellerSku stock { available } } } } }"
NOISY = """
{ products(first: 100) { nodes { id title status version createdAt updatedAt
    skus { id sellerSku price { amount currencyCode } stock { available reserved } }
    translations { locale title description } listings { site status } media { url } } } }
"""
NOTHING: Mapping[str, str] = MappingProxyType({})
WITHOUT_BOUNDS = {
    "SELLER_BUDGET_POINTS": "1000000000",
    "SELLER_BUDGET_RESTORE": "1000000000",
    "SELLER_WORKSPACE_BUDGET_POINTS": "1000000000",
    "SELLER_WORKSPACE_BUDGET_RESTORE": "1000000000",
    "SELLER_OPERATIONS_AT_ONCE": "1000",
    "SELLER_DEAR_OPERATION_POINTS": "1000000",
}
REFUSED = NOISY.replace("media { url }", "media { uri }")
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@dataclass
class Seen:
    calm: list[float] = field(default_factory=list)
    flood: list[float] = field(default_factory=list)
    noisy: Counter[str] = field(default_factory=Counter)
    refused: int = 0  # of the quiet one's questions

    @property
    def ratio(self) -> float:
        return _percentiles(self.flood)[1] / _percentiles(self.calm)[1]

    def told(self) -> str:
        calm, flood = _percentiles(self.calm), _percentiles(self.flood)
        return (
            f"quiet workspace, ms: calm p50 {calm[0]:.1f} p99 {calm[1]:.1f} ({len(self.calm)} "
            f"answers), flood p50 {flood[0]:.1f} p99 {flood[1]:.1f} ({len(self.flood)}); p99 ratio "
            f"{self.ratio:.2f}, {self.refused} refused; noisy workspace: {dict(self.noisy)}"
        )


async def main() -> int:
    state = Path(os.environ.get("SELLER_TEST_STATE", CHECKOUT / ".state" / "benchmarks"))
    async with filled_platform(state) as settings:
        quiet, noisy = await _tokens(settings)
        control = await _seen(settings, quiet, noisy, rounds=1, given=WITHOUT_BOUNDS)
        dear = await _seen(settings, quiet, noisy, rounds=ROUNDS)
        refused = await _seen(settings, quiet, noisy, rounds=ROUNDS, text=REFUSED)
    print("without bounds:", control.told())
    passed = [
        _report("one that floods with its dearest query", dear, control),
        _report("one that floods with a document that is refused", refused, control),
    ]
    return int(not all(passed))


async def _seen(
    settings: Settings,
    quiet: str,
    noisy: str,
    *,
    rounds: int,
    text: str = NOISY,
    given: Mapping[str, str] = NOTHING,
) -> Seen:
    port = free_port()
    process = _serve(settings, port, given)
    try:
        return await _rounds(f"http://127.0.0.1:{port}", quiet, (noisy, text), rounds)
    finally:
        process.terminate()
        process.wait(20)


async def _tokens(settings: Settings) -> tuple[str, str]:
    """Two workspaces of the same size."""
    tokens = []
    async with open_parts(settings) as parts:
        for _ in range(2):
            workspace = await World(parts).workspace()
            for _ in range(110):
                await workspace.product(skus=4)
            tokens.append(await workspace.token())
    return tokens[0], tokens[1]


def _serve(settings: Settings, port: int, given: Mapping[str, str]) -> subprocess.Popen[bytes]:
    assert settings.app_database_url is not None
    assert settings.redis_url is not None
    environment = (
        os.environ
        | given
        | {
            "APP_DATABASE_URL": settings.app_database_url.get_secret_value(),
            "REDIS_URL": settings.redis_url.get_secret_value(),
            "SELLER_STATE": str(settings.state),
            "SELLER_LOG_LEVEL": "WARNING",
            "PORT": str(port),
        }
    )
    command = [sys.executable, "-m", "api.command_line", "serve"]
    return subprocess.Popen(command, cwd=CHECKOUT, env=environment)


async def _rounds(url: str, quiet: str, noisy: tuple[str, str], rounds: int) -> Seen:
    seen = Seen()
    async with _client(url, quiet) as asking:
        await _until_ready(asking)
        await _ask(asking, [], 2.0)  # warm
        for _ in range(rounds):
            await _ask(asking, seen.calm, SECONDS)
            flood = await _start_flood(url, *noisy)
            await asyncio.sleep(1)
            seen.refused += await _ask(asking, seen.flood, SECONDS)
            told, _ = await flood.communicate(b"")
            seen.noisy.update(json.loads(told))
    return seen


async def _start_flood(url: str, token: str, text: str) -> asyncio.subprocess.Process:
    """In a process of its own, so that the quiet client does not wait for the noisy one."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "benchmarks.noisy_neighbour", "flood", url, token, text)
    return await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=CHECKOUT)


async def flood(url: str, token: str, text: str) -> None:
    """Until the standard input ends; prints what was answered, by code. Bare bytes: a client that
    computes would slow itself down, and take the processor from the others."""
    seen: Counter[str] = Counter()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)
    host, port = url.removeprefix("http://").split(":")
    body = json.dumps({"query": text}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    sent = head.encode() + body
    await asyncio.gather(*(_flood(host, port, sent, stop, seen) for _ in range(CONNECTIONS)))
    print(json.dumps(seen))


def _client(url: str, token: str) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=30)


async def _until_ready(client: httpx.AsyncClient) -> None:
    for _ in range(200):
        try:
            if (await client.get("/ready")).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.1)
    raise TimeoutError("The server did not get ready.")


async def _ask(client: httpx.AsyncClient, times: list[float], seconds: float) -> int:
    """How often it was refused."""
    refused, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        started = time.perf_counter()
        answer = (await client.post("/graphql", json={"query": QUIET})).json()
        times.append(time.perf_counter() - started)
        refused += "errors" in answer
        await asyncio.sleep(PAUSE)
    return refused


async def _flood(
    host: str, port: str, sent: bytes, stop: asyncio.Event, seen: Counter[str]
) -> None:
    reader, writer = await asyncio.open_connection(host, int(port))
    while not stop.is_set():
        writer.write(sent)
        length = _LENGTH.search(await reader.readuntil(b"\r\n\r\n"))
        assert length is not None
        answer = await reader.readexactly(int(length[1]))
        errors = json.loads(answer).get("errors") if len(answer) < SMALL else None
        seen[errors[0]["extensions"]["code"] if errors else "answered"] += 1
    writer.close()


def _report(who: str, ours: Seen, control: Seen) -> bool:
    print(f"{who}:", ours.told())
    held = ours.ratio < LIMIT and not ours.refused
    tell(
        Finding(
            section="Limits",
            check=f"A quiet workspace's p99 changes by less than {LIMIT:g}x beside {who}",
            passed=int(held),
            of=1,
            control=f"without budgets and turns it changes by {control.ratio:.1f}x",
            note=ours.told(),
        )
    )
    return held and control.ratio >= LIMIT


def _percentiles(times: list[float]) -> tuple[float, float]:
    ordered = sorted(times)
    return 1000 * ordered[len(ordered) // 2], 1000 * ordered[int(len(ordered) * 0.99)]


if __name__ == "__main__":
    if sys.argv[1:2] == ["flood"]:
        asyncio.run(flood(*sys.argv[2:5]))
    else:
        sys.exit(asyncio.run(main()))
