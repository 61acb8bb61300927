"""What every resolver is handed: who asks, and the doors that are open to them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import strawberry
from graphql import DocumentNode

from schema.loaders import Loaders, grant_of
from tenants.database import Reader, WorkspaceDatabase, Writer
from tenants.feed import Feeds
from tenants.grants import Grant
from tenants.identity import AccessDenied, Principal

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What outlives a request: the event feeds, and the limits that resolvers apply.

    `read_document` reads a document as the endpoint does, or says what is wrong with it;
    `download_url` is where the files of a job can be fetched for a while, as long as the credential
    of whoever asked is good.
    """

    feeds: Feeds
    open_database: Callable[[Principal, str], WorkspaceDatabase]
    invitation_lifetime: timedelta
    read_document: Callable[[Principal, str], Awaitable[DocumentNode | list[str]]]
    download_url: Callable[[Principal, UUID], str]
    subscriber_queue: int = 1_000
    jobs_waiting: int = 20


@dataclass(slots=True, kw_only=True)
class Context:
    """One operation, or one event of a subscription. Closed by whoever made it."""

    principal: Principal
    platform: Platform
    request_id: str
    database: WorkspaceDatabase = field(init=False)
    _loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.database = self.platform.open_database(self.principal, self.request_id)
        self._loaders = Loaders()

    def allows(self, grant: Grant) -> bool:
        return grant in self.principal.grants

    def require(self, grant: Grant) -> None:
        if grant not in self.principal.grants:
            raise AccessDenied(grant)

    def reading(self, grant: Grant) -> Reader:
        """The snapshot of this operation, for a caller who holds the grant."""
        self.require(grant)
        return self.database.reading()

    async def load(self, relation: str, key: Any) -> Any:
        """What a relation leads to from one key; asked together with its siblings."""
        return await self._loaders.load(self, relation, key)

    def load_many(self, relation: str, keys: list[Any]) -> Awaitable[list[Any]]:
        """What a relation leads to from each of the keys."""
        return self._loaders.load_many(self, relation, keys)

    async def load_where_allowed(self, relation: str, key: Any) -> Any:
        """Like `load`, and null to whoever may not read it: a key may change what it cannot see."""
        if key is None or not self.allows(grant_of(relation)):
            return None
        return await self.load(relation, key)

    async def change(self, grant: Grant, action: str, work: Callable[[Writer], Awaitable[T]]) -> T:
        """Run a change in one transaction; what is read afterwards is read anew."""
        self.require(grant)
        try:
            return await self.database.change(action, work)
        finally:
            self._loaders.close()

    def renewed(self) -> "Context":
        """The same caller anew, as each event of a subscription is answered."""
        return Context(principal=self.principal, platform=self.platform, request_id=self.request_id)

    async def close(self) -> None:
        self._loaders.close()
        await self.database.close()


Info = strawberry.Info[Context, None]
