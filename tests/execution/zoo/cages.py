"""Cages: a field of each level of nullability, for each kind of type and of resolver."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Union
from zlib import crc32

import strawberry

from tests.execution.zoo.animals import Anything, Being, Sounding, being, keeper, sounding
from tests.execution.zoo.leaves import Diet
from tests.execution.zoo.tickets import Ticket, ticket
from tests.execution.zoo.whims import Whims

Make = Callable[[Whims, str], Any]


def _number(_whims: Whims, place: str) -> int:
    return crc32(place.encode()) % 100


def _diet(_whims: Whims, place: str) -> Diet:
    diets: list[Diet] = [*Diet]
    return diets[crc32(place.encode()) % 3]


def _anything(whims: Whims, place: str) -> Any:
    return (keeper if crc32(place.encode()) % 3 == 0 else being)(whims, place)


_KINDS: dict[str, tuple[Any, Make]] = {
    "number": (int, _number),
    "diet": (Diet, _diet),
    "ticket": (Ticket, ticket),
    "being": (Being, being),
    "anything": (Anything, _anything),
    "sounding": (Sounding, sounding),
}
_Maybe: Any = Union  # of a type and None; `|` takes no annotations of unions
_List: Any = list
_LEVELS: dict[str, tuple[Callable[[Any], Any], int]] = {
    "maybe": (lambda kind: _Maybe[kind, None], 0),
    "sure": (lambda kind: kind, 0),
    "maybe_list_of_maybe": (lambda kind: _Maybe[_List[_Maybe[kind, None]], None], 1),
    "maybe_list": (lambda kind: _Maybe[_List[kind], None], 1),
    "list_of_maybe": (lambda kind: _List[_Maybe[kind, None]], 1),
    "list": (lambda kind: _List[kind], 1),
    "maybe_grid": (lambda kind: _Maybe[_List[_Maybe[_List[_Maybe[kind, None]], None]], None], 2),
    "grid": (lambda kind: _List[_List[kind]], 2),
}


def _made(whims: Whims, place: str, make: Make, depth: int) -> Any:
    if depth == 0:
        return make(whims, place)
    inner = [_made(whims, f"{place}.{n}", make, depth - 1) for n in range(2)]
    return whims.items(place, inner)


def _synchronous(name: str, kind: Any, make: Make, depth: int) -> Any:
    def resolve(root: Any) -> Any:
        place = f"{root.place}.{name}"
        return root.whims.told(place, _made(root.whims, place, make, depth))

    resolve.__annotations__ = {"root": "strawberry.Parent[Any]", "return": kind}
    return strawberry.field(resolver=resolve)


def _asynchronous(name: str, kind: Any, make: Make, depth: int) -> Any:
    async def resolve(root: Any, info: Any) -> Any:
        place = f"{root.place}.{name}"
        return await info.context.whims.brought(place, _made(root.whims, place, make, depth))

    resolve.__annotations__ = {
        "root": "strawberry.Parent[Any]",
        "info": strawberry.Info,
        "return": kind,
    }
    return strawberry.field(resolver=resolve)


def _fields() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind_name, (kind, make) in _KINDS.items():
        for level, (wrap, depth) in _LEVELS.items():
            name = f"{level}_{kind_name}"
            found[name] = _synchronous(name, wrap(kind), make, depth)
            found[f"{name}_later"] = _asynchronous(f"{name}_later", wrap(kind), make, depth)
    return found


@strawberry.type
class Cage:
    place: strawberry.Private[str]
    whims: strawberry.Private[Whims]

    vars().update(_fields())

    @strawberry.field
    def counted(self) -> list[int]:
        return {3, 1, 2}  # type: ignore[return-value]

    @strawberry.field
    def breaking(self) -> list[int | None] | None:
        def items() -> Any:
            yield 1
            yield 2
            raise ValueError(f"{self.place} breaks")

        return items()  # type: ignore[no-any-return]

    @strawberry.field
    def no_list(self) -> list[int] | None:
        return 5  # type: ignore[return-value]

    @strawberry.field
    def flowing(self) -> list[int | None] | None:
        async def items() -> AsyncIterator[int | None]:
            for number in (1, None, 3):
                await asyncio.sleep(0)
                yield number

        return items()  # type: ignore[return-value]

    @strawberry.field
    async def cage(self) -> "Cage | None":
        found: Cage | None = await self.whims.brought(
            f"{self.place}.cage", cage(self.whims, f"{self.place}.cage")
        )
        return found

    @strawberry.field
    def cages(self) -> "list[Cage]":
        place = f"{self.place}.cages"
        made = [cage(self.whims, f"{place}.{n}") for n in range(3)]
        found: list[Cage] = self.whims.told(place, self.whims.items(place, made))
        return found


def cage(whims: Whims, place: str) -> Any:
    return Cage(place=place, whims=whims)
