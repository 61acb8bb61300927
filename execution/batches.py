"""Batches of objects at one place of the plan, and where their answers stand in the whole."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from graphql.pyutils import Path

if TYPE_CHECKING:
    from execution.selections import Field, Selection

Made = dict[str, Any]
Place = tuple[Made, tuple[int, ...]]


class Batch:
    """The objects of one selection at one place, and the dicts that become their answers.

    A dict stands in the answer of its parent at the key of `field`, within as many lists as its
    place has indexes. Places are worked out when an error asks for them, and seldom otherwise.
    """

    __slots__ = ("_known", "_places", "dicts", "field", "objects", "parent", "selection")

    def __init__(
        self,
        selection: "Selection",
        objects: list[Any],
        *,
        field: "Field | None" = None,
        parent: "Batch | None" = None,
        places: Callable[[], Iterable[Place]] = tuple,
    ) -> None:
        self.selection = selection
        self.objects = objects
        self.field = field
        self.parent = parent
        self.dicts: list[Made] = []
        self._places = places
        self._known: dict[int, Place] | None = None

    def place(self, made: Made) -> Place:
        if self._known is None:
            places = zip(self.dicts, self._places(), strict=True)
            self._known = {id(one): place for one, place in places}
        return self._known[id(made)]

    def put_in_place(self) -> None:
        """Each dict where it belongs, by itself."""
        assert self.field is not None  # noqa: S101 - the root stands nowhere
        key = self.field.key
        for made in self.dicts:
            above, indexes = self.place(made)
            if indexes:
                above[key][indexes[0]] = made
            else:
                above[key] = made

    def path(self, made: Made, field: "Field") -> Path:
        """The path of that field of one of the batch's dicts."""
        return Path(self._path(made), field.key, field.parent_type.name)

    def _path(self, made: Made) -> Path | None:
        if self.parent is None or self.field is None:
            return None
        above, indexes = self.place(made)
        path = self.parent.path(above, self.field)
        for index in indexes:
            path = Path(path, index, None)
        return path

    def attached(self, made: Made) -> bool:
        """Whether the dict is still part of the answer: an error may have put null over it."""
        if self.parent is None or self.field is None:
            return True
        above, indexes = self.place(made)
        return _found(above, self.field, indexes) is made and self.parent.attached(above)

    def put_null(self, made: Made, field: "Field") -> bool:
        """Put null where an error of that field leads to; False where that is the whole answer."""
        return _put_null(self, made, field, ())


def _put_null(batch: Batch, made: Made, field: "Field", indexes: tuple[int, ...]) -> bool:
    while not field.nullable[len(indexes)]:
        if indexes:
            indexes = indexes[:-1]
        elif batch.parent is None or batch.field is None:
            return False
        else:
            made, indexes = batch.place(made)
            field, batch = batch.field, batch.parent
    if not indexes:
        made[field.key] = None
    else:
        _found(made, field, indexes[:-1])[indexes[-1]] = None
    return True


def _found(made: Made, field: "Field", indexes: tuple[int, ...]) -> Any:
    found = made[field.key]
    for index in indexes:
        if found is None:
            return None
        found = found[index]
    return found
