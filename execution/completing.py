"""Completing values: from what resolvers returned to what stands in the answer.

Values are taken as a column. If all are as expected, which a look at the set of their classes
tells, the column is completed at once; otherwise the unusual ones are given to graphql-core.
"""

from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, Any

from graphql.pyutils import is_awaitable

from execution.batches import Batch
from execution.belonging import selection_of
from execution.careful import (
    complete_by_graphql_core,
    complete_carefully,
    execute_all_carefully,
)
from execution.source import SEQUENCES

if TYPE_CHECKING:
    from execution.batches import Made, Place
    from execution.running import Run
    from execution.selections import Field, Selection


def complete(
    run: "Run", field: "Field", batch: Batch, dicts: "list[Made]", values: list[Any]
) -> None:
    """Put the values of a field, one for each dict, into the dicts."""
    if field.depth > 1:
        for made, value in zip(dicts, values, strict=True):
            complete_carefully(run, field, batch, made, value)
    elif field.leaf is not None:
        _leaves(run, field, batch, dicts, values)
    elif field.depth == 1:
        _lists(run, field, batch, dicts, values)
    else:
        _objects(run, field, batch, dicts, values)


def complete_awaited(
    run: "Run", field: "Field", batch: Batch, dicts: "list[Made]", values: list[Any]
) -> None:
    """Put values that were waited for; awaitables among them are not waited for again."""
    kinds = set(map(type, values))
    if not any(hasattr(kind, "__await__") for kind in kinds):
        complete(run, field, batch, dicts, values)
        return
    for made, value in zip(dicts, values, strict=True):
        if is_awaitable(value):
            complete_by_graphql_core(run, field, batch, made, value)
        else:
            complete(run, field, batch, [made], [value])


def fill(run: "Run", batch: Batch) -> None:
    """Find the values of all fields of a batch whose dicts stand in the answer."""
    for field in batch.selection.rest:
        field.resolve(run, field, batch)  # type: ignore[misc]


def make(run: "Run", batch: Batch, put: Callable[[], object] = lambda: None) -> None:
    """Make the dicts of a batch, have them put into the answer, and see to their plain fields:
    errors can be told, and put null, once the dicts stand where they belong."""
    usual = _read(run, batch)
    put()
    if not usual:
        _read_carefully(run, batch)


def _read(run: "Run", batch: Batch) -> bool:
    """The dicts with their plain fields; False where these have to be read carefully."""
    selection = batch.selection
    try:
        batch.dicts = selection.read.call(batch.objects)
    except Exception:  # noqa: BLE001 - graphql-core meets it again
        batch.dicts = [dict.fromkeys(selection.keys) for _ in batch.objects]
        return False
    finally:
        run.made.append((selection.keys, len(batch.objects)))
    return True


def _read_carefully(run: "Run", batch: Batch) -> None:
    for field in batch.selection.fields:
        if field.read_with_its_row:
            execute_all_carefully(run, field, batch)


def _leaves(
    run: "Run", field: "Field", batch: Batch, dicts: "list[Made]", values: list[Any]
) -> None:
    try:
        completed = field.serialise.call(values)
    except Exception:  # noqa: BLE001
        for made, value in zip(dicts, values, strict=True):
            complete_carefully(run, field, batch, made, value)
    else:
        key = field.key
        for made, value in zip(dicts, completed, strict=True):
            made[key] = value


def _objects(
    run: "Run", field: "Field", batch: Batch, dicts: "list[Made]", values: list[Any]
) -> None:
    selection = _only_selection(field, values)
    if selection is not None:
        _put_objects(run, field, batch, dicts, values, selection)
        return
    sorted_out = _Sorting(run, field, batch)
    for made, value in zip(dicts, values, strict=True):
        if value is not None or not field.nullable[0]:
            sorted_out.add(made, [value], of_list=False)
    _put_sorted(run, sorted_out.batches())


