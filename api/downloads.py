"""Files that jobs have made, for whoever holds an address that was signed for them."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from api.parts import Parts
from tenants.database import WorkspaceDatabase
from tenants.identity import NotAuthenticated, Principal, principal_of, told_of
from tenants.jobs import jobs_by_id
from tenants.storage import Storage
from tenants.tokens import UNREADABLE, SigningKeys

_GONE = "This address is not good, or no longer: ask for `downloadUrl` again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloads:
    """`audience` keeps these tokens apart from those that open the API."""

    keys: SigningKeys
    audience: str
    lifetime: timedelta
    storage: Storage
    open_database: Callable[[Principal, str], WorkspaceDatabase]

    def routes(self) -> list[BaseRoute]:
        return [Route("/files/{token}", self.file)]

    def url(self, asker: Principal, job_id: UUID) -> str:
        expires = datetime.now(UTC) + self.lifetime
        claims = {
            "aud": self.audience,
            "exp": int(expires.timestamp()),
            "asker": told_of(asker),
            "job": str(job_id),
        }
        return f"/files/{self.keys.sign(claims)}"

    async def file(self, request: Request) -> Response:
        try:
            asker, job_id = self._read(request.path_params["token"])
            names = await self._names(asker, job_id, request.state.request_id)
        except (*UNREADABLE, NotAuthenticated):
            return JSONResponse({"error": _GONE}, 404)
        if not names:
            return JSONResponse({"error": _GONE}, 404)
        disposition = f'attachment; filename="{job_id}.jsonl"'
        return StreamingResponse(
            self._lines(asker.workspace_id, names),
            media_type="application/jsonl",
            headers={"content-disposition": disposition, "cache-control": "no-store"},
        )

    async def _names(self, asker: Principal, job_id: UUID, request_id: str) -> list[str]:
        """Of the job's files, as the asker may see it at this moment; `NotAuthenticated` where the
        credential has ended."""
        database = self.open_database(asker, request_id)
        try:
            found = await jobs_by_id(database.reading(), [job_id])
        finally:
            await database.close()
        return list((found[0].result or {}).get("files", ())) if found else []

    async def _lines(self, workspace_id: UUID, names: list[str]) -> AsyncIterator[bytes]:
        for name in names:
            async for chunk in self.storage.chunks(workspace_id, name):
                yield chunk

    def _read(self, token: str) -> tuple[Principal, UUID]:
        claims = self.keys.verify(token)
        if claims["aud"] != self.audience or claims["exp"] <= datetime.now(UTC).timestamp():
            raise ValueError(_GONE)
        return principal_of(claims["asker"]), UUID(claims["job"])


def downloads(parts: Parts) -> Downloads:
    settings = parts.settings
    return Downloads(
        keys=parts.tokens.keys,
        audience=f"{settings.token_audience}-files",
        lifetime=timedelta(hours=settings.download_hours),
        storage=parts.storage,
        open_database=parts.open_database,
    )
