"""Files sent with operations: taken as the specification says, bounded, and gone afterwards."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import uvicorn
from strawberry.asgi import GraphQL

from api.application import build_application
from api.graphql.multipart import FORCE_PREFLIGHT
from api.parts import Parts
from schema.root import SCHEMA as ROOT
from tests.api.graphql.uploads.taking import (
    BOUNDARY,
    FILE,
    HEADERS,
    LIMITS,
    MAP,
    ONE,
    SCHEMA,
    STORE_ALL,
    STORE_PAGE,
    Taking,
    application,
    content_type,
    errors,
    form,
    in_chunks,
    left_in,
    mapped,
    one_file,
    operations,
    part,
    ran,
    sha256,
    taking,
    until,
)
from tests.world import World
from tests.world.conformance import Finding, tell
from tests.world.plain_strawberry import VERSIONS
from tests.world.served import Served

LARGE = bytes(range(256)) * 8_192  # 2 MiB, more than is kept in memory
HERE = UUID(int=1)


# What is taken


@pytest.mark.parametrize("content", [b"", b"x", b"\r\n--the-boundar\r\n--", LARGE])
async def test_a_file_arrives_as_it_was_sent(server: Taking, content: bytes, folder: Path) -> None:
    answer = await server.send(one_file(content, "a.bin", more="\r\nContent-Type: image/PNG; q=1"))
    assert answer.json()["data"] == {
        "store": {
            "name": "a.bin",
            "contentType": "image/png",
            "size": len(content),
            "sha256": sha256(content),
        }
    }
    await until(0, folder)


async def test_a_python_client_sends_several_files_to_a_list(server: Taking) -> None:
    """The form is built by httpx; nothing of it is ours."""
    fields: dict[str, Any] = {
        "operations": (None, b'{"query": "%s", "variables": {"files": [null, null]}}'
                       % STORE_ALL.encode()),
        "map": (None, b'{"b": ["variables.files.1"], "a": ["variables.files.0"]}'),
        "b": ("b.csv", b"second", "text/csv"),
        "a": ("a.csv", b"first", "text/csv"),
    }  # fmt: skip
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        headers = HEADERS | {"authorization": f"Bearer {server.token}"}
        answer = await client.post("/graphql", files=fields, headers=headers)
    stored = answer.json()["data"]["storeAll"]
    assert [(one["name"], one["sha256"]) for one in stored] == [
        ("a.csv", sha256(b"first")),
        ("b.csv", sha256(b"second")),
    ]


async def test_one_file_may_stand_in_several_places_of_an_input(server: Taking) -> None:
    page = {"query": STORE_PAGE, "variables": {"page": {"title": "p", "scans": [None] * 3}}}
    paths = ["variables.page.scans.0", "variables.page.scans.2"]
    body = form(operations(page), mapped({"0": paths}), part("0", b"abc", file="s.png"))
    assert (await server.send(body)).json()["data"] == {
        "storePage": [{"name": "s.png", "size": 3}] * 2
    }


async def test_a_batch_brings_files_for_each_of_its_operations(server: Taking) -> None:
    body = form(
        operations([ONE, ONE]),
        mapped({"x": ["0.variables.file"], "y": ["1.variables.file"]}),
        part("x", b"1", file="one"),
        part("y", LARGE, file="two"),
    )
    answers = (await server.send(body)).json()
    assert [answer["data"]["store"]["name"] for answer in answers] == ["one", "two"]
    assert answers[1]["data"]["store"]["sha256"] == sha256(LARGE)


async def test_a_stream_still_has_the_files_when_its_answer_is_made(
    server: Taking, folder: Path
) -> None:
    answer = await server.send(one_file(LARGE), accept="text/event-stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert sha256(LARGE) in answer.text
    await until(0, folder)


async def test_the_product_s_own_endpoint_takes_forms_too(served: Served, world: World) -> None:
    token = await (await world.workspace()).token()
    headers = {"authorization": f"Bearer {token}", "content-type": content_type()}
    body = form(operations({"query": "{ viewer { role } }"}), mapped({}))
    async with httpx.AsyncClient(base_url=served.url) as client:
        refused = await client.post("/graphql", content=body, headers=headers)
        answer = await client.post("/graphql", content=body, headers=headers | HEADERS)
    assert errors(refused)[:2] == (400, "BAD_REQUEST")
    assert answer.json()["data"] == {"viewer": {"role": "OWNER"}}


def test_no_field_of_the_product_takes_a_file_yet() -> None:
    """Once one does, `Upload` is in the schema, and this file of tests has a field to try."""
    assert "scalar Upload" not in ROOT.as_str()
    assert "scalar Upload" in SCHEMA.as_str()


# Who may send it


@pytest.mark.parametrize("name", FORCE_PREFLIGHT)
async def test_each_header_that_forces_a_preflight_admits_a_form(server: Taking, name: str) -> None:
    for value, status in (("1", 200), ("", 400)):
        headers = {"graphql-require-preflight": "", name: value}
        assert (await server.send(one_file(b"x"), **headers)).status_code == status
    assert len(ran) == 1


async def test_browsers_of_allowed_origins_may_send_these_headers(parts: Parts) -> None:
    origin = "https://dashboard.example"
    allowing = parts.settings.model_copy(update={"allowed_origins": [origin]})
    transport = httpx.ASGITransport(build_application(replace(parts, settings=allowing)))
    for name in FORCE_PREFLIGHT:
        for asking, status in ((origin, 200), ("https://evil.example", 400)):
            headers = {
                "origin": asking,
                "access-control-request-method": "POST",
                "access-control-request-headers": f"authorization,content-type,{name}",
            }
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                asked = await client.options("/graphql", headers=headers)
            assert asked.status_code == status
            assert (asked.headers.get("access-control-allow-origin") == asking) == (status == 200)


# What a browser sends for a page without asking first: three media types, with the page's origin,
# with none (older browsers, and pages that hide it), and as if from our own pages.
ORIGINS = {"none": None, "null": "null", "foreign": "https://evil.example", "own": "own"}
FORMS = {
    "multipart": (content_type(), one_file(b"x")),
    "multipart, quoted": (f'Multipart/Form-Data;boundary="{BOUNDARY.decode()}"', one_file(b"x")),
    "multipart, no file": (
        content_type(),
        form(operations({"query": 'mutation { note(text: "n") }'}), mapped({})),
    ),
    "urlencoded": ("application/x-www-form-urlencoded", b"query=mutation{note(text:%22n%22)}"),
    "text": ("text/plain", b'{"query": "mutation { note(text: \\"n\\") }"}'),
    "no type": ("", b'{"query": "mutation { note(text: \\"n\\") }"}'),
}


async def test_forms_of_other_sites_are_refused_and_change_nothing(server: Taking) -> None:
    """With a credential that is good, so that nothing else refuses them."""
    refused, tried = 0, 0
    async with _control() as control:
        taken = await control.post("", headers={"content-type": content_type()},
                                   content=FORMS["multipart, no file"][1])  # fmt: skip
    assert taken.json() == {"data": {"note": "n"}}, "the control takes a form from anywhere"
    assert ran == ["n"], "and runs it"
    ran.clear()
    for kind, body in FORMS.values():
        for origin in ORIGINS.values():
            headers = {"content-type": kind, "graphql-require-preflight": ""}
            if origin is not None:
                own = f"http://127.0.0.1:{server.port}"
                headers["origin"] = own if origin == "own" else origin
            tried += 1
            status, code, message = errors(await server.send(body, **headers))
            assert code == "BAD_REQUEST"
            if origin in {None, "own"}:
                assert status == (400 if kind.lower().startswith("multipart") else 415)
                assert status == 415 or all(name in message for name in FORCE_PREFLIGHT)
            else:
                assert status == 403
            refused += 1
    assert ran == []
    assert (refused, tried) == (24, 24)
    tell(
        Finding(
            section="Protocols",
            check="Forms that a page of another site can send are refused, and change nothing",
            passed=refused,
            of=tried,
            versions=VERSIONS | {"python-multipart": version("python-multipart")},
            control="Plain Strawberry with multipart uploads enabled ran the mutation of a form "
            "without any header.",
        )
    )


@contextlib.asynccontextmanager
async def _control() -> AsyncIterator[httpx.AsyncClient]:
    plain: Any = GraphQL(SCHEMA, multipart_uploads_enabled=True)
    server = uvicorn.Server(uvicorn.Config(plain, port=0, log_config=None, lifespan="off"))
    task = asyncio.create_task(server._serve())
    while not server.started:
        if task.done():
            task.result()
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/graphql") as client:
        yield client
    server.should_exit = True
    await task


# What is bounded


async def test_files_are_limited_in_number_and_size_and_in_all(
    server: Taking, folder: Path
) -> None:
    four = {"query": STORE_ALL, "variables": {"files": [None] * 4}}
    every = {str(n): [f"variables.files.{n}"] for n in range(4)}
    parts = [part(str(n), b"x", file="f") for n in range(4)]
    too_many = form(operations(four), mapped(every), *parts)
    too_many_places = form(
        operations(four), mapped({"0": [f"variables.files.{n}" for n in range(4)]}), parts[0]
    )
    too_large = one_file(b"x" * 4_000_001)
    too_much_text = form(operations(ONE | {"extensions": {"x": "x" * 10_000}}), MAP, FILE)
    two = form(
        operations({"query": STORE_ALL, "variables": {"files": [None] * 2}}),
        mapped({"0": ["variables.files.0"], "1": ["variables.files.1"]}),
        part("0", b"x" * 3_000_000, file="a"),
        part("1", b"x" * 3_000_000, file="b"),
    )
    for body, said in (
        (too_many, "3 files"),
        (too_many_places, "3 files"),
        (too_large, "4,000,000 bytes"),
        (too_much_text, "10,000 bytes"),
        (two, "6,000,000 bytes"),
    ):
        status, code, message = errors(await server.send(body))
        assert (status, code) == (413, "BAD_REQUEST")
        assert said in message
    undeclared = await server.client.post("/graphql", content=_slices(two), headers=HEADERS)
    assert errors(undeclared)[0] == 413
    assert ran == []
    await until(0, folder)
    exactly = await server.send(one_file(b"x" * 4_000_000))
    assert exactly.json()["data"]["store"]["size"] == 4_000_000


async def _slices(body: bytes) -> AsyncIterator[bytes]:
    for each in in_chunks(body, 50_000):
        yield each


async def test_a_client_that_falls_silent_is_given_up(world: World, folder: Path) -> None:
    async with taking(world, replace(LIMITS, silence=0.3)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        body = one_file(LARGE)
        writer.write(_head(server.token, len(body)) + body[:500_000])
        await until(1, folder)
        async with asyncio.timeout(10):
            answer = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        assert answer.startswith(b"HTTP/1.1 408")
        await until(0, folder)
    assert ran == []


async def test_a_client_that_hangs_up_leaves_nothing(server: Taking, folder: Path) -> None:
    body = one_file(LARGE)
    for _ in range(3):  # more than may be open at once, so each has to be given back
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(_head(server.token, len(body)) + body[:1_000_000])
        await until(1, folder)
        writer.transport.abort()
        await until(0, folder)
    assert ran == []
    assert (await server.send(body)).status_code == 200


def _head(token: str, length: int) -> bytes:
    lines = (
        "POST /graphql HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {token}",
        f"Content-Type: {content_type()}",
        f"Content-Length: {length}",
        "GraphQL-Require-Preflight: 1",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


async def test_a_cancelled_request_leaves_nothing(world: World, folder: Path) -> None:
    token = await (await world.workspace()).token()
    waiting = asyncio.Event()
    body = one_file(LARGE)[:1_500_000]
    chunks = iter(in_chunks(body, 64_000))

    async def receive() -> dict[str, Any]:
        for chunk in chunks:
            return {"type": "http.request", "body": chunk, "more_body": True}
        waiting.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(_message: Any) -> None:
        raise AssertionError

    names = HEADERS | {"authorization": f"Bearer {token}", "content-type": content_type()}
    raw = [(name.encode(), value.encode()) for name, value in names.items()]
    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": "/graphql", "headers": raw, "query_string": b"",
    }  # fmt: skip
    app: Any = application(world)
    task = asyncio.create_task(app(scope, receive, send))
    await waiting.wait()
    assert len(left_in(folder)) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left_in(folder) == []


async def test_a_workspace_sends_so_many_at_once_and_others_are_not_affected(
    server: Taking, world: World, folder: Path
) -> None:
    body = one_file(LARGE)
    writers = []
    for count in (1, 2):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(_head(server.token, len(body)) + body[:1_000_000])
        writers.append(writer)
        await until(count, folder)
    answer = await server.send(body, accept="application/graphql-response+json")
    assert errors(answer)[:2] == (429, "THROTTLED")
    assert answer.headers["retry-after"] == "1"
    other = await (await world.workspace()).token()
    assert (await server.send(body, authorization=f"Bearer {other}")).status_code == 200
    for writer in writers:
        writer.transport.abort()
    await until(0, folder)
    assert (await server.send(body)).json()["data"]["store"]["size"] == len(LARGE)


async def test_a_full_disk_is_told_as_something_to_try_again(
    server: Taking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no such folder"))
    answer = await server.send(one_file(LARGE), accept="application/graphql-response+json")
    assert errors(answer)[:2] == (503, "UNAVAILABLE")
    assert answer.json()["errors"][0]["extensions"]["retryable"] is True
    assert ran == []
    assert (await server.send(one_file(b"small enough"))).status_code == 200
