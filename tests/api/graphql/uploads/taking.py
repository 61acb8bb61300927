"""An endpoint over a schema that takes files, and forms to send to it, whole or broken."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import strawberry
import uvicorn
from starlette.types import ASGIApp
from strawberry.schema.config import StrawberryConfig

from api.application import build_application
from api.graphql.form import FormLimits
from api.graphql.multipart import UploadLimits, Uploads
from schema.uploads import UPLOAD, UploadedFile
from tests.world import World

BOUNDARY = b"the-boundary"
HEADERS = {"graphql-require-preflight": "1"}
ran: list[str] = []  # names of the files, and texts, that came as far as a resolver


@strawberry.type
class Stored:
    name: str
    content_type: str
    size: int
    sha256: str


async def _stored(file: UploadedFile) -> Stored:
    ran.append(file.name)
    content = await asyncio.to_thread(file.file.read)
    await asyncio.to_thread(file.file.seek, 0)
    digest = hashlib.sha256(content).hexdigest()
    assert len(content) == file.size
    return Stored(name=file.name, content_type=file.content_type, size=file.size, sha256=digest)


@strawberry.input
class Page:
    title: str
    scans: list[UploadedFile | None]


@strawberry.type
class Query:
    @strawberry.field
    def ok(self) -> bool:
        return True


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def store(self, file: UploadedFile) -> Stored:
        return await _stored(file)

    @strawberry.mutation
    async def store_all(self, files: list[UploadedFile]) -> list[Stored]:
        return [await _stored(file) for file in files]

    @strawberry.mutation
    async def store_page(self, page: Page) -> list[Stored]:
        return [await _stored(file) for file in page.scans if file is not None]

    @strawberry.mutation
    async def note(self, text: str) -> str:
        ran.append(text)
        return text


SCHEMA = strawberry.Schema(
    query=Query, mutation=Mutation, config=StrawberryConfig(scalar_map={UploadedFile: UPLOAD})
)
STORE = "mutation ($file: Upload!) { store(file: $file) { name contentType size sha256 } }"
STORE_ALL = "mutation ($files: [Upload!]!) { storeAll(files: $files) { name size sha256 } }"
STORE_PAGE = "mutation ($page: Page!) { storePage(page: $page) { name size } }"
ONE = {"query": STORE, "variables": {"file": None}}
LIMITS = UploadLimits(
    form=FormLimits(files=3, file_bytes=4_000_000, text_bytes=10_000),
    body_bytes=6_000_000,
    silence=5.0,
    at_once=2,
)


def application(world: World, limits: UploadLimits = LIMITS) -> ASGIApp:
    """The product's own application, with our schema in place of its own."""
    changed = {"max_body_bytes": 10_000, "max_batch": 2}
    settings = world.parts.settings.model_copy(update=changed)
    built: Any = build_application(replace(world.parts, settings=settings), SCHEMA)
    endpoint = built._app._endpoint
    endpoint._http = replace(endpoint._http, uploads=Uploads(limits))
    return built  # type: ignore[no-any-return]


@dataclass
class Taking:
    """A server that takes files, and a client of one workspace."""

    port: int
    token: str
    client: httpx.AsyncClient

    async def send(self, body: bytes | Any, **headers: str) -> httpx.Response:
        return await self.client.post("/graphql", content=body, headers=HEADERS | headers)


@asynccontextmanager
async def taking(world: World, limits: UploadLimits = LIMITS) -> AsyncIterator[Taking]:
    token = await (await world.workspace()).token()
    config = uvicorn.Config(application(world, limits), port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    while not server.started:
        if task.done():
            task.result()
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    headers = {"authorization": f"Bearer {token}", "content-type": content_type()}
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20
        ) as client:
            yield Taking(port, token, client)
    finally:
        server.should_exit = True
        await task


def content_type(boundary: bytes = BOUNDARY) -> str:
    return f"multipart/form-data; boundary={boundary.decode()}"


def part(
    name: str | bytes, content: bytes, *, file: str | bytes | None = None, more: str = ""
) -> bytes:
    """One part of a form; `more` are further headers."""
    named = name if isinstance(name, bytes) else name.encode()
    disposition = b'Content-Disposition: form-data; name="' + named + b'"'
    if file is not None:
        disposition += b'; filename="' + (file if isinstance(file, bytes) else file.encode()) + b'"'
    return b"\r\n".join((b"--" + BOUNDARY, disposition + more.encode(), b"", content, b""))


def operations(given: Any = ONE) -> bytes:
    return part("operations", given if isinstance(given, bytes) else orjson.dumps(given))


def mapped(given: Any) -> bytes:
    return part("map", given if isinstance(given, bytes) else orjson.dumps(given))


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


def one_file(content: bytes, name: str | bytes = "a.txt", *, more: str = "") -> bytes:
    """A whole form with one file."""
    sent = part("0", content, file=name, more=more)
    return form(operations(), mapped({"0": ["variables.file"]}), sent)


FILE = part("0", b"x", file="a.txt")
MAP = mapped({"0": ["variables.file"]})


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def left_in(folder: Path) -> list[str]:
    """Files in the folder, and files of it that have no name and are still open."""
    files = [str(path) for path in folder.iterdir()]
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.startswith(str(folder)):
            files.append(target)
    return files


async def until(count: int, folder: Path) -> None:
    """Wait until so many files are left; the limit only guards against hanging."""
    async with asyncio.timeout(10):
        while len(left_in(folder)) != count:  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.01)


def in_chunks(body: bytes, size: int) -> Iterable[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def errors(response: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message of a request of which nothing was run."""
    (error,) = response.json()["errors"]
    assert "data" not in response.json()
    return response.status_code, error["extensions"]["code"], error["message"]
