"""The playground as people meet it: GraphiQL in a real Chromium, by web/tests/playground.mjs.

`PLAYGROUND_URL=http://127.0.0.1:8000 pytest tests/web` uses a running server in place of the
stand-in; `PLAYGROUND_PICTURES=folder` keeps the pictures.
"""

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

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


@pytest.fixture(scope="module")
def address(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert built.is_dir()
    if given := os.environ.get("PLAYGROUND_URL"):
        yield given.rstrip("/")
        return
    stand_in = subprocess.Popen(
        [
            sys.executable,
            Path(__file__).with_name("stand_in.py"),
            "--state",
            tmp_path_factory.mktemp("stand_in"),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with stand_in:
        assert stand_in.stdout is not None
        yield stand_in.stdout.readline().strip()
        stand_in.terminate()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = os.environ.get("PLAYGROUND_PICTURES")
    return Path(given) if given else tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def report(tools: dict[str, str], address: str, pictures: Path) -> Report:
    command = [tools["node"], str(WEB / "tests" / "playground.mjs"), "--url", address]
    command += ["--pictures", str(pictures), "--chromium", tools["chromium"]]
    if "PLAYGROUND_URL" not in os.environ:
        command += ["--renew", f"{address}/stand-in/renew"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS_FOR_BROWSER, check=False
    )
    assert done.returncode == 0, done.stderr
    result: Report = json.loads(done.stdout)
    return result


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
    for title, example in queries.items():
        assert "errors" not in example["response"], title
        assert all(example["response"]["data"].values()), title


def test_variables_are_looked_up(report: Report) -> None:
    examples = report["examples"]
    newest = examples["Products with SKUs and stock"]["response"]["data"]["products"]["nodes"][0]
    assert json.loads(examples["One product by id"]["variables"]) == {"id": newest["id"]}
    shipping = json.loads(examples["Ship an order"]["variables"])["input"]
    assert " " not in shipping["orderId"]
    assert len(shipping["idempotencyKey"]) == 32
    assert json.loads(report["live"]["variables"])["roomId"]


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
    sequences = [event["sequence"] for event in events]
    assert len(sequences) == 3
    assert sequences == sorted(set(sequences))
    assert report["live"]["count"] >= 3


def test_a_changed_role_opens_a_new_socket_with_its_own_token(report: Report) -> None:
    opened = [json.loads(text) for text in report["sentOnSockets"] if "connection_init" in text]
    tokens = [message["payload"]["authorization"].removeprefix("Bearer ") for message in opened]
    assert tokens == [_token(report["start"]["headers"]), _token(report["viewer"]["headers"])]
    assert report["live"]["asViewer"]["data"]["liveOrders"]["sequence"] >= 1


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
