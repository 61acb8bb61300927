"""What may go wrong in the zoo: decided by a seed and a place, so always the same."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any
from zlib import crc32

from aiodataloader import DataLoader


class Whim(Enum):
    NULL = auto()
    FAILING = auto()
    FAILURE = auto()  # an exception that is returned
    WRONG = auto()  # a value of no use to the type
    AWAITED = auto()  # an awaitable where none is expected
    AWAITED_FAILURE = auto()
    AWAITED_NULL = auto()
    CANCELLED = auto()


class Misfortune(Exception):
    """What resolvers of the zoo raise."""

    @property
    def extensions(self) -> dict[str, Any] | None:
        return {"code": "MISFORTUNE"} if len(str(self)) % 2 else None


@dataclass
class Whims:
    """`often` is how many of a thousand places are taken; without a seed, none is.

    `asked` counts what resolvers were asked for.
    """

    seed: int | None = None
    often: int = 80
    cancelling: bool = False
    asked: Counter[str] = field(default_factory=Counter)

    def at(self, place: str) -> Whim | None:
        if self.seed is None:
            return None
        drawn = crc32(f"{self.seed} {place}".encode())
        if drawn % 1000 >= self.often:
            return None
        among: list[Whim] = [one for one in Whim if one is not Whim.CANCELLED]
        if self.cancelling:
            among += [Whim.CANCELLED] * len(among)
        return among[drawn // 1000 % len(among)]

    def column(self, place: str, usual: Any, *odd: Any) -> Any:
        """The value of a plain attribute, or one of the odd ones that may stand there."""
        drawn = crc32(f"{self.seed} {place} odd".encode())
        if odd and self.seed is not None and drawn % 1000 < 2 * self.often:
            return odd[drawn // 1000 % len(odd)]
        match self.at(place):
            case Whim.FAILING:
                return Misfortune(place)
            case Whim.CANCELLED:
                return usual
        return self._told(place, usual)

    def told(self, place: str, usual: Any) -> Any:
        """What a synchronous resolver returns, if it does."""
        self.asked[place] += 1
        return self._told(place, usual)

    def _told(self, place: str, usual: Any) -> Any:
        whim = self.at(place)
        if whim is Whim.FAILING:
            raise Misfortune(place)
        if whim is Whim.CANCELLED:
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            return future
        return {
            None: usual,
            Whim.NULL: None,
            Whim.FAILURE: Misfortune(place),
            Whim.WRONG: Useless(),
            Whim.AWAITED: Promise(1, usual),
            Whim.AWAITED_NULL: Promise(2, None),
            Whim.AWAITED_FAILURE: Promise(1, Misfortune(place)),
        }[whim]

    async def brought(self, place: str, usual: Any) -> Any:
        """What an asynchronous resolver returns, after some turns of the loop."""
        for _ in range(crc32(place.encode()) % 3):
            await asyncio.sleep(0)
        self.asked[place] += 1
        value = self._told(place, usual)
        if self.at(place) is Whim.CANCELLED:
            await value
        return value

    def items(self, place: str, usual: list[Any]) -> Any:
        """A list in one of the shapes that lists come in, with items that may go wrong."""
        kept = [self.told_item(f"{place}[{n}]", item) for n, item in enumerate(usual)]
        if self.seed is None:
            return kept
        shapes: list[Callable[[list[Any]], Any]] = [
            *(list, list, list, list, tuple, tuple),
            *(iter, _Listed, _generated, dict.fromkeys),
        ]
        shape = shapes[crc32(f"{self.seed} {place} shape".encode()) % len(shapes)]
        try:
            return shape(kept)
        except TypeError:  # not every item can be a key
            return kept

    def told_item(self, place: str, usual: Any) -> Any:
        try:
            return self._told(place, usual)
        except Misfortune as error:
            return error


class _Listed(list[Any]):
    """A list by inheritance."""


def _generated(items: list[Any]) -> Any:
    yield from items


class Useless:
    """A value of no type of the zoo."""

    def __repr__(self) -> str:
        return "useless"


@dataclass(frozen=True, eq=False)
class Promise:
    """An awaitable that complains of nothing if nobody awaits it."""

    turns: int
    value: Any

    def __await__(self) -> Generator[Any, None, Any]:
        return self.coroutine().__await__()

    async def coroutine(self) -> Any:
        await after(self.turns, None)
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


async def after(turns: int, value: Any) -> Any:
    for _ in range(turns):
        await asyncio.sleep(0)
    return value


@dataclass
class Loading:
    """The loaders of one run; `loads` are the keys of each batch they were asked for."""

    whims: Whims
    loads: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    _loaders: dict[str, DataLoader[Any, Any]] = field(default_factory=dict)

    def loader(self, name: str, find: Callable[[Any], Any]) -> DataLoader[Any, Any]:
        """`find` tells the value of one key, and may raise."""
        if name not in self._loaders:

            async def load(keys: list[Any]) -> list[Any]:
                self.loads.append((name, tuple(keys)))
                await asyncio.sleep(0)
                return [self._found(name, find, key) for key in keys]

            self._loaders[name] = DataLoader(load)
        return self._loaders[name]

    def _found(self, name: str, find: Callable[[Any], Any], key: Any) -> Any:
        match self.whims.at(f"{name} {key}"):
            case Whim.NULL:
                return None
            case Whim.FAILING | Whim.FAILURE | Whim.AWAITED_FAILURE:
                return Misfortune(f"{name} {key}")
            case Whim.WRONG:
                return Useless()
        try:
            return find(key)
        except Exception as error:  # noqa: BLE001 - the loader hands it on
            return error


def shared(loading: Awaitable[Any]) -> Awaitable[Any]:
    """A loader's future, which graphql-core may cancel only for the one who asked."""
    future = asyncio.ensure_future(loading)
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return asyncio.shield(future)
