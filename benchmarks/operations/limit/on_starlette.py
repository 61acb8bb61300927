"""The limit as a team would write it: a Starlette route."""

import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.operations.limit.answering import answer, open_pool


@contextlib.asynccontextmanager
async def _pool(app: Starlette) -> AsyncIterator[None]:
    app.state.pool = await open_pool()
    yield
    await app.state.pool.close()


async def _answer(request: Request) -> Response:
    workspace = request.headers["x-workspace-id"]
    told = await answer(request.app.state.pool, await request.body(), workspace)
    return Response(told, media_type="application/json")


app = Starlette(routes=[Route("/graphql", _answer, methods=["POST"])], lifespan=_pool)
