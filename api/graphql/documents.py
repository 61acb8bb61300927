"""Documents: parsed, measured and validated once, remembered by their text."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from graphql import (
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
from api.graphql.turns import Courtesy
from api.graphql.validation import Validation
from schema.errors import ErrorCode, coded

_CHARACTERS_A_POINT = 5  # reading takes 4 us and more for each of them
_MEASUREMENTS = 32  # of one document, for different sizes of its pages
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

    def sizes(self, variables: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(_size(variables, name) for name in self.sized_by)

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
    each document is read when no cheap operation is running, or has let them pass.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        *,
        introspection: bool,
        suggestions: bool = True,
        remembered: int = 1_000_000,
        courtesy: Courtesy | None = None,
    ) -> None:
        self.limits = limits
        self.beside = ThreadPoolExecutor(1, "documents")
        self._reading = asyncio.Lock()
        self._courtesy = courtesy or Courtesy(patience=0)
        self._schema = schema
        self._remembered = remembered
        self._validation = Validation(
            schema,
            introspection=introspection,
            suggestions=suggestions,
            comparisons=limits.comparisons,
        )
        self._known: OrderedDict[str, Document] = OrderedDict()
        self._characters = 0

    def reading_cost(self, text: str) -> int:
        """In points; nothing where the document is remembered, or refused unread."""
        if text in self._known or len(text) > self.limits.characters:
            return 0
        return min(1 + len(text) // _CHARACTERS_A_POINT, self.limits.cost)

    async def get(self, text: str, variables: Mapping[str, Any] | None = None) -> Document:
        """The document, or `RequestError` with all that is wrong with it. Only good ones are
        remembered."""
        if text not in self._known:
            check_text(text, self.limits)
            async with self._reading:
                if text not in self._known:  # nobody has read it meanwhile
                    await self._courtesy.let_pass()
                    loop = asyncio.get_running_loop()
                    read = await loop.run_in_executor(self.beside, self._read, text, variables)
                    self._remember(text, read)
        self._known.move_to_end(text)
        return self._known[text]

    def extent(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any] | None,
    ) -> Extent:
        """What the operation asks for with these variables, or `LimitExceeded`."""
        extents = self._extents(document, variables or {})
        extent = extents[document.operations.index(operation)]
        check_extent(extent, self.limits, introspects=introspects(operation))
        return extent

    def _extents(self, document: Document, variables: Mapping[str, Any]) -> tuple[Extent, ...]:
        sizes = document.sizes(variables)
        known = document.extents.get(sizes)
        if known is None:
            known = measure(self._schema, document.node, variables).operations
            document.keep(sizes, known)
        return known

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
        document.keep(document.sizes(variables or {}), measured.operations)
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
    """What is told of a page's size; whatever is no number is the same nonsense."""
    given = variables.get(name, "absent")
    return given if isinstance(given, int) or given == "absent" else None
