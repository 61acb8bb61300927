"""Documents: parsed, measured and validated once, remembered by their text."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
)

from api.graphql.actual_cost import weights_of
from api.graphql.extent import Extent, fragments_of, measure, operations_of
from api.graphql.failures import RequestError, rejected
from api.graphql.limits import Limits, check_extent, check_fragments, check_text
from api.graphql.settled import parsed, untracked
from api.graphql.turns import Courtesy, Turns
from api.graphql.validation import Validation
from commerce.pages import MAX_PAGE
from schema.errors import ErrorCode, coded

T = TypeVar("T")
Pay = Callable[[int], Awaitable[object]]  # points, before the work; an error where they are missing

# A point buys some 200 us: reading takes 2 ms, and 40 us and more for each character.
_SHORTEST = 10
_READ_A_POINT = 5
_MEASURED_A_POINT = 100
_MEASUREMENTS = 128  # of one document, for different sizes of its pages
_READERS = 10_000  # of one document that are remembered to have paid
_TYPENAME = {"__typename"}
_INTROSPECTION = {"__schema", "__type"} | _TYPENAME


@dataclass(slots=True)
class Document:
    """A valid document. What it asks for may depend on the variables that size its pages."""

    node: DocumentNode
    operations: list[OperationDefinitionNode]
    sized_by: tuple[str, ...]
    weights: dict[str, int]
    extents: dict[tuple[Any, ...], tuple[Extent, ...]] = field(default_factory=dict)
    _paid: set[tuple[Hashable, tuple[Any, ...] | None]] = field(default_factory=set)

    def is_paid(self, reader: Hashable, sizes: tuple[Any, ...] | None = None) -> bool:
        """Whether `reader` has had the document at all, or measured for these sizes."""
        return (reader, sizes) in self._paid

    def paid(self, reader: Hashable, sizes: tuple[Any, ...]) -> None:
        if len(self._paid) >= _READERS:
            self._paid.clear()
        self._paid |= {(reader, None), (reader, sizes)}

    def sizes(self, variables: Mapping[str, Any] | None) -> tuple[Any, ...]:
        return tuple([_size(variables or {}, name) for name in self.sized_by])

    def keep(self, sizes: tuple[Any, ...], extents: tuple[Extent, ...]) -> None:
        """Remember what the operations ask for, pages being of these sizes."""
        if len(self.extents) >= _MEASUREMENTS:
            self.extents.clear()
        untracked(extents, *extents)
        self.extents[sizes] = extents

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation that is meant; `RequestError` where none or several are."""
        found = self.operations
        if name is not None:
            found = [d for d in found if d.name is not None and d.name.value == name]
            if not found:
                raise RequestError(
                    coded(ErrorCode.BAD_REQUEST, f"The document has no operation {name!r}.")
                )
        if len(found) != 1:
            message = f"The document has {len(found)} operations; name one in `operationName`."
            raise RequestError(coded(ErrorCode.BAD_REQUEST, message))
        return found[0]


