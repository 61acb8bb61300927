"""Holding a conversation with the server, and judging how it goes and how it ends."""

import asyncio
import contextlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConcurrencyError, ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from tests.fuzz.answers import form_faults, leaks
from tests.fuzz.frames import Codes, Protocol, Step, Talk
from tests.fuzz.ground import Ground
from tests.fuzz.hunting import Found, Tally
from tests.fuzz.watching import Errors

_PROTOCOL = Subprotocol("graphql-transport-ws")
_KNOWN = {
    1000, 1002, 1007, 1009, 4400, 4401, 4403, 4406, 4408, 4409, 4410, 4429,
}  # fmt: skip
_PATIENCE = 10.0


@dataclass
class Talking:
    websocket_url: str
    ground: Ground
    errors: Errors

    async def __call__(self, talk: Talk, tally: Tally) -> None:
        bearer = self.ground.authorization(talk.principal)
        protocol = Protocol(bearer)
        heard = Heard()
        try:
            outcome = await self._held(talk, protocol, heard, bearer)
        except InvalidHandshake as error:
            raise Found(f"the handshake is refused: {error}") from None
        except ConnectionClosed as error:
            raise Found(f"closed in the middle: {error}") from None
        tally.outcomes[outcome] += 1
        wrong = heard.faults(protocol) + [f"logged: {line}" for line in self.errors.take()]
        if wrong:
            raise Found("\n".join(wrong))

    async def _held(self, talk: Talk, protocol: Protocol, heard: "Heard", bearer: str) -> str:
        steps = [_filled(step, self.ground, bearer) for step in talk.steps]
        async with connect(
            self.websocket_url, subprotocols=[_PROTOCOL], max_size=None, ping_interval=None,
            close_timeout=_PATIENCE, compression=None,
        ) as socket:  # fmt: skip
            listening = asyncio.create_task(heard.listen(socket))
            try:
                ends = await self._said(steps, socket, protocol)
                if talk.cut:
                    socket.transport.abort()
                    return "cut"
                if not protocol.certain:
                    return await _uncertain(socket, listening)
                if ends is None:
                    return await _goodbye(socket, listening, protocol, heard)
                return await _ended(socket, listening, ends)
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    async def _said(
        self, steps: list[Step], socket: ClientConnection, protocol: Protocol
    ) -> Codes | None:
        """The codes that the first wrong step calls for; none where the server may go on."""
        may = None
        for step in steps:
            codes = protocol.after(step)
            if codes is None:
                codes = may
            elif codes and may is not None:
                codes |= {4409}
            try:
                await _sent(step, socket)
            except (ConnectionClosed, OSError):
                return codes
            if codes:
                return codes
            may = codes
        return may


async def _sent(step: Step, socket: ClientConnection) -> None:
    match step.kind:
        case "text" | "parts" | "bytes":
            await socket.send(step.given)
        case "ping":
            with contextlib.suppress(ConcurrencyError):  # the same one is under way
                await socket.ping(step.given)
        case "pong":
            await socket.pong(step.given)
        case "wire":
            with contextlib.suppress(RuntimeError):  # its end was sent already
                socket.transport.write(step.given)
        case "wait":
            await asyncio.sleep(0.02)


async def _ended(socket: ClientConnection, listening: "asyncio.Task[None]", codes: Codes) -> str:
    """Closed with one of the codes; an empty set: with 4409, or not at all."""
    if not codes:
        await asyncio.wait({listening}, timeout=0.1)
        if not listening.done():
            await socket.close()
            return "went on"
        codes = frozenset({4409})
    await asyncio.wait({listening}, timeout=_PATIENCE)
    if not listening.done():
        raise Found(f"it was to be closed with one of {sorted(codes)}, and is open")
    if socket.close_code not in codes:
        raise Found(f"closed with {_close(socket)}, where one of {sorted(codes)} is right")
    return f"closed {socket.close_code}"


async def _uncertain(socket: ClientConnection, listening: "asyncio.Task[None]") -> str:
    """After bytes that are no frames: it waits for more of them, or closes as one closes."""
    await asyncio.wait({listening}, timeout=0.2)
    if not listening.done():
        socket.transport.abort()
        return "waited"
    if socket.close_code not in _KNOWN | {1005}:
        raise Found(f"closed with {_close(socket)}")
    return f"closed {socket.close_code}"


async def _goodbye(
    socket: ClientConnection,
    listening: "asyncio.Task[None]",
    protocol: Protocol,
    heard: "Heard",
) -> str:
    """All is well so far: it answers still, and closes as it is asked to."""
    if listening.done():
        raise Found(f"closed with {_close(socket)}, and nothing was wrong")
    protocol.pings += 1
    await socket.send('{"type": "ping"}')
    async with asyncio.timeout(_PATIENCE):
        while heard.kinds["pong"] < protocol.pings and not listening.done():  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    for id_ in protocol.subscribed:
        await socket.send(json.dumps({"type": "complete", "id": id_}))
    await socket.close(1000)
    if socket.close_code != 1000:
        raise Found(f"answers a goodbye with {_close(socket)}")
    return "to its end"


def _close(socket: ClientConnection) -> str:
    return f"{socket.close_code} {socket.close_reason!r}"


@dataclass
class Heard:
    """What the server said: counted, and whatever is wrong about it."""

    kinds: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    ids: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    async def listen(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                self._take(json.loads(text), text)
        except ConnectionClosed:
            pass

    def _take(self, message: Any, text: str | bytes) -> None:
        self.wrong += leaks(str(text))
        kind, id_ = message.get("type"), message.get("id")
        self.kinds[kind] += 1
        if kind in {"connection_ack", "ping", "pong"}:
            return
        self.ids.add(id_)
        if kind == "next":
            self.wrong += form_faults(message.get("payload"))
        elif kind == "error":
            self.ends[id_] += 1
            self.wrong += form_faults({"errors": message.get("payload")})
        elif kind == "complete":
            self.ends[id_] += 1
        else:
            self.wrong.append(f"no message of the protocol: {text[:200]!r}")

    def faults(self, protocol: Protocol) -> list[str]:
        wrong = list(self.wrong)
        if self.kinds["connection_ack"] > 1:
            wrong.append("acknowledged twice")
        if self.kinds["pong"] > protocol.pings and protocol.certain:
            wrong.append(f"{self.kinds['pong']} pongs to {protocol.pings} pings")
        strange = self.ids - protocol.subscribed.keys()
        if strange and protocol.certain:
            wrong.append(f"answers to {strange}, which nobody asked")
        for id_, ends in self.ends.items():
            if ends > protocol.subscribed.get(id_, 0) and protocol.certain:
                wrong.append(f"{id_!r} ended {ends} times")
        return wrong


def _filled(step: Step, ground: Ground, bearer: str) -> Step:
    if isinstance(step.given, str):
        return Step(step.kind, ground.filled(step.given.replace("Bearer @@principal@@", bearer)))
    return step
