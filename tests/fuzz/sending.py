"""Sending requests byte by byte, and judging the responses."""

import asyncio
import contextlib
import io
import json
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any

from tests.fuzz.answers import form_faults, leaks
from tests.fuzz.ground import Ground
from tests.fuzz.hunting import Found, Tally
from tests.fuzz.requests import Noise, Sent
from tests.fuzz.watching import Errors

_PATIENCE = 10.0
_STREAM = 0.1  # seconds for which a stream of events is read
_MISREAD = b"Invalid HTTP request received."
_NO_HANDSHAKE = b"Failed to open a WebSocket connection: "
_STATUSES = {200, 204, 206, 301, 304, 307, 400, 401, 403, 404, 405, 406, 413, 415, 429, 431}


@dataclass
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Sending:
    port: int
    ground: Ground
    errors: Errors

    async def __call__(self, given: Sent | Noise, tally: Tally) -> None:
        raw, whole = self._raw(given)
        answered = _parsed(await self._exchanged(raw, whole=whole), given)
        tally.outcomes[str(answered.status) if answered else "closed"] += 1
        wrong = [f"logged: {line}" for line in self.errors.take()]
        if answered is None:
            # Only who sent no whole request goes without an answer.
            wrong += [] if isinstance(given, Noise) or not whole else ["there is no answer"]
        else:
            wrong += judged(answered, given)
        if wrong:
            raise Found("\n".join(wrong))

    def _raw(self, given: Sent | Noise) -> tuple[bytes, bool]:
        """The bytes, and whether they are a whole request."""
        if isinstance(given, Noise):
            return given.given, False
        body = self._filled(given, given.body.decode("latin-1")).encode("latin-1", "replace")
        told = {"length": len(body), "short": max(0, len(body) - 1), "long": len(body) + 5}
        headers = [*given.headers]
        if not any(name == "host" for name, _ in headers):
            headers.append(("host", f"127.0.0.1:{self.port}"))
        if not any(name == "connection" for name, _ in headers):
            headers.append(("connection", "close"))
        if given.framing == "chunked":
            headers.append(("transfer-encoding", "chunked"))
            body = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in _pieces(body)) + b"0\r\n\r\n"
        elif given.framing != "none":
            headers.append(("content-length", str(told[given.framing])))
        target = self._filled(given, given.target)
        lines = [f"{given.method} {target} HTTP/1.1"]
        lines += [f"{name}: {self._filled(given, value)}" for name, value in headers]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        return head + body, given.framing != "long"

    def _filled(self, given: Sent, text: str) -> str:
        credential = self.ground.credentials[given.principal]
        return str(self.ground.filled(text.replace("@@principal@@", credential)))

    async def _exchanged(self, raw: bytes, *, whole: bool) -> bytes:
        """Everything that comes back, a stream's first moments only."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        received = bytearray()
        try:
            with contextlib.suppress(ConnectionError):
                writer.write(raw)
                async with asyncio.timeout(_PATIENCE):
                    await writer.drain()
                if not whole and writer.can_write_eof():
                    writer.write_eof()  # the rest never comes
                await _read(reader, received)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        return bytes(received)


async def _read(reader: asyncio.StreamReader, into: bytearray) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        told = _final(bytes(into))  # after "100 Continue" the answer itself may take its time
        streams = b"text/event-stream" in told[:4_000] or (b"\r\n\r\n" in told and _kept(told))
        left = (_STREAM if streams else _PATIENCE) - (loop.time() - began)
        try:
            async with asyncio.timeout(left):
                piece = await reader.read(65_536)
        except TimeoutError:
            if streams:
                return
            raise Found(f"after {_PATIENCE:g} seconds the answer is not whole") from None
        if not piece:
            return
        into += piece


def _kept(received: bytes) -> bool:
    """Whether the server keeps the connection open after this answer: then it has no end."""
    return b"connection: close" not in received.partition(b"\r\n\r\n")[0].lower()


def _pieces(body: bytes) -> list[bytes]:
    return [body[at : at + 1_000] for at in range(0, min(len(body), 100_000), 1_000)]


def _final(received: bytes) -> bytes:
    """Without the interim answers that go before it."""
    while received.startswith(b"HTTP/1.1 100") and b"\r\n\r\n" in received:
        received = received.partition(b"\r\n\r\n")[2]
    return received


def _parsed(received: bytes, given: Sent | Noise) -> Answered | None:
    received = _final(received)
    if not received or received.startswith(b"HTTP/1.1 100"):
        return None
    method = given.method if isinstance(given, Sent) else "GET"
    response = HTTPResponse(_Wire(received), method=method)  # type: ignore[arg-type]
    try:
        response.begin()
        body = response.read()
    except HTTPException as error:
        body = getattr(error, "partial", b"")
        if not response.headers:
            raise Found(f"no HTTP: {received[:200]!r}") from None
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answered(response.status, headers, body)


@dataclass
class _Wire:
    received: bytes

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self.received)


def judged(answered: Answered, given: Sent | Noise) -> list[str]:
    if _is_of_libraries(answered, given):
        return []
    wrong = leaks(answered.body.decode("latin-1")) if _is_ours(answered) else []
    if answered.status not in _STATUSES:
        wrong.append(f"status {answered.status}: {answered.body[:300]!r}")
    if "x-request-id" not in answered.headers:
        wrong.append("no x-request-id")
    if answered.status == 405 and "allow" not in answered.headers:
        wrong.append("405 without Allow")
    if answered.status == 401 and "www-authenticate" not in answered.headers:
        wrong.append("401 without WWW-Authenticate")
    if isinstance(given, Sent) and given.method != "HEAD" and not wrong:
        wrong += _of_path(answered, given.target.partition("?")[0])
    return wrong


def _is_of_libraries(answered: Answered, given: Sent | Noise) -> bool:
    """Uvicorn's own word to what is no HTTP, or that of websockets to whoever asks for a socket and
    does not know how. Neither leaves the body out where HEAD is asked for, which HTTPResponse does.
    """
    if answered.status not in {400, 426} or "x-request-id" in answered.headers:
        return False
    if isinstance(given, Sent) and given.method == "HEAD":
        return answered.headers.get("content-length") == str(len(_MISREAD))
    return answered.body == _MISREAD or answered.body.startswith(_NO_HANDSHAKE)


def _is_ours(answered: Answered) -> bool:
    """Scripts of the playground speak of all sorts of things."""
    return not answered.headers.get("content-type", "").startswith(("text/javascript", "text/css"))


def _of_path(answered: Answered, path: str) -> list[str]:
    kind = answered.headers.get("content-type", "")
    if path == "/graphql":
        if kind.startswith("text/event-stream"):
            return _stream_faults(answered.body)
        try:
            answers = answered.json()
        except ValueError:
            return [f"no JSON: {answered.body[:200]!r}"]
        several = answers if isinstance(answers, list) else [answers]
        return [fault for one in several for fault in form_faults(one)]
    if path.startswith("/auth/") and answered.status not in {200, 404, 405}:
        told = answered.json()
        return [] if {"error", "error_description"} <= told.keys() else [f"no OAuth error: {told}"]
    if "json" in kind:
        answered.json()
    return []


def _stream_faults(body: bytes) -> list[str]:
    wrong = []
    for block in body.split(b"\n\n")[:-1]:
        data = [line[6:] for line in block.split(b"\n") if line.startswith(b"data: ")]
        if data and data != [b""]:
            wrong += form_faults(json.loads(b"".join(data)))
    return wrong
