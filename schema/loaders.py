"""Relations between rows: one batched statement for all the keys of a level.

A relation is one line in `schema/relations.py`. Its loader lives as long as the operation, so a
row asked for twice is read once, and never longer, so nobody sees what was read for another.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import strawberry
from aiodataloader import DataLoader

from schema.costs import list_size
from tenants.database import Reader
from tenants.grants import Grant

if TYPE_CHECKING:
    from schema.context import Context

Query = Callable[[Reader, Any], Awaitable[Sequence[Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """`query` answers for many keys; `by` is the column of its rows that holds the key."""

    query: Query
    by: str
    many: bool
    grant: Grant


_relations: dict[str, Relation] = {}


def declare(relations: dict[str, Relation]) -> None:
    _relations.update(relations)


def relation(
    name: str, *, key: str = "id", description: str | None = None, size: int | None = None
) -> Any:
    """A field that follows a relation from the column `key` of its parent's row.

    `size` is how many rows a list is taken to have when the cost of an operation is told.
    """

    async def follow(root: strawberry.Parent[Any], info: strawberry.Info[Any, None]) -> Any:
        value = root[key]
        return None if value is None else await info.context.load(name, value)

    directives = [] if size is None else list_size(size)
    return strawberry.field(resolver=follow, description=description, directives=directives)


class Loaders:
    """The loaders of one operation, made when first used."""

    def __init__(self, context: "Context") -> None:
        self._context = context
        self._loaders: dict[str, DataLoader[Any, Any]] = {}

    async def load(self, name: str, key: Any) -> Any:
        loader = self._loaders.get(name)
        if loader is None:
            loader = self._loaders[name] = DataLoader(self._batch(_relations[name]))
        # Siblings share this future; graphql-core cancels a field whose sibling failed.
        row = loader.load(key)
        row.add_done_callback(_noticed)
        return await asyncio.shield(row)

    def allowed(self, name: str) -> bool:
        return self._context.allows(_relations[name].grant)

    def _batch(self, relation: Relation) -> Callable[[list[Any]], Coroutine[Any, Any, list[Any]]]:
        async def load_many(keys: list[Any]) -> list[Any]:
            rows = await relation.query(self._context.reading(relation.grant), keys)
            if relation.many:
                grouped: dict[Any, list[Any]] = defaultdict(list)
                for row in rows:
                    grouped[row[relation.by]].append(row)
                return [grouped.get(key, []) for key in keys]
            single = {row[relation.by]: row for row in rows}
            return [single.get(key) for key in keys]

        return load_many


def _noticed(row: "asyncio.Future[Any]") -> None:
    """Fields that were given up await their rows no more: what became of these is no news, and
    asyncio would log it as a bug."""
    if not row.cancelled():
        row.exception()
