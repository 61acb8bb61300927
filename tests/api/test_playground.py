"""What `/`, `/assets/...` and `/playground.json` answer, to whom, and with which headers."""

import gzip
import json
from asyncio import to_thread
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from starlette.applications import Starlette

from api.playground import playground_routes

DEMO = {
    "workspaces": [{"id": "w1", "slug": "harbour", "name": "Harbour", "tokens": {"OWNER": "t"}}]
}


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>Seller Center</title>")
    (folder / "assets" / "page-abc.js").write_text("export {}")
    (folder / "assets" / "font-abc.woff2").write_bytes(b"wOF2")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "assets" / "link.js").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.fixture
def demo_file(tmp_path: Path) -> Path:
    file = tmp_path / "demo.json"
    file.write_text(json.dumps(DEMO))
    return file


def client(
    dist: Path, *, came_from: str = "127.0.0.1", host: str = "localhost:8000", **settings: Any
) -> httpx.AsyncClient:
    """A client of an application that has the playground alone; `came_from` is its address."""
    app = Starlette(routes=playground_routes(dist=dist, **settings))
    transport = httpx.ASGITransport(app=app, client=(came_from, 50000))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")


async def test_the_page_is_served_fresh_and_its_files_for_a_year(dist: Path) -> None:
    async with client(dist) as http:
        page = await http.get("/")
        script = await http.get("/assets/page-abc.js")
        font = await http.get("/assets/font-abc.woff2")
    assert page.text == "<title>Seller Center</title>"
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert font.headers["content-type"] == "font/woff2"


async def test_a_compressed_file_goes_to_whoever_takes_it(dist: Path) -> None:
    compressed = gzip.compress(b"export {}")
    await to_thread((dist / "assets" / "page-abc.js.gz").write_bytes, compressed)
    async with client(dist) as http:
        small = await http.get("/assets/page-abc.js", headers={"accept-encoding": "br, gzip"})
        plain = await http.get("/assets/page-abc.js", headers={"accept-encoding": "identity"})
    assert small.headers["content-encoding"] == "gzip"
    assert small.headers["content-length"] == f"{len(compressed)}"
    assert "content-encoding" not in plain.headers
    for answer in (small, plain):
        assert answer.text == "export {}"
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["vary"] == "accept-encoding"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("POST", "/", 405),
        ("GET", "/assets/page-abc.js", 200),
        ("GET", "/assets/absent.js", 404),
        ("GET", "/playground.json", 200),
        ("DELETE", "/playground.json", 405),
    ],
)
async def test_every_answer_carries_the_security_headers(
    dist: Path, method: str, path: str, status: int
) -> None:
    async with client(dist) as http:
        answer = await http.request(method, path)
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "camera=()" in answer.headers["permissions-policy"]
    policy = dict(
        directive.split(" ", 1)
        for directive in answer.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["worker-src"] == policy["connect-src"] == "'self'"
    assert policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert "http" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/", "/assets/page-abc.js", "/playground.json"])
async def test_head_is_get_without_a_body(dist: Path, path: str) -> None:
    async with client(dist) as http:
        whole = await http.get(path)
        head = await http.head(path)
    assert head.status_code == whole.status_code == 200
    assert (
        head.headers["content-length"] == whole.headers["content-length"] == f"{len(whole.content)}"
    )
    assert head.content == b""


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../index.html",
        "/assets/%2e%2e/index.html",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/%2fetc/passwd",
        "/assets//etc/passwd",
        "/assets/link.js",
        "/assets/%00",
        "/assets/" + "a" * 300,
        "/assets/.",
        "/assets/",
    ],
)
async def test_no_path_leads_out_of_the_assets(dist: Path, path: str) -> None:
    app = Starlette(routes=playground_routes(dist=dist))
    answer = await _raw_get(app, path)
    assert answer["status"] == 404
    assert b"secret" not in answer["body"]
    assert b"root:" not in answer["body"]


async def test_without_a_build_the_page_says_how_to_get_one(tmp_path: Path) -> None:
    async with client(tmp_path / "absent", graphql_path="/graphql") as http:
        page = await http.get("/")
        head = await http.head("/")
    assert page.status_code == head.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    for words in (
        "npm was absent",
        "Node.js 20.19",
        "make run",
        "http://localhost:8000/graphql",
        "ws://localhost:8000/graphql",
        "curl http://localhost:8000/graphql",
        "Authorization: Bearer",
    ):
        assert words in page.text


