"""Refusals: what a seller can act on. Raised by operations, answered as `userErrors`."""

from typing import ClassVar

Path = tuple[str | int, ...]


class Refusal(Exception):
    """One thing that stands in the way. `code` is stable; `field` is where in the input."""

    code: ClassVar[str] = "REFUSED"

    def __init__(self, message: str, *, field: Path = ()) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Refusals(Exception):
    """All the things that stand in the way, so that a seller mends them in one go."""

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


def refuse_all(items: list[Refusal]) -> None:
    """Raise what was found, if anything was."""
    if items:
        raise Refusals(items)
