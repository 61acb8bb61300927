"""Relations between rows: one batched statement for all the keys of a level.

A relation is one line in `schema/relations.py`. Its loader lives as long as the operation, so a
row asked for twice is read once, and never longer, so nobody sees what was read for another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import strawberry
from aiodataloader import DataLoader

from execution import batched
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

    def load_many(context: "Context", keys: list[Any]) -> Awaitable[list[Any]]:
        return context.load_many(name, keys)

    @batched(key=key, load=load_many)
    async def follow(root: strawberry.Parent[Any], info: strawberry.Info[Any, None]) -> Any:
        value = root[key]
        return None if value is None else await info.context.load(name, value)

    directives = [] if size is None else list_size(size)
    return strawberry.field(resolver=follow, description=description, directives=directives)


class Loaders:
    """The loaders of one operation, made when first used."""

    def __init__(self) -> None:
        self._loaders: dict[str, DataLoader[tuple[Any, ...], list[Any]]] = {}

    async def load(self, context: "Context", name: str, key: Any) -> Any:
        (row,) = await self.load_many(context, name, [key])
        return row

    def load_many(
        self, context: "Context", name: str, keys: list[Any]
    ) -> "asyncio.Future[list[Any]]":
        """What each of the keys leads to. Whoever asks has a future of their own: graphql-core
        cancels a field whose sibling failed, and others may wait for the same row."""
        loader = self._loaders.get(name)
        if loader is None:
            rows = _Rows(context, _relations[name])
            loader = self._loaders[name] = DataLoader(rows.of_groups, cache=False)
        found = loader.load(tuple(keys))
        found.add_done_callback(_noticed)
        return found

    def close(self) -> None:
        """Let go of all rows: each loader knows the context that knows it, and only the garbage
        collector would give them back."""
        self._loaders.clear()


def grant_of(name: str) -> Grant:
    """What whoever follows the relation has to hold."""
    return _relations[name].grant


class _Rows:
    """What is known of one relation, by key; its loader gathers groups of keys."""

    def __init__(self, context: "Context", relation: Relation) -> None:
        self._context = context
        self._relation = relation
        self._known: dict[Any, Any] = {}
        self._turn = asyncio.Lock()  # what is on its way already is not asked for again

    async def of_groups(self, groups: list[tuple[Any, ...]]) -> list[list[Any]]:
        async with self._turn:
            known = self._known
            missing = dict.fromkeys(key for keys in groups for key in keys if key not in known)
            if missing:
                known.update(await self._asked(list(missing)))
        return [[known[key] for key in keys] for keys in groups]

    async def _asked(self, keys: list[Any]) -> dict[Any, Any]:
        relation = self._relation
        rows = await relation.query(self._context.reading(relation.grant), keys)
        if not relation.many:
            return dict.fromkeys(keys) | {row[relation.by]: row for row in rows}
        grouped: dict[Any, list[Any]] = {key: [] for key in keys}
        by = relation.by
        for row in rows:
            grouped[row[by]].append(row)
        return grouped


def _noticed(row: "asyncio.Future[Any]") -> None:
    """Fields that were given up await their rows no more: what became of these is no news, and
    asyncio would log it as a bug."""
    if not row.cancelled():
        row.exception()
