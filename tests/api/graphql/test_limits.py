"""Limits on documents and variables: each named with the value and the limit, before any work."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from graphql import parse

from api.graphql.execution import Execution
from api.graphql.extent import Extent, measure
from api.graphql.failures import RequestError
from api.graphql.limits import Limits, count_variables
from api.graphql.operations import Operation
from schema.root import SCHEMA
from tenants.identity import system_principal
from tests.api.graphql.reading import documents_of, read
from tests.world import World
from tests.world.conformance import Finding, tell

NOBODY = system_principal(UUID(int=7))
SMALL = Limits(
    characters=400, tokens=100, fragments=2, depth=6, fields=30, aliases=3, directives=3,
    comparisons=100,
    values=1_000, cost=200, variable_values=10,
)  # fmt: skip


def extent(query: str, variables: dict[str, Any] | None = None) -> Extent:
    return measure(SCHEMA._schema, parse(query), variables).operations[0]


VALUES = "Values that the answer may hold, sizes of pages multiplied through: "
SMALLER = "Ask for smaller pages (`first`), or "
TWELVE = "id status kind site channel placedAt version updatedAt externalId currency note"
NESTED = '{"a": [1, 2, {"b": [3, 4, 5]}], "c": {"d": 6, "e": 7}}'
PASSED = {
    "{ viewer { role } } #"
    + "x" * 400: "Length of the document: 421 characters; the limit is 400.",
    "{ ...A } " + " ".join(f"fragment {n} on Query {{ viewer {{ role }} }}" for n in "ABC"): (
        "Fragments of the document: 3 fragments; the limit is 2."
    ),
    "{ products { nodes { skus { product { skus { product { id } } } } } } }": (
        "Depth of the operation: 7 levels; the limit is 6."
    ),
    "{ " + "viewer { role } " * 16 + "}": (
        "Fields, with fragments written out: 32 fields; the limit is 30."
    ),
    "{ a: viewer { role } b: viewer { role } c: viewer { d: role } }": (
        "Aliases: 4 aliases; the limit is 3."
    ),
    "query @skip(if: true) { viewer @include(if: true) { role @skip(if: false) "
    "... @skip(if: false) { role } } }": "Directives: 4 directives; the limit is 3.",
    "{ viewer { " + "role " * 11 + "} }": (
        "Comparisons of fields that answer under one name: more than 100; the limit is 100. "
        "Select a field once in each place, and spread fewer fragments in one."
    ),
    "{ orders(first: 100) { nodes { %s } } }" % TWELVE: (  # noqa: UP031 - braces abound
        f"{VALUES}1,201 values; the limit is 1,000. {SMALLER}for fewer fields in them."
    ),
    "query ($n: Int) { products(first: $n) { nodes { skus { id } } } }": (
        f"Cost of the operation: 302 points; the limit is 200. {SMALLER}split the operation."
    ),
}


@pytest.fixture
def small(world: World) -> Execution:
    return replace(world.execution, documents=documents_of(SMALL, introspection=True))


@pytest.mark.parametrize(("query", "message"), PASSED.items())
async def test_what_passes_a_limit_is_refused_by_name_value_and_limit(
    small: Execution, query: str, message: str
) -> None:
    with pytest.raises(RequestError) as refused:
        await small.prepare(Operation(query, {"n": 50}), NOBODY)
    assert [(e.message, e.extensions) for e in refused.value.errors] == [
        (message, {"code": "LIMIT_EXCEEDED"})
    ]


async def test_variables_of_too_many_values_are_refused(small: Execution) -> None:
    with pytest.raises(RequestError) as refused:
        await small.prepare(Operation("{ viewer { role } }", json.loads(NESTED)), NOBODY)
    assert str(refused.value) == (
        "Values in the variables: more than 10; the limit is 10. Send them in several requests."
    )


async def test_with_wider_limits_none_of_it_is_refused_for_them(
    small: Execution, world: World
) -> None:
    """The control: it is the limits that refuse, and not something else in these documents."""
    refused = [query for query in PASSED if await _limited(small, query)]
    assert refused == list(PASSED)
    assert [query for query in PASSED if await _limited(world.execution, query)] == []
    tell(
        Finding(
            section="Limits",
            check="What passes a limit of documents is refused, with the limit's name, value and "
            "bound",
            passed=len(refused),
            of=len(PASSED),
            control="with the limits as they are shipped none of the same documents is",
        )
    )


async def _limited(execution: Execution, query: str) -> bool:
    try:
        await execution.prepare(Operation(query, {"n": 50}), NOBODY)
    except RequestError as error:
        return [one.extensions for one in error.errors] == [{"code": "LIMIT_EXCEEDED"}]
    return False


async def test_a_known_document_is_measured_again_for_another_page_size(small: Execution) -> None:
    query = "query ($n: Int = 10) { products(first: $n) { nodes { skus { id } } } }"
    costs = [
        (await small.prepare(Operation(query, variables), NOBODY)).cost
        for variables in ({"n": 1}, {"n": 5}, {"n": None}, {}, {"n": 1})
    ]
    assert costs == [8, 32, 122, 62, 8]
    with pytest.raises(RequestError, match="302 points"):
        await small.prepare(Operation(query, {"n": 50}), NOBODY)
    assert (await small.prepare(Operation(query, {"n": 2}), NOBODY)).cost == 14


def test_pages_are_multiplied_through_as_the_field_that_asks_for_them_says() -> None:
    page = "nodes { id } edges { node { id } } pageInfo { hasNextPage } totalCount"
    plain = extent(f"{{ products(first: 7) {{ {page} }} }}")
    spread = extent(
        "{ products(first: 7) { ...P } } fragment P on ProductConnection { " + page + " }"
    )
    assert plain == spread
    assert (
        plain.cost == 1 + 1 + 7 * 1 + 7 * 2 + 1 + 5
    )  # base, connection, nodes, edges, info, count
    assert extent("{ products(last: 7) { nodes { id } } }").cost == 9
    assert extent("{ products { nodes { id } } }").cost == 22
    assert extent("{ products(first: 99999999999999999999) { nodes { id } } }").cost == 102
    assert extent("{ products(first: -5) { nodes { id } } }").cost == 2
    assert extent('{ products(first: "x") { nodes { id } } }').cost == 22


def test_what_stands_for_itself_many_times_is_measured_once() -> None:
    doubled = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(60))
    found = extent("{ ...F0 } " + doubled + " fragment F60 on Query { viewer { role } }")
    assert found.fields == 2 * 2**60
    assert found.depth == 2


def test_mutations_cost_ten_a_field_and_plain_lists_what_they_are_taken_to_hold() -> None:
    cancel = "orderCancel(input: {}) { order { id } }"
    assert extent(f"mutation {{ a: {cancel} b: {cancel} }}").cost == 2 * (10 + 1 + 1)
    assert extent("{ orderLineFigures { lines } }").cost == 1 + 20 + 10
    assert extent("{ warehouses { id } }").cost == 1 + 10
    assert extent("{ product(id: 1) { skus { id } } }").cost == 1 + 1 + 5


def test_objects_have_a_limit_of_their_own() -> None:
    limits = Limits(variable_objects=3)
    assert count_variables({"a": [{}, {}]}, limits) == 3
    with pytest.raises(RequestError, match="Objects in the variables: more than 3; the limit is 3"):
        count_variables({"a": [{}, {"b": {}}]}, limits)


def test_counting_variables_ends_at_the_limit() -> None:
    limits = Limits(variable_values=50)
    assert count_variables({"a": [[1, 2], {"b": 3}]}, limits) == 1 + 2 + 2 + 1
    assert count_variables(None, limits) == 0
    with pytest.raises(RequestError, match="more than 50"):
        count_variables({"a": [0] * 51}, limits)


async def test_documents_are_forgotten_by_the_length_of_their_texts() -> None:
    documents = documents_of(introspection=True, remembered=3_000)
    for n in range(100):
        await read(documents, "{ viewer { role } } #" + "x" * 479 + str(n).zfill(3))
    assert len(documents._known) == 5
    assert documents._characters == sum(map(len, documents._known)) <= 3_000


async def test_suggestions_are_made_only_where_they_are_switched_on() -> None:
    for suggestions, told in ((True, True), (False, False)):
        documents = documents_of(suggestions=suggestions)
        with pytest.raises(RequestError) as refused:
            await read(documents, "{ viewr { role } }")
        assert ("Did you mean" in str(refused.value)) is told


async def test_what_is_wrong_with_values_is_not_told_at_any_length() -> None:
    """Each of these errors quotes all of the value that it is about."""
    documents = documents_of()
    unknown = " ".join(f"unknown{n}: 1" for n in range(500))
    with pytest.raises(RequestError) as refused:
        await read(documents, "{ orders(where: { %s }) { totalCount } }" % unknown)  # noqa: UP031
    told = [error.message for error in refused.value.errors]
    assert len(told) == 3
    assert "unknown field 'unknown1'" in told[1]
    assert told[2].startswith("The other errors are not told")
