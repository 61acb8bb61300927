"""The limit without a framework: what is left is asyncpg, uvicorn and Postgres."""

from typing import Any

from benchmarks.operations.limit.answering import HEADER, answer, open_pool

_JSON = (b"content-type", b"application/json")


class _Application:
    def __init__(self) -> None:
        self._pool: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        workspace = next(value for name, value in scope["headers"] if name == HEADER)
        told = await answer(self._pool, body, workspace.decode())
        headers = [_JSON, (b"content-length", b"%d" % len(told))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": told})

    async def _live(self, receive: Any, send: Any) -> None:
        while (await receive())["type"] == "lifespan.startup":
            self._pool = await open_pool()
            await send({"type": "lifespan.startup.complete"})
        await self._pool.close()
        await send({"type": "lifespan.shutdown.complete"})


app = _Application()