async def test_a_build_shows_without_a_restart(tmp_path: Path) -> None:
    async with client(tmp_path) as http:
        before = await http.get("/")
        (tmp_path / "index.html").write_text("built")
        after = await http.get("/")
    assert "npm was absent" in before.text
    assert after.text == "built"


async def test_a_hostile_host_name_is_not_markup(tmp_path: Path) -> None:
    async with client(tmp_path) as http:
        page = await http.get("/", headers={"host": "<script>alert(1)</script>"})
    assert "<script>" not in page.text


@pytest.mark.parametrize("path", ["/", "/assets/page-abc.js", "/playground.json"])
async def test_switched_off_nothing_is_there(dist: Path, demo_file: Path, path: str) -> None:
    async with client(dist, enabled=False, demo_file=demo_file) as http:
        answer = await http.get(path)
    assert answer.status_code == 404
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("came_from", "host"),
    [
        ("127.0.0.1", "localhost:8000"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "[::1]:8000"),
        ("::ffff:127.0.0.1", "LOCALHOST"),
    ],
)
async def test_demo_tokens_are_shown_on_this_machine(
    dist: Path, demo_file: Path, came_from: str, host: str
) -> None:
    async with client(dist, came_from=came_from, demo_file=demo_file) as http:
        answer = await http.get("/playground.json", headers={"host": host})
    assert answer.json() == {"graphql": "/graphql", "subscriptions": "/graphql", **DEMO}
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("came_from", "headers"),
    [
        ("192.168.1.20", {"host": "localhost:8000"}),
        ("127.0.0.1", {"host": "seller.example"}),
        ("127.0.0.1", {"host": "localhost.seller.example"}),
        ("127.0.0.1", {"host": "127.0.0.1.nip.example:8000"}),
        ("127.0.0.1", {"host": "localhost:8000@seller.example"}),
        ("127.0.0.1", {"host": ""}),
        ("127.0.0.1", {"host": "localhost", "x-forwarded-for": "203.0.113.9"}),
        ("127.0.0.1", {"host": "localhost", "forwarded": "for=203.0.113.9"}),
        ("127.0.0.1", {"host": "localhost", "sec-fetch-site": "cross-site"}),
        ("127.0.0.1", {"host": "localhost", "sec-fetch-site": "same-site"}),
        ("a unix socket", {"host": "localhost"}),
    ],
)
async def test_demo_tokens_are_shown_to_nobody_else(
    dist: Path, demo_file: Path, came_from: str, headers: dict[str, str]
) -> None:
    async with client(dist, came_from=came_from, demo_file=demo_file) as http:
        answer = await http.get("/playground.json", headers=headers)
    assert answer.status_code == 200
    assert answer.json()["workspaces"] == []


async def test_the_demo_file_is_read_at_each_request(dist: Path, demo_file: Path) -> None:
    renewed = {"workspaces": [{**DEMO["workspaces"][0], "tokens": {"OWNER": "renewed"}}]}
    async with client(dist, demo_file=demo_file) as http:
        before = await http.get("/playground.json")
        await to_thread(demo_file.write_text, json.dumps(renewed))
        after = await http.get("/playground.json")
    assert before.json()["workspaces"] == DEMO["workspaces"]
    assert after.json()["workspaces"] == renewed["workspaces"]


@pytest.mark.parametrize("content", [None, "", "{half", "[]", '{"workspaces": "none"}', "{}"])
async def test_a_missing_or_broken_demo_file_shows_no_workspace(
    dist: Path, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "broken.json"
    if content is not None:
        file.write_text(content)
    async with client(dist, demo_file=file) as http:
        answer = await http.get("/playground.json")
    assert answer.status_code == 200
    assert answer.json()["workspaces"] == []


async def _raw_get(app: Starlette, path: str) -> dict[str, Any]:
    """GET with the path as it is: a client library would tidy `..` away before sending."""
    answer: dict[str, Any] = {"status": None, "body": b""}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        answer["status"] = message.get("status", answer["status"])
        answer["body"] += message.get("body", b"")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }
    await app(scope, receive, send)
    return answer
