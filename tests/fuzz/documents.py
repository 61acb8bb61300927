"""Random documents from a schema.

hypothesis-graphql chooses the fields and their arguments. It writes neither variables, fragments,
aliases nor directives, and no subscriptions: those are put in here, as are ids and cursors where
they fit, and now and then something that makes the document a bad one.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import hypothesis_graphql
from graphql import (
    DocumentNode,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
)
from hypothesis import strategies as st
from hypothesis_graphql.strategies import Mode

from tests.fuzz.ground import PRINCIPALS
from tests.fuzz.values import anything, scalars
from tests.fuzz.writing import Writing

_MISHAPS = (
    "cut off", "a character too many", "a wrong variable", "a variable not given", "a wrong type",
    "an unknown field", "an unknown argument", "an unknown directive", "an endless fragment",
    "an unknown operation", "a second operation", "no fragment", "@defer", "case of an enum",
    "half a surrogate pair",
)  # fmt: skip
_TWISTS = ("variables", "fragments", "aliases", "directives", "typenames", "introspection")


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation as it will be sent, its values still named; `principal` sends it."""

    query: str
    variables: dict[str, Any] | None = None
    name: str | None = None
    principal: str = "owner"

    def payload(self) -> dict[str, Any]:
        given = {"query": self.query, "variables": self.variables, "operationName": self.name}
        return {key: value for key, value in given.items() if value is not None}

    def told(self) -> dict[str, Any]:
        return asdict(self)


@st.composite
def documents(
    draw: st.DrawFn,
    schema: GraphQLSchema,
    keywords: Sequence[str],
    *,
    odd: bool = True,
    largest: int = 20,
) -> Asked:
    """Of one of the `keywords`; some have `odd` values, others numbers of 1 to `largest`."""
    keyword = draw(st.sampled_from(keywords))
    wrong = draw(st.integers(0, 99)) >= 96  # the argument of another type, a missing one, ...
    odd = odd and draw(st.integers(0, 99)) >= 72
    shape = draw(_shapes(schema, keyword, Mode.NEGATIVE if wrong else Mode.POSITIVE, odd, largest))
    mishap = draw(st.sampled_from(_MISHAPS)) if draw(st.integers(0, 99)) >= 88 else None
    twists = draw(st.sets(st.sampled_from(_TWISTS)))
    writing = Writing(draw, schema, twists=twists, mishap=mishap, fitting=60 if odd else 97)
    text = writing.operation(keyword, shape)
    variables: Any = writing.given or None
    if keyword != "subscription" and draw(st.integers(0, 99)) >= 97:
        variables = draw(anything())
    name = _name(draw, writing, mishap)
    principal = draw(st.sampled_from(PRINCIPALS))
    return Asked(_spoilt(draw, text, mishap), variables, name, principal)


def _name(draw: st.DrawFn, writing: Writing, mishap: str | None) -> str | None:
    if mishap == "an unknown operation":
        return draw(st.text(max_size=10))
    if mishap == "a second operation":
        return draw(st.sampled_from([None, "Other", writing.name]))
    return draw(st.sampled_from([writing.name, None])) if writing.name else None


def _spoilt(draw: st.DrawFn, text: str, mishap: str | None) -> str:
    if mishap == "cut off":
        return text[: draw(st.integers(0, len(text)))]
    if mishap == "a character too many":
        place = draw(st.integers(0, len(text)))
        return text[:place] + draw(st.characters()) + text[place:]
    if mishap == "half a surrogate pair":
        return text.replace("@@own.", draw(st.sampled_from(["\ud800", "\\udfff", "\\u{DC00}"])), 1)
    if mishap == "a second operation":
        return f"{text} query Other {{ __typename }}"
    return text


@cache
def _shapes(
    schema: GraphQLSchema,
    keyword: str,
    mode: Mode,
    odd: bool,  # noqa: FBT001 - part of the cache's key
    largest: int,
) -> st.SearchStrategy[OperationDefinitionNode]:
    root = {
        "query": schema.query_type,
        "mutation": schema.mutation_type,
        "subscription": schema.subscription_type,
    }[keyword]
    # Subscriptions are unknown to the library: to it, theirs is one more type of queries.
    asked = schema if keyword == "query" else _with_query(schema, root)
    if mode is Mode.NEGATIVE and not _can_be_wrong(asked):
        mode = Mode.POSITIVE
    found: st.SearchStrategy[DocumentNode] = hypothesis_graphql.queries(
        asked,
        custom_scalars=scalars(schema, odd=odd, largest=largest),
        print_ast=_as_it_is,
        mode=mode,
    )
    return found.map(lambda document: document.definitions[0])  # type: ignore[arg-type, return-value]


def _with_query(schema: GraphQLSchema, root: GraphQLObjectType | None) -> GraphQLSchema:
    assert root is not None, "The schema has no such operations."
    return GraphQLSchema(query=root, types=list(schema.type_map.values()))


def _can_be_wrong(schema: GraphQLSchema) -> bool:
    assert schema.query_type is not None
    fields = schema.query_type.fields.values()
    arguments = [argument for field in fields for argument in field.args.values()]
    return any(
        isinstance(argument.type, GraphQLNonNull) or get_named_type(argument.type).name == "Int"
        for argument in arguments
    )


def _as_it_is(document: DocumentNode) -> DocumentNode:
    return document
