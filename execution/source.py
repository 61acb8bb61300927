"""Generated source: one comprehension for all plain fields of a selection.

    def read(objects):  # Product
        return [
            {
                'id': None,
                'title': v if type(v := o.title) is str else coerced_1(v),
            }
            for o in objects
        ]

`None` holds the place of what is not plain. Whatever is unusual raises, and the caller then reads
the objects one by one. The text is kept beside the function (`Generated.text`), for whoever wants
to know what runs.
"""

import keyword
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from execution.leaves import Constants, expression

if TYPE_CHECKING:
    from execution.selections import Field, Selection

Read = Callable[[Any], list[Any]]
FILE = "<plan>"  # where the source is said to be
SEQUENCES = frozenset({list, tuple})  # what lists are usually returned as


@dataclass(frozen=True, slots=True)
class Generated:
    """A function and its source."""

    call: Read
    text: str


def reader(selection: "Selection") -> Generated:
    """Objects to the dicts of their answers."""
    constants = Constants()
    entries = [
        f"            {field.key!r}: {_entry(field, constants)},\n" for field in selection.fields
    ]
    body = f"        {{\n{''.join(entries)}        }}\n        for o in objects\n"
    text = f"def read(objects):  # {selection.type.name}\n    return [\n{body}    ]\n"
    return _compiled(text, constants)


def serialiser(field: "Field") -> Generated:
    """Values of a leaf, or lists of leaves, that a resolver returned, to those of the answer."""
    assert field.leaf is not None  # noqa: S101 - asked for leaves only
    constants = Constants()
    if field.depth == 0:
        entry = expression(field.leaf, "value", nullable=field.nullable[0], constants=constants)
        text = f"def read(values):  # {field.name}\n    return [{entry} for value in values]\n"
        return _compiled(text, constants)
    entry = expression(field.leaf, "item", nullable=field.nullable[1], constants=constants)
    items = constants.name("items", _items_or_none if field.nullable[0] else _items)
    text = (
        f"def read(values):  # {field.name}\n    return [\n"
        f"        None if (found := {items}(value)) is None else [{entry} for item in found]\n"
        "        for value in values\n    ]\n"
    )
    return _compiled(text, constants)


def _entry(field: "Field", constants: Constants) -> str:
    if field.name == "__typename":
        return repr(field.parent_type.name)
    if not field.read_with_its_row:
        return "None"
    assert field.plain is not None  # noqa: S101 - it is read off the row
    assert field.leaf is not None  # noqa: S101
    value = field.plain.source("o", constants)
    return expression(field.leaf, value, nullable=field.nullable[0], constants=constants)


def attribute(of: str, name: str) -> str:
    if name.isidentifier() and not keyword.iskeyword(name):
        return f"{of}.{name}"
    return f"getattr({of}, {name!r})"


def _items(value: Any) -> Iterable[Any]:
    if type(value) not in SEQUENCES:
        raise TypeError
    return value  # type: ignore[no-any-return]


def _items_or_none(value: Any) -> Iterable[Any] | None:
    return None if value is None else _items(value)


def _compiled(text: str, constants: Constants) -> Generated:
    scope: dict[str, Any] = dict(constants)
    exec(compile(text, FILE, "exec"), scope)  # noqa: S102 - made of names and literals only
    # A function that its own scope holds would be part of a cycle.
    return Generated(scope.pop("read"), text)
