"""How Strawberry's fields are resolved, without the layers that it puts around each call."""

import inspect
from collections.abc import Callable
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from graphql import FieldNode, GraphQLField
from strawberry import ID
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_argument
from strawberry.types.base import StrawberryOptional
from strawberry.types.field import StrawberryField

from execution.arguments import Arguments, Convert
from execution.declarations import declared_batched
from execution.resolving import (
    AttributeRead,
    BatchedCall,
    Call,
    Invoke,
    MakeInfo,
    ParentCall,
    Resolve,
)

if TYPE_CHECKING:
    from strawberry import Schema

    from execution.batches import Batch, Made
    from execution.running import Run
    from execution.selections import Field

_FIELDS = 1_024  # of which what plans share is kept


def strawberry_field(definition: GraphQLField) -> StrawberryField | None:
    """The field as Strawberry knows it, where nothing of its own stands around the resolver."""
    field = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(field, StrawberryField) or field.extensions:
        return None
    return field if type(field).get_result is StrawberryField.get_result else None


def generates(field: StrawberryField) -> bool:
    """Whether the items of its list are generated asynchronously."""
    base = field.base_resolver
    is_generator = base is not None and inspect.isasyncgenfunction(base.wrapped_func)
    return is_generator and not field.is_subscription


def plain_read(field: StrawberryField, definition: GraphQLField) -> AttributeRead | None:
    """Without a resolver: an attribute."""
    if not field.is_basic_field or not getattr(definition.resolve, "_is_default", False):
        return None
    return AttributeRead(field.python_name, field.default_resolver)


def resolver(
    field: StrawberryField, definition: GraphQLField, node: FieldNode, schema: "Schema"
) -> Resolve | None:
    """None where Strawberry itself has to call it."""
    if field.is_subscription:
        return ParentCall(lambda event: event)
    base = field.base_resolver
    handled = schema.schema_converter._get_field_exception_handlers(field)  # noqa: SLF001
    if base is None or handled or not callable(base.wrapped_func):
        return None
    declared = declared_batched(base.wrapped_func)
    if declared is not None and not definition.args:
        return BatchedCall(declared)
    function = base.wrapped_func
    if not (definition.args or base.info_parameter or field.is_async) and _takes_parent(field):
        return ParentCall(function)
    return Call(
        invoke=_invoke(field),
        info=_make_info(field, schema) if base.info_parameter else None,
        arguments=Arguments(definition, node, _convert(field, schema)) if definition.args else None,
        is_async=field.is_async,
    )


def _takes_parent(field: StrawberryField) -> bool:
    """Whether the parent is all that the resolver takes, and can be passed by position."""
    base: Any = field.base_resolver
    parameters = list(inspect.signature(base.wrapped_func).parameters.values())
    takes = base.self_parameter or base.parent_parameter or base.root_parameter
    return (
        len(parameters) == 1
        and takes is not None
        and parameters[0].name == takes.name
        and parameters[0].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    )


@lru_cache(_FIELDS)
def _invoke(field: StrawberryField) -> Invoke:
    base: Any = field.base_resolver
    function: Callable[..., Any] = base.wrapped_func
    by_position = base.self_parameter is not None
    takers = (base.parent_parameter, base.root_parameter)
    by_name = sorted({taker.name for taker in takers if taker is not None})
    info_name = base.info_parameter.name if base.info_parameter else None

    def invoke(parent: Any, info: Any, given: dict[str, Any]) -> Any:
        named = dict(given)
        for name in by_name:
            named[name] = parent
        if info_name is not None:
            named[info_name] = info
        return function(parent, **named) if by_position else function(**named)

    return invoke


@lru_cache(_FIELDS)
def _convert(field: StrawberryField, schema: "Schema") -> Convert:
    name_of = schema.config.name_converter.from_argument
    registry = schema.schema_converter.scalar_registry
    plan = [(name_of(one), one.python_name, one.type, _stays(one.type)) for one in field.arguments]

    def convert(given: dict[str, Any]) -> dict[str, Any]:
        converted = {}
        for name, python_name, kind, stays in plan:
            if name in given:
                value = given[name]
                if not stays:
                    value = convert_argument(value, kind, registry, schema.config, path=(name,))
                converted[python_name] = value
        return converted

    return convert


def _stays(kind: Any) -> bool:
    """Whether Strawberry passes values of the type on as they are."""
    if type(kind) is StrawberryOptional:
        kind = kind.of_type
    return any(kind is one for one in (str, int, bool, float, ID))


@lru_cache(_FIELDS)
def _make_info(known_as: StrawberryField, schema: "Schema") -> MakeInfo:
    kind = _lazy(schema.config.info_class)  # type: ignore[arg-type]

    def make(run: "Run", field: "Field", batch: "Batch", made: "Made") -> Any:
        return kind(known_as, run, lambda: run.raw_info(field, batch, made))

    return make


@cache
def _lazy(kind: Any) -> Any:
    """Strawberry's info, of which graphql-core's part is made only if somebody looks at it."""

    class LazyInfo(kind):  # type: ignore[misc]
        def __init__(self, known_as: StrawberryField, run: "Run", raw: Callable[[], Any]) -> None:
            self._field = known_as
            self._run = run
            self._raw = raw

        @cached_property
        def _raw_info(self) -> Any:
            return self._raw()

        @property
        def context(self) -> Any:
            return self._run.context

        @property
        def root_value(self) -> Any:
            return self._run.root

    return LazyInfo
