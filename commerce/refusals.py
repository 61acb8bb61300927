"""Refusals: what a seller can act on. Raised by operations, answered as `userErrors`."""

from collections.abc import Iterable
from itertools import islice
from typing import ClassVar

Path = tuple[str | int, ...]
MOST_TOLD = 100


class Refusal(Exception):
    """One thing that stands in the way. `code` is stable; `field` is where in the input."""

    code: ClassVar[str] = "REFUSED"

    def __init__(self, message: str, *, field: Path = ()) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Refusals(Exception):
    """The things that stand in the way, the first 100 of them, so that a seller mends them in one
    go. Telling twenty thousand would hold the event loop for half a second."""

    def __init__(self, items: list[Refusal]) -> None:
        super().__init__("; ".join(item.message for item in items))
        self.items = items


class NotFound(Refusal):
    """Nothing by that id in this workspace; another workspace's id reads just the same."""

    code = "NOT_FOUND"

    def __init__(self, what: str, *, field: Path) -> None:
        super().__init__(f"There is no such {what} in this workspace.", field=field)


class InvalidValue(Refusal):
    code = "INVALID"


class AlreadyTaken(Refusal):
    code = "TAKEN"


class VersionConflict(Refusal):
    """Somebody else changed the entity first."""

    code = "VERSION_CONFLICT"

    def __init__(self, *, expected: int, actual: int) -> None:
        super().__init__(
            f"You changed version {expected}, but version {actual} is newer. "
            "Load it again and repeat your change.",
            field=("expectedVersion",),
        )
        self.actual = actual


def first_of(found: Iterable[Refusal]) -> list[Refusal]:
    """As many as are told; what else is wrong is not looked for."""
    return list(islice(found, MOST_TOLD))


def refuse_all(items: Iterable[Refusal]) -> None:
    """Raise what was found, if anything was."""
    told = first_of(items)
    if told:
        raise Refusals(told)
