"""Sending operations, and judging what comes back."""

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any

import httpx
from graphql import GraphQLSchema
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.fuzz.answers import faults, leaks
from tests.fuzz.documents import Asked
from tests.fuzz.ground import Ground, as_json
from tests.fuzz.hunting import Found, Tally
from tests.fuzz.watching import Errors

PROTOCOL = Subprotocol("graphql-transport-ws")
_STATUSES = {200, 400}
_LOOK = 0.05  # seconds for which a subscription is watched


@dataclass
class Asking:
    """Sends operations over HTTP, and subscriptions over a WebSocket of their own."""

    schema: GraphQLSchema
    ground: Ground
    client: httpx.AsyncClient
    websocket_url: str
    errors: Errors

    async def __call__(self, asked: Asked, tally: Tally) -> None:
        payload = self.ground.filled(asked.payload())
        answers = (
            await self._streamed(asked, payload)
            if asked.query.lstrip().startswith("subscription")
            else [await self._posted(asked, payload)]
        )
        tally.outcomes[_outcome(answers)] += 1
        wrong = [fault for answer in answers for fault in self._judged(answer, payload)]
        wrong += [f"logged: {line}" for line in self.errors.take()]
        if wrong:
            raise Found("\n".join(wrong))

    def _judged(self, answer: Any, payload: dict[str, Any]) -> list[str]:
        wrong = leaks(json.dumps(answer))
        if {"UNAUTHENTICATED"} & _codes(answer):
            wrong.append("a good credential is refused")
        return wrong + faults(
            answer,
            schema=self.schema,
            query=payload["query"],
            variables=payload.get("variables"),
            name=payload.get("operationName"),
        )

    async def _posted(self, asked: Asked, payload: dict[str, Any]) -> Any:
        response = await self.client.post(
            "/graphql",
            content=as_json(payload),
            headers={
                "content-type": "application/json",
                "accept": "application/graphql-response+json",
                "authorization": self.ground.authorization(asked.principal),
            },
        )
        if response.status_code not in _STATUSES:
            raise Found(f"{response.status_code} {response.text[:500]}")
        return response.json()

    async def _streamed(self, asked: Asked, payload: dict[str, Any]) -> list[Any]:
        try:
            return await self._watched(asked, payload)
        except ConnectionClosed as error:
            raise Found(f"closed in the middle: {error}") from None

    async def _watched(self, asked: Asked, payload: dict[str, Any]) -> list[Any]:
        """What the subscription says within a moment."""
        async with connect(self.websocket_url, subprotocols=[PROTOCOL], max_size=None) as socket:
            hello = {"authorization": self.ground.authorization(asked.principal)}
            await _say(socket, {"type": "connection_init", "payload": hello})
            await _say(socket, {"type": "subscribe", "id": "1", "payload": payload})
            answers: list[Any] = []
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await _listen(socket, answers)
            await _say(socket, {"type": "complete", "id": "1"})
            await _say(socket, {"type": "ping", "payload": {}})
            await asyncio.wait_for(_until_pong(socket, answers), 10)
        return answers


async def _listen(socket: ClientConnection, answers: list[Any]) -> None:
    async for text in socket:
        message = json.loads(text)
        if message["type"] == "next":
            answers.append(message["payload"])
        elif message["type"] == "error":
            answers.append({"errors": message["payload"]})
            return
        elif message["type"] == "complete":
            return


async def _until_pong(socket: ClientConnection, answers: list[Any]) -> None:
    while (message := json.loads(await socket.recv()))["type"] != "pong":
        if message["type"] == "next":
            answers.append(message["payload"])


async def _say(socket: ClientConnection, message: dict[str, Any]) -> None:
    await socket.send(as_json(message).decode())


def _outcome(answers: list[Any]) -> str:
    if not answers:
        return "quiet"
    if any(_has_data(answer) for answer in answers):
        return "data"
    codes = sorted({code for answer in answers for code in _codes(answer)})
    return " ".join(codes) or "null"


def _has_data(answer: Any) -> bool:
    data = answer.get("data") if isinstance(answer, dict) else None
    return isinstance(data, dict) and any(value is not None for value in data.values())


def _codes(answer: Any) -> set[str]:
    errors = answer.get("errors") if isinstance(answer, dict) else None
    return {
        str((error.get("extensions") or {}).get("code"))
        for error in errors or ()
        if isinstance(error, dict)
    }
