"""What resolvers and types may say of themselves, so that plans can run them for many at once."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

LoadMany = Callable[[Any, list[Any]], Awaitable[Sequence[Any]]]
_BATCHED = "__execution_batched__"
_BY_CLASS = "__execution_by_class__"


@dataclass(frozen=True, slots=True)
class Batched:
    """`load(context, keys)` answers for many keys, each with its value or an exception.

    `key` is the attribute of the parent that holds the key; a key of None leads to None.
    """

    key: str
    load: LoadMany


def batched(*, key: str, load: LoadMany) -> Callable[[F], F]:
    """Declare that a resolver without arguments does for one parent what `load` does for many."""

    def declare(resolver: F) -> F:
        setattr(resolver, _BATCHED, Batched(key, load))
        return resolver

    return declare


def declared_batched(resolver: Any) -> Batched | None:
    return getattr(resolver, _BATCHED, None)


def by_class(is_type_of: F) -> F:
    """Declare that an `is_type_of` looks at the class of an object and at nothing else, so that it
    need not be asked for each of a thousand rows."""
    setattr(is_type_of, _BY_CLASS, True)
    return is_type_of


def decides_by_class(is_type_of: Any) -> bool:
    return getattr(is_type_of, _BY_CLASS, False)