def _lists(
    run: "Run", field: "Field", batch: Batch, dicts: "list[Made]", values: list[Any]
) -> None:
    if SEQUENCES.issuperset(map(type, values)):
        objects = list(chain.from_iterable(values))
        if not objects:
            for made in dicts:
                made[field.key] = []
            return
        selection = _only_selection(field, objects)
        if selection is not None:
            _put_lists(run, field, batch, dicts, values, selection, objects)
            return
    sorted_out = _Sorting(run, field, batch)
    for made, value in zip(dicts, values, strict=True):
        if type(value) in SEQUENCES:
            sorted_out.add(made, value, of_list=True)
        elif value is not None or not field.nullable[0]:
            complete_carefully(run, field, batch, made, value)
    _put_sorted(run, sorted_out.batches())


def _only_selection(field: "Field", objects: list[Any]) -> "Selection | None":
    """The selection that all objects belong to, as far as their classes tell."""
    kinds = set(map(type, objects))
    return field.by_class.get(kinds.pop()) if len(kinds) == 1 else None


def _put_objects(
    run: "Run",
    field: "Field",
    parent: Batch,
    dicts: "list[Made]",
    objects: list[Any],
    selection: "Selection",
) -> None:
    def places() -> "list[Place]":
        return [(made, ()) for made in dicts]

    def put() -> None:
        key = field.key
        for above, made in zip(dicts, batch.dicts, strict=True):
            above[key] = made

    batch = Batch(selection, objects, field=field, parent=parent, places=places)
    make(run, batch, put)
    fill(run, batch)


def _put_lists(
    run: "Run",
    field: "Field",
    parent: Batch,
    dicts: "list[Made]",
    values: list[Any],
    selection: "Selection",
    objects: list[Any],
) -> None:
    """Lists whose every item belongs to one selection: made at once, and cut into their lists."""

    def places() -> "list[Place]":
        return [
            (made, (index,))
            for made, value in zip(dicts, values, strict=True)
            for index in range(len(value))
        ]

    def put() -> None:
        key, start = field.key, 0
        for made, value in zip(dicts, values, strict=True):
            end = start + len(value)
            made[key] = batch.dicts[start:end]
            start = end

    batch = Batch(selection, objects, field=field, parent=parent, places=places)
    make(run, batch, put)
    fill(run, batch)


def _put_sorted(run: "Run", batches: list[Batch]) -> None:
    """Objects of several selections: each put in its place by itself."""
    for batch in batches:
        make(run, batch, batch.put_in_place)
    for batch in batches:
        fill(run, batch)


class _Sorting:
    """Objects by the selection they belong to; what belongs to none goes to graphql-core."""

    def __init__(self, run: "Run", field: "Field", parent: Batch) -> None:
        self._run = run
        self._field = field
        self._parent = parent
        self._found: dict[int, tuple[Selection, list[Any], list[Place]]] = {}

    def add(self, made: "Made", objects: Any, *, of_list: bool) -> None:
        """All of a value's objects, or, where one of them is unusual, the value as a whole."""
        run, field, parent = self._run, self._field, self._parent
        inner = field.nullable[-1]
        chosen: list[Selection | None] = []
        for one in objects:
            selection = None if one is None else selection_of(run, field, parent, made, one)
            if selection is None and not (one is None and inner):
                whole = objects if of_list else objects[0]
                complete_carefully(run, field, parent, made, whole)
                return
            chosen.append(selection)
        if of_list:
            made[field.key] = [None] * len(chosen)
        for index, selection in enumerate(chosen):
            if selection is not None:
                group = self._found.setdefault(id(selection), (selection, [], []))
                group[1].append(objects[index])
                group[2].append((made, (index,) if of_list else ()))

    def batches(self) -> list[Batch]:
        return [
            Batch(
                selection,
                objects,
                field=self._field,
                parent=self._parent,
                places=lambda places=places: places,  # type: ignore[misc]
            )
            for selection, objects, places in self._found.values()
        ]
