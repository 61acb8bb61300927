"""Which selection an object belongs to: the one of its field's type, or of the type that its
interface or union resolves to."""

import inspect
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from graphql import GraphQLObjectType, Undefined
from graphql.execution import default_type_resolver
from graphql.pyutils import is_awaitable

from execution.declarations import decides_by_class

if TYPE_CHECKING:
    from execution.batches import Batch, Made
    from execution.running import Run
    from execution.selections import Field, Selection


def selection_of(
    run: "Run", field: "Field", batch: "Batch", made: "Made", value: Any
) -> "Selection | None":
    """None where graphql-core has to say what is wrong, or to wait for who knows."""
    known = field.by_class.get(type(value))
    if known is not None:
        return known
    if isinstance(value, Exception) or value is Undefined or is_awaitable(value):
        return None
    selection = _selected(run, field, batch, made, value)
    if selection is None or not _belongs(run, selection.type, field, batch, made, value):
        return None
    if type(value) is not GeneratorType and _told_by_class(field, value):
        field.by_class[type(value)] = selection
    return selection


def _selected(
    run: "Run", field: "Field", batch: "Batch", made: "Made", value: Any
) -> "Selection | None":
    if field.abstract is None:
        return next(iter(field.selections.values()))
    resolve = field.abstract.resolve_type or default_type_resolver
    try:
        name: Any = resolve(value, run.raw_info(field, batch, made), field.abstract)
    except Exception:  # noqa: BLE001 - graphql-core asks again, and tells
        return None
    return field.selections.get(name) if _settled(name) and isinstance(name, str) else None


def _belongs(
    run: "Run", kind: GraphQLObjectType, field: "Field", batch: "Batch", made: "Made", value: Any
) -> bool:
    if kind.is_type_of is None:
        return True
    try:
        told = kind.is_type_of(value, run.raw_info(field, batch, made))
    except Exception:  # noqa: BLE001
        return False
    return _settled(told) and bool(told)


def _settled(told: Any) -> bool:
    if inspect.iscoroutine(told):
        told.close()  # graphql-core asks again, and awaits it
        return False
    return not is_awaitable(told)


def _told_by_class(field: "Field", value: Any) -> bool:
    """Whether any other object of the same class belongs to the same selection: all checks look at
    classes only, and none but one is content with this."""
    checks = [selection.type.is_type_of for selection in field.selections.values()]
    if field.abstract is None and checks[0] is None:
        return True
    if not all(decides_by_class(check) for check in checks):
        return False
    looking: list[Any] = checks
    return field.abstract is None or sum(bool(check(value, None)) for check in looking) == 1
