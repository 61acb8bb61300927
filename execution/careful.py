"""The careful path: single values that graphql-core completes, and errors put in their place."""

from typing import TYPE_CHECKING, Any

from graphql import GraphQLError
from graphql.error import located_error
from graphql.pyutils import is_awaitable

if TYPE_CHECKING:
    from execution.batches import Batch, Made
    from execution.running import Run
    from execution.selections import Field


def complete_carefully(
    run: "Run", field: "Field", batch: "Batch", made: "Made", value: Any
) -> None:
    """Complete a value, whatever it is, that a resolver returned or raised."""
    if is_awaitable(value):
        run.wait(field, batch, [made], [value])
    else:
        complete_by_graphql_core(run, field, batch, made, value)


def complete_by_graphql_core(
    run: "Run", field: "Field", batch: "Batch", made: "Made", value: Any
) -> None:
    path = batch.path(made, field)
    executor = run.careful_executor()
    info = executor.build_resolve_info(field.definition, field.nodes, field.parent_type, path)
    try:
        completed = executor.complete_value(
            field.definition.type, field.details, info, path, value, None
        )
    except Exception as error:  # noqa: BLE001 - resolvers raise what they like
        fail(run, field, batch, made, error)
    else:
        _put(run, field, batch, made, completed)


def execute_carefully(
    run: "Run", field: "Field", batch: "Batch", made: "Made", source: Any
) -> None:
    """Have graphql-core resolve and complete a field of one object."""
    path = batch.path(made, field)
    try:
        completed = run.careful_executor().execute_field(
            field.parent_type, source, field.details, path, None
        )
    except Exception as error:  # noqa: BLE001
        fail(run, field, batch, made, error)
    else:
        _put(run, field, batch, made, completed)


def execute_all_carefully(run: "Run", field: "Field", batch: "Batch") -> None:
    """The same for all objects of a batch."""
    for made, source in zip(batch.dicts, batch.objects, strict=True):
        execute_carefully(run, field, batch, made, source)


def _put(run: "Run", field: "Field", batch: "Batch", made: "Made", completed: Any) -> None:
    if is_awaitable(completed):
        run.wait_for_completed(field, batch, made, completed)
    else:
        made[field.key] = completed


def fail(run: "Run", field: "Field", batch: "Batch", made: "Made", error: Exception) -> None:
    """Note an error of that field, and put null where it leads to; silent below another's null."""
    if run.nothing or not batch.attached(made):
        return
    path = batch.path(made, field)
    located: GraphQLError = located_error(error, field.nodes, path.as_list())
    run.errors.append(located)
    if not batch.put_null(made, field):
        run.nothing = True
