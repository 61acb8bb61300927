"""The playground as people meet it: GraphiQL in a real Chromium, by web/tests/playground.mjs.

`PLAYGROUND_URL=http://127.0.0.1:8000 pytest tests/web` uses a running server in place of
the test's own; `PLAYGROUND_PICTURES=folder` keeps the pictures.
"""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import struct
import subprocess
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import pytest_asyncio

from api.parts import Parts
from api.demo.live import LiveRoomPlay
from api.demo.workspaces import open_demo, write_tokens
from tests.world.served import Served

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"
SECONDS_FOR_NPM = 170
SECONDS_FOR_BROWSER = 170

pytestmark = pytest.mark.timeout(400)

Report = dict[str, Any]


@pytest.fixture(scope="module")
def tools() -> dict[str, str]:
    """Where node, npm and Chromium lie; skips where one is absent."""
    found = {
        "node": shutil.which("node"),
        "npm": shutil.which("npm"),
        "chromium": shutil.which("chromium") or shutil.which("chromium-browser"),
    }
    if absent := [name for name, path in found.items() if path is None]:
        pytest.skip(f"not installed: {', '.join(absent)}")
    return {name: path for name, path in found.items() if path}


@pytest.fixture(scope="module")
def built(tools: dict[str, str]) -> Path:
    """web/dist, built here unless it is newer than everything it is made of."""
    dist = WEB / "dist" / "index.html"
    if not (WEB / "node_modules" / "playwright-core").is_dir():
        _npm(tools, "ci", "--no-audit", "--no-fund")
    sources = [*WEB.glob("*.*"), *(WEB / "src").rglob("*.*")]
    if not dist.is_file() or dist.stat().st_mtime < max(path.stat().st_mtime for path in sources):
        _npm(tools, "run", "build")
    return dist.parent


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address(built: Path, served: Served, parts: Parts) -> AsyncIterator[str]:
    """Our own server with the demo workspaces, in whose first LIVE room orders keep arriving."""
    del built  # served by the application
    if given := os.environ.get("PLAYGROUND_URL"):
        yield given.rstrip("/")
        return
    told = await _write_tokens(parts, served.url)
    room = UUID(base64.b64decode(told["workspaces"][0]["liveRoomId"]).decode().split(":")[1])
    workspace = UUID(base64.b64decode(told["workspaces"][0]["id"]).decode().split(":")[1])
    await LiveRoomPlay(parts, workspace, room, rate=100, seed=1).play(orders=10)
    playing = asyncio.create_task(LiveRoomPlay(parts, workspace, room, rate=3, seed=2).play())
    yield served.url
    playing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await playing


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = os.environ.get("PLAYGROUND_PICTURES")
    return Path(given) if given else tmp_path_factory.mktemp("pictures")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def report(tools: dict[str, str], address: str, pictures: Path, parts: Parts) -> Report:
    """What the script saw. The server runs in this process, so the script must not block it."""
    command = [str(WEB / "tests" / "playground.mjs"), "--url", address]
    command += ["--pictures", str(pictures), "--chromium", tools["chromium"]]
    own = "PLAYGROUND_URL" not in os.environ
    script = await asyncio.create_subprocess_exec(
        tools["node"], *command, *(["--renew"] if own else []), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    assert script.stdin is not None
    assert script.stdout is not None
    assert script.stderr is not None
    reading = asyncio.create_task(script.stdout.read())
    said = b""
    try:
        async with asyncio.timeout(SECONDS_FOR_BROWSER):
            async for line in script.stderr:
                said += line
                if line == b"renew the tokens\n":
                    await _write_tokens(parts, address)
                    script.stdin.write(b"done\n")
            status = await script.wait()
    finally:
        if script.returncode is None:
            script.kill()
            await script.wait()
    assert status == 0, said.decode()
    result: Report = json.loads(await reading)
    return result


async def _write_tokens(parts: Parts, url: str) -> Any:
    return await write_tokens(
        parts, await open_demo(parts), url=url, to=parts.settings.state / "demo.json"
    )


def test_no_request_leaves_the_origin(report: Report, address: str) -> None:
    asked = [urlsplit(url) for url in report["requests"] + report["sockets"]]
    others = {url.geturl() for url in asked if url.scheme not in {"data", "blob"}} - {
        url.geturl() for url in asked if url.netloc == urlsplit(address).netloc
    }
    assert not others
    loaded = " ".join(url.path for url in asked)
    assert "graphql.worker" in loaded
    assert ".woff" in loaded


def test_the_policy_is_kept_and_the_console_stays_quiet(report: Report) -> None:
    assert report["violations"] == []
    assert report["consoleErrors"] == []


def test_the_first_workspaces_owner_is_filled_in(report: Report) -> None:
    assert report["title"] == "Seller Center"
    assert _token(report["start"]["headers"])
    assert report["shortcut"]["data"]["viewer"]["role"] == "OWNER"


def test_every_query_among_the_examples_shows_data(report: Report) -> None:
    queries = {title: one for title, one in report["examples"].items() if one["kind"] == "query"}
    assert set(queries) == {
        "Who am I",
        "Products with SKUs and stock",
        "One product by id",
        "Orders of today",
    }
    assert "errors" not in report["shortcut"]
    for title, example in queries.items():
        assert "errors" not in example["response"], title
        assert all(example["response"]["data"].values()), title


def test_variables_are_looked_up(report: Report) -> None:
    examples = report["examples"]
    newest = examples["Products with SKUs and stock"]["response"]["data"]["products"]["nodes"][0]
    assert json.loads(examples["One product by id"]["variables"]) == {"id": newest["id"]}
    shipping = json.loads(examples["Ship an order"]["variables"])["input"]
    assert " " not in shipping["orderId"]
    assert "packageId" not in shipping
    assert len(shipping["idempotencyKey"]) == 32
    assert json.loads(report["live"]["variables"])["roomId"]


def test_the_mutation_among_the_examples_ships_an_order(report: Report) -> None:
    answer = report["examples"]["Ship an order"]["response"]
    assert "errors" not in answer
    assert answer["data"]["orderShip"]["userErrors"] == []
    assert answer["data"]["orderShip"]["order"]["status"] == "AWAITING_COLLECTION"


def test_every_subscription_among_the_examples_shows_an_event(report: Report) -> None:
    for title, field in {
        "Live orders of a room": "liveOrders",
        "All order updates": "orderUpdates",
    }.items():
        answer = report["examples"][title]["response"]
        assert "errors" not in answer, title
        assert answer["data"][field]["order"]["total"]["currencyCode"], title


def test_an_example_never_overwrites_what_one_has_typed(report: Report) -> None:
    assert report["ownWork"] == {"tabs": 2, "first": "query Mine { viewer { role } }"}


def test_the_role_and_the_workspace_can_be_changed(report: Report) -> None:
    viewer = report["viewer"]
    assert viewer["response"]["data"]["viewer"]["role"] == "VIEWER"
    assert _token(viewer["headers"]) != _token(report["start"]["headers"])
    assert _token(viewer["headersOfNewTab"]) == _token(viewer["headers"])
    last = report["lastWorkspace"]
    assert last["response"]["data"]["viewer"]["workspace"]["id"] == last["id"]


def test_a_subscription_shows_event_after_event(report: Report) -> None:
    events = [answer["data"]["liveOrders"] for answer in report["live"]["events"]]
    sequences = [int(event["sequence"]) for event in events]
    assert len(sequences) == 3
    assert sequences == sorted(set(sequences))
    assert report["live"]["count"] >= 3


def test_a_changed_role_opens_a_new_socket_with_its_own_token(report: Report) -> None:
    opened = [json.loads(text) for text in report["sentOnSockets"] if "connection_init" in text]
    tokens = [message["payload"]["authorization"].removeprefix("Bearer ") for message in opened]
    owner, viewer = _token(report["start"]["headers"]), _token(report["viewer"]["headers"])
    assert tokens[-1] == viewer
    assert set(tokens[:-1]) == {owner}
    assert int(report["live"]["asViewer"]["data"]["liveOrders"]["sequence"]) >= 1


def test_a_renewed_token_replaces_the_old_one(report: Report) -> None:
    if "renewed" not in report:
        pytest.skip("a running server renews its tokens in its own time")
    renewed = report["renewed"]
    assert _token(renewed["before"]) != _token(renewed["after"])
    assert renewed["response"]["data"]["viewer"]["role"] == "OWNER"


def test_no_token_is_kept_in_the_browser(report: Report) -> None:
    assert "query Mine" in report["stored"], "the operations themselves are kept"
    assert _token(report["start"]["headers"]) not in report["stored"]
    assert "Bearer" not in report["stored"]


def test_after_a_reload_the_history_runs_with_a_token(report: Report) -> None:
    history = report["history"]
    assert _token(history["start"])
    assert _token(history["headers"])
    assert "errors" not in history["response"]


@pytest.mark.usefixtures("report")
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("light", (1440, 900)),
        ("dark-live", (1440, 900)),
        ("dark-docs", (1440, 900)),
        ("narrow", (800, 1000)),
    ],
)
def test_pictures_are_taken(pictures: Path, name: str, size: tuple[int, int]) -> None:
    png = (pictures / f"{name}.png").read_bytes()
    assert struct.unpack(">II", png[16:24]) == size
    assert len(png) > 20_000, "an empty page is a small picture"


def _token(headers: str) -> str:
    value: str = json.loads(headers)["Authorization"]
    return value.removeprefix("Bearer ")


def _npm(tools: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [tools["npm"], *arguments],
        cwd=WEB,
        capture_output=True,
        text=True,
        timeout=SECONDS_FOR_NPM,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
