"""Bulk queries: one connection read to its end by a job, a line of JSON for each of its nodes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    get_named_type,
    print_ast,
)

from commerce.refusals import InvalidValue, Refusal, Refusals
from schema.context import Info
from schema.jobs import Job, JobKind
from schema.mutations import UserError, entity, perform
from schema.scalars import Document
from tenants.database import Writer
from tenants.grants import Grant
from tenants.identity import told_of
from tenants.jobs import active_jobs, enqueue

AFTER = "bulkAfter"
SIZE = "bulkSize"
PAGE = "bulkPage"
_PAGING = {"first", "after", "last", "before"}
_ORDER = "orderBy"  # by what may change, a row could come twice, or never
_EXAMPLE = "{ products { nodes { id title } } }"


class TooManyJobs(Refusal):
    """As many jobs as a workspace may have wait or run already."""

    code = "TOO_MANY_JOBS"

    def __init__(self, most: int) -> None:
        super().__init__(f"{most:,} jobs of this workspace wait or run; try again when one ends.")


@dataclass(frozen=True, slots=True)
class Paged:
    """A query of one page: `text` takes $bulkAfter and $bulkSize, and answers `field`, with the
    alias `bulkPage` for where the page ends."""

    text: str
    field: str


def folder(job_id: object) -> str:
    """Where a workspace keeps the lines of such a job."""
    return f"jobs/{job_id}"


def paged(schema: GraphQLSchema, document: DocumentNode) -> Paged:
    """A valid document as the query of one page; `InvalidValue` where it is no bulk query."""
    operation, field = _only_field(document)
    asked = schema.query_type.fields.get(field.name.value) if schema.query_type else None
    connection: Any = get_named_type(asked.type) if asked else None
    if "pageInfo" not in getattr(connection, "fields", ()):
        raise _unfit(f"`{field.name.value}` is no connection.")
    given = field.arguments or ()
    names = {argument.name.value for argument in given}
    if names & _PAGING:
        raise _unfit("All pages are read: leave out `first`, `after`, `last` and `before`.")
    if _ORDER in names:
        raise _unfit("Lines come in the order of the connection itself: leave out `orderBy`.")
    chosen = field.selection_set.selections if field.selection_set else ()
    if not all(isinstance(one, FieldNode) and _is_nodes(one) for one in chosen):
        raise _unfit(f"`{field.name.value}` has to select `nodes`, as they are, and no more.")
    answered = field.alias.value if field.alias else field.name.value
    beside = [print_ast(one) for one in document.definitions if one is not operation]
    return Paged("\n".join([_of_one_page(field, chosen), *beside]), answered)


def _of_one_page(field: FieldNode, chosen: Sequence[SelectionNode]) -> str:
    alias = f"{field.alias.value}: " if field.alias else ""
    given = [print_ast(argument) for argument in field.arguments or ()]
    arguments = ", ".join([*given, f"first: ${SIZE}", f"after: ${AFTER}"])
    selected = "\n".join(map(print_ast, chosen))
    return (
        f"query BulkQuery(${SIZE}: Int, ${AFTER}: String) {{\n"
        f"{alias}{field.name.value}({arguments}) {{\n"
        f"{selected}\n{PAGE}: pageInfo {{ hasNextPage endCursor }}\n}}\n}}"
    )


def _only_field(document: DocumentNode) -> tuple[OperationDefinitionNode, FieldNode]:
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if len(operations) != 1 or operations[0].operation is not OperationType.QUERY:
        raise _unfit("One query is wanted.")
    if operations[0].variable_definitions:
        raise _unfit("It takes no variables: write their values into the query.")
    selected = operations[0].selection_set.selections
    if len(selected) != 1 or not isinstance(selected[0], FieldNode):
        raise _unfit("It selects one connection, and nothing beside it.")
    if operations[0].directives or selected[0].directives:
        raise _unfit("Leave out the directives of the query and of its connection.")
    return operations[0], selected[0]


def _is_nodes(field: FieldNode) -> bool:
    return field.name.value == "nodes" and not field.alias and not field.directives


def _unfit(reason: str) -> InvalidValue:
    return InvalidValue(f"{reason} An example: {_EXAMPLE}", field=("query",))


@strawberry.input(description="What is read to the end.")
class BulkQueryRunInput:
    idempotency_key: str | None = None
    query: Document = strawberry.field(
        description="A query of one connection, without its page arguments: "
        "`{ products { nodes { id title } } }`. Nested connections are read as far as they say."
    )


@strawberry.type(description="The job that reads it, or why there is none.")
class BulkQueryRunPayload:
    job: Job | None = None
    user_errors: list[UserError]


async def bulk_query_run(info: Info, input: BulkQueryRunInput) -> BulkQueryRunPayload:
    context = info.context
    context.require(Grant.JOBS_MANAGE)  # before anything is read
    found = await context.platform.read_document(context.principal, input.query)
    schema = info.schema._schema  # noqa: SLF001 - no other way

    async def work(writer: Writer) -> Any:
        if isinstance(found, list):
            raise Refusals([InvalidValue(message, field=("query",)) for message in found])
        query = paged(schema, found)
        if await active_jobs(writer) >= context.platform.jobs_waiting:
            raise TooManyJobs(context.platform.jobs_waiting)
        maker = told_of(context.principal)
        arguments = {"query": query.text, "field": query.field, "maker": maker}
        return str(await enqueue(writer, JobKind.BULK_QUERY, arguments))

    return await perform(
        info,
        BulkQueryRunPayload,
        grant=Grant.JOBS_MANAGE,
        action="bulkQueryRun",
        work=work,
        key=input.idempotency_key,
        request=input,
        answer=entity(info, "job"),
    )
