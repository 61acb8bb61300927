"""Persisted operations: asked for by the hash of their text, or by an id of a manifest.

Automatic: a client sends the SHA-256 of its document first; told that we do not know it, it sends
hash and text once, and from then on the hash alone (Apollo's protocol). Locked: only operations of
a manifest run, whatever else is sent.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import structlog
from graphql import GraphQLError, GraphQLSchema, parse, validate
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.graphql.failures import RequestError
from api.graphql.operations import Operation
from api.redis_answers import answer_within
from schema.errors import ErrorCode, coded
from tenants.identity import Principal

log = structlog.get_logger()

_PATIENCE = 0.25  # seconds for Redis to answer
_REMEMBERED = 2_000


class PersistedOperations(Protocol):
    """`vetted`: whoever runs the server has chosen the operations, so reading them is free."""

    vetted: bool

    async def text(self, operation: Operation, principal: Principal) -> str:
        """The document of an operation, or `RequestError`."""
        ...

    async def ran(self, operation: Operation, principal: Principal) -> None:
        """The operation's document is valid: worth remembering, where that was asked for."""
        ...


class Unpersisted:
    """Every operation brings its text."""

    vetted = False

    async def text(self, operation: Operation, _principal: Principal) -> str:
        if operation.query is None:
            message = "PersistedQueryNotSupported: send the document in `query`."
            raise RequestError(coded(ErrorCode.PERSISTED_QUERY_NOT_SUPPORTED, message))
        return operation.query

    async def ran(self, operation: Operation, principal: Principal) -> None:
        pass


class Automatic:
    """Remembers documents by their hash, for each workspace apart: whether a hash is known would
    otherwise tell what others run. Texts lie in Redis; at most `most` of a workspace, for `days`.
    """

    vetted = False

    def __init__(self, redis: Redis, *, most: int, days: int) -> None:
        self._redis: Any = redis
        self._most = most
        self._seconds = days * 86_400
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def text(self, operation: Operation, principal: Principal) -> str:
        id_ = operation.persisted
        if operation.query is not None:
            if id_ is not None and hashlib.sha256(operation.query.encode()).hexdigest() != id_:
                message = "`sha256Hash` is not the SHA-256 of `query`, in small hexadecimals."
                raise RequestError(coded(ErrorCode.BAD_REQUEST, message))
            return operation.query
        assert id_ is not None  # noqa: S101 - an operation has one or the other
        text = await self._look_up(_folder(principal), id_)
        if text is None:
            message = "PersistedQueryNotFound"  # Apollo's clients compare the message
            raise RequestError(coded(ErrorCode.PERSISTED_QUERY_NOT_FOUND, message))
        return text

    async def ran(self, operation: Operation, principal: Principal) -> None:
        if operation.query is None or operation.persisted is None:
            return
        folder = _folder(principal)
        if (folder, operation.persisted) in self._known:
            return
        self._remember(folder, operation.persisted, operation.query)
        storing = self._store(folder, operation.persisted, operation.query)
        try:
            await answer_within(_PATIENCE, storing)
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("persisted.redis_away", reason=repr(error))

    async def _store(self, folder: str, id_: str, text: str) -> None:
        if await self._redis.hlen(folder) >= self._most:
            await self._redis.hdel(folder, await self._redis.hrandfield(folder))
        await self._redis.hset(folder, id_, text)
        await self._redis.expire(folder, self._seconds)

    async def _look_up(self, folder: str, id_: str) -> str | None:
        known = self._known.get((folder, id_))
        if known is not None:
            self._known.move_to_end((folder, id_))
            return known
        try:
            found = await answer_within(_PATIENCE, self._redis.hget(folder, id_))
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("persisted.redis_away", reason=repr(error))
            return None
        if found is None:
            return None
        text = str(found, "utf-8")
        self._remember(folder, id_, text)
        return text

    def _remember(self, folder: str, id_: str, text: str) -> None:
        self._known[folder, id_] = text
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


class Locked:
    """Runs the operations of a manifest and no others, asked for by id or by their exact text."""

    vetted = True

    def __init__(self, operations: Mapping[str, str]) -> None:
        self._by_id = operations
        self._texts = frozenset(operations.values())

    async def text(self, operation: Operation, _principal: Principal) -> str:
        text = operation.query
        if text is None and operation.persisted is not None:
            text = self._by_id.get(operation.persisted)
        if text is None or text not in self._texts:
            message = "Only registered operations run here, and this one is not among them."
            raise RequestError(coded(ErrorCode.OPERATION_NOT_REGISTERED, message))
        return text

    async def ran(self, operation: Operation, principal: Principal) -> None:
        pass


class BadManifest(ValueError):
    """The file of registered operations cannot be used; says what is wrong and where."""


def read_manifest(file: Path, schema: GraphQLSchema) -> dict[str, str]:
    """Operations by id, of the JSON that Relay and graphql-codegen write ({id: text}) or of
    Apollo's manifest ({"operations": [{"id", "body"}]}); each has to fit the schema."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadManifest(f"{file} cannot be read as JSON: {error}") from None
    if isinstance(told, dict) and isinstance(told.get("operations"), list):
        told = {one.get("id"): one.get("body") for one in told["operations"]}
    if not isinstance(told, dict) or not told:
        raise BadManifest(f"{file} holds no operations: an object of id and text is wanted.")
    for id_, text in told.items():
        if not isinstance(id_, str) or not isinstance(text, str):
            raise BadManifest(f"{file}: the operation {id_!r} is no text.")
        try:
            errors = validate(schema, parse(text))
        except GraphQLError as error:
            errors = [error]
        if errors:
            raise BadManifest(f"{file}: the operation {id_!r} is not valid: {errors[0].message}")
    return told


def _folder(principal: Principal) -> str:
    return f"operations:{{{principal.workspace_id}}}"
