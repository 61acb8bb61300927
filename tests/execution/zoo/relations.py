"""Relations of the zoo: by a loader for each parent, and declared to be batched."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import strawberry

from execution import batched
from tests.execution.zoo.whims import Loading, shared

Find = Callable[[Any, Any], Any]  # of the context and a key
_finds: dict[str, Find] = {}


def finds(name: str) -> Callable[[Find], Find]:
    def declare(find: Find) -> Find:
        _finds[name] = find
        return find

    return declare


def relation(name: str, *, key: str) -> Any:
    async def follow(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        value = getattr(root, key)
        return None if value is None else await _loaded(info.context, name, value)

    return strawberry.field(resolver=follow)


def batched_relation(name: str, *, key: str) -> Any:
    async def load(context: Any, keys: list[Any]) -> Sequence[Any]:
        loading = (_loaded(context, name, value) for value in keys)
        return await asyncio.gather(*loading, return_exceptions=True)

    @batched(key=key, load=load)
    async def follow(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        value = getattr(root, key)
        return None if value is None else await _loaded(info.context, name, value)

    return strawberry.field(resolver=follow)


async def _loaded(context: Any, name: str, value: Any) -> Any:
    loading: Loading = context.loading
    find = _finds[name]
    return await shared(loading.loader(name, lambda wanted: find(context, wanted)).load(value))