class Documents:
    """The documents of one schema. The least recently used are forgotten, so that the texts of
    all come to at most `remembered` characters (in memory a document is some fifty times its text).

    Reading one takes milliseconds, and much longer where somebody means harm: it is done by one
    thread beside the event loop, which goes on meanwhile. The two share the interpreter, though:
    each document is read when no cheap operation is running, or has let them pass. A workspace
    has one read at a time, however many it sends, so that its neighbours' come next.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        *,
        introspection: bool,
        suggestions: bool = True,
        remembered: int = 1_000_000,
        courtesy: Courtesy,
        turns: Turns,
        rules: Iterable[type[ASTValidationRule]] = (),
    ) -> None:
        """`turns` are those of whoever has documents read, one at a time; `rules` come beside
        those of the specification."""
        self.limits = limits
        self.beside = ThreadPoolExecutor(1, "documents")
        self._reading = asyncio.Lock()
        self._courtesy = courtesy
        self._turns = turns
        self._schema = schema
        self._remembered = remembered
        self._validation = Validation(
            schema,
            introspection=introspection,
            suggestions=suggestions,
            comparisons=limits.comparisons,
            more=rules,
        )
        self._known: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0

    async def get(
        self, text: str, variables: Mapping[str, Any] | None, *, reader: UUID, pay: Pay
    ) -> Document:
        """The document, or `RequestError` with all that is wrong with it. Only good ones are
        remembered.

        The workspace `reader` pays when it has a document read, or measured for other pages, for
        the first time; whoever else has had that: prices tell nothing of what others run.
        """
        if not self._is_ready(text, variables, reader):
            check_text(text, self.limits)
            async with self._turns.turn(reader):
                if not self._is_ready(text, variables, reader):  # nor became it meanwhile
                    await self._make_ready(text, variables, reader, pay)
        self._known.move_to_end(text)
        return self._known[text]

    def _is_ready(self, text: str, variables: Mapping[str, Any] | None, reader: UUID) -> bool:
        known = self._known.get(text)
        if known is None:
            return False
        sizes = known.sizes(variables)
        return sizes in known.extents and known.is_paid(reader, sizes)

    async def _make_ready(
        self, text: str, variables: Mapping[str, Any] | None, reader: UUID, pay: Pay
    ) -> None:
        known = self._known.get(text)
        await pay(self._price(text, again=known is not None and known.is_paid(reader)))
        await self._courtesy.let_pass()
        async with self._reading:
            document = self._known.get(text)
            if document is None:
                document = await self._in_thread(lambda: self._read(text, variables))
                self._remember(text, document)
            sizes = document.sizes(variables)
            if sizes not in document.extents:
                node = document.node
                measured = await self._in_thread(lambda: measure(self._schema, node, variables))
                document.keep(sizes, measured.operations)
            document.paid(reader, sizes)

    def _price(self, text: str, *, again: bool) -> int:
        """In points; `again` where it is only measured, for pages of other sizes."""
        price = len(text) // (_MEASURED_A_POINT if again else _READ_A_POINT)
        return min(price + (1 if again else _SHORTEST), self.limits.cost)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.beside, work)

    def extent(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | None,
    ) -> Extent:
        """What the operation asks for with the variables that its document was got for, or
        `LimitExceeded`."""
        extents = document.extents[document.sizes(variables)]
        extent = extents[document.operations.index(operation)]
        check_extent(extent, self.limits, introspects=introspects(operation))
        return extent

    def _read(self, text: str, variables: Mapping[str, Any] | None) -> Document:
        try:
            node = parsed(text, max_tokens=self.limits.tokens)
            check_fragments(len(fragments_of(node)), self.limits)
            operations = operations_of(node)
            measured = measure(self._schema, node, variables)
            for operation, extent in zip(operations, measured.operations, strict=True):
                check_extent(extent, self.limits, introspects=introspects(operation))
            errors = self._validation.errors(node)
        except GraphQLError as error:
            raise rejected([error], ErrorCode.GRAPHQL_PARSE_FAILED) from None
        except RecursionError:
            message = "The document is nested too deeply."
            raise RequestError(coded(ErrorCode.LIMIT_EXCEEDED, message)) from None
        if errors:
            raise rejected(errors, ErrorCode.GRAPHQL_VALIDATION_FAILED)
        weights = weights_of(self._schema, node)
        document = Document(node, operations, tuple(sorted(measured.sized_by)), weights)
        document.keep(document.sizes(variables), measured.operations)
        untracked(document, operations, weights, document.extents)
        return document

    def _remember(self, text: str, document: Document) -> None:
        self._characters += len(text)
        self._known[text] = document
        while self._characters > self._remembered and len(self._known) > 1:
            forgotten, _ = self._known.popitem(last=False)
            self._characters -= len(forgotten)


def introspects(operation: OperationDefinitionNode) -> bool:
    """Whether it asks about the schema and nothing else."""
    names = {
        node.name.value if isinstance(node, FieldNode) else ""
        for node in operation.selection_set.selections
    }
    return operation.operation is OperationType.QUERY and _TYPENAME != names <= _INTROSPECTION


def is_query(operation: OperationDefinitionNode) -> bool:
    return operation.operation is OperationType.QUERY


def is_subscription(operation: OperationDefinitionNode) -> bool:
    return operation.operation is OperationType.SUBSCRIPTION


def _size(variables: Mapping[str, Any], name: str) -> Any:
    """What is told of a page's size, as far as it makes a difference; whatever is no number is the
    same nonsense."""
    given = variables.get(name, "absent")
    if isinstance(given, int):
        return min(MAX_PAGE, max(0, given))
    return given if given == "absent" else None
