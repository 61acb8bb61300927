"""Documents: parsed and validated once, remembered by their text."""

from collections import OrderedDict
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)
from graphql.validation import NoSchemaIntrospectionCustomRule, specified_rules

from api.graphql.limits import DocumentLimits, over_limit
from schema.errors import ErrorCode, coded


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed document, or the errors that kept it from being one."""

    node: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation that is meant; an error of the client where none or several are."""
        assert self.node is not None  # noqa: S101 - asked only of documents without errors
        found = [d for d in self.node.definitions if isinstance(d, OperationDefinitionNode)]
        if name is not None:
            found = [d for d in found if d.name is not None and d.name.value == name]
            if not found:
                raise coded(ErrorCode.BAD_REQUEST, f"The document has no operation {name!r}.")
        if len(found) != 1:
            raise coded(
                ErrorCode.BAD_REQUEST,
                f"The document has {len(found)} operations; name one in `operationName`.",
            )
        return found[0]


class Documents:
    """The documents of one schema; the least recently used are forgotten."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        max_characters: int,
        max_tokens: int,
        introspection: bool,
        remembered: int = 1_000,
    ) -> None:
        self._schema = schema
        self._limits = DocumentLimits(characters=max_characters, tokens=max_tokens)
        self._introspection = introspection
        self._remembered = remembered
        self._known: OrderedDict[str, Document] = OrderedDict()

    def get(self, text: str) -> Document:
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
            return known
        document = self._read(text)
        if document.node is not None:
            self._known[text] = document
            if len(self._known) > self._remembered:
                self._known.popitem(last=False)
        return document

    def _read(self, text: str) -> Document:
        if len(text) > self._limits.characters:
            return _failed(
                f"The document has {len(text):,} characters; the limit is "
                f"{self._limits.characters:,}."
            )
        try:
            node = parse(text, max_tokens=self._limits.tokens)
            too_large = over_limit(node, self._limits)
            errors = [] if too_large else self._judged(node)
        except GraphQLError as error:
            error.extensions = {"code": ErrorCode.GRAPHQL_PARSE_FAILED.value}
            return Document(None, (error,))
        except RecursionError:
            return _failed("The document is nested too deeply.")
        if too_large:
            return _failed(too_large)
        for found in errors:
            found.extensions = {"code": ErrorCode.GRAPHQL_VALIDATION_FAILED.value}
        return Document(None, tuple(errors)) if errors else Document(node)

    def _judged(self, node: DocumentNode) -> list[GraphQLError]:
        rules = list(specified_rules)
        if not self._introspection:
            rules.append(NoSchemaIntrospectionCustomRule)
        return validate(self._schema, node, rules, max_errors=20)


def is_query(operation: OperationDefinitionNode) -> bool:
    return operation.operation is OperationType.QUERY


def is_subscription(operation: OperationDefinitionNode) -> bool:
    return operation.operation is OperationType.SUBSCRIPTION


def _failed(message: str) -> Document:
    return Document(None, (coded(ErrorCode.LIMIT_EXCEEDED, message),))
