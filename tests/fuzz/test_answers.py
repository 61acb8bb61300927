"""The judge of the fuzzers: right answers pass, and each sort of wrong one is told."""

from typing import Any

import pytest
from graphql import build_schema

from tests.fuzz.answers import faults, leaks

SCHEMA = build_schema("""
scalar DateTime
enum Site { TH VN }
interface Node { id: ID! }
type Product implements Node { id: ID! title: String! at: DateTime site: Site parts: [Product!]! }
type Order implements Node { id: ID! total: Int }
type Query { product: Product products: [Product!]! node: Node count: Int! }
""")
PRODUCT = "{ product { id title } }"


def error(code: str = "BAD_USER_INPUT", **given: Any) -> dict[str, Any]:
    return {"message": "No.", "extensions": {"code": code}, **given}


RIGHT = [
    (PRODUCT, {"data": {"product": {"id": "1", "title": "x"}}}),
    (PRODUCT, {"data": {"product": None}}),
    (PRODUCT, {"data": {"product": None}, "errors": [error(path=["product", "title"])]}),
    ("{ count }", {"data": None, "errors": [error(path=["count"])]}),
    ("{ nope }", {"errors": [error("GRAPHQL_VALIDATION_FAILED")]}),
    ("{", {"errors": [error("GRAPHQL_PARSE_FAILED", locations=[{"line": 1, "column": 2}])]}),
    ("{ node { ... on Order { total } id } }", {"data": {"node": {"total": 1, "id": "1"}}}),
    ("{ node { ... on Order { total } id } }", {"data": {"node": {"id": "1"}}}),
    ("{ count @skip(if: true) product { id } }", {"data": {"product": None}}),
    ("{ a: count ...F } fragment F on Query { __typename }", {"data": {"a": 1, "__typename": "Q"}}),
]
WRONG = [
    (PRODUCT, [], "an answer is an object"),
    (PRODUCT, {}, "neither data nor errors"),
    (PRODUCT, {"data": None}, "no error says why"),
    (PRODUCT, {"data": {}, "errors": []}, "at least one"),
    (PRODUCT, {"data": {"product": None}, "more": 1}, "no part of an answer"),
    (PRODUCT, {"errors": [{"message": "x"}]}, "no code that clients know"),
    (PRODUCT, {"errors": [error("INTERNAL_SERVER_ERROR")]}, "no code that clients know"),
    (PRODUCT, {"errors": [error(path=["product"])]}, "an error with a path, and no data"),
    (PRODUCT, {"data": {"product": None}, "errors": [error()]}, "an error without a path"),
    (PRODUCT, {"errors": [error("GRAPHQL_VALIDATION_FAILED")]}, "a valid document is refused"),
    ("{ nope }", {"data": {"nope": 1}}, "not valid has data"),
    (PRODUCT, {"data": {"product": {"id": "1", "title": None}}}, "String! is never"),
    (PRODUCT, {"data": {"product": {"title": "x", "id": "1"}}}, "were selected"),
    (PRODUCT, {"data": {"product": {"id": "1"}}}, "were selected"),
    (PRODUCT, {"data": {"product": {"id": 1, "title": "x"}}}, "is no ID"),
    ("{ product { site } }", {"data": {"product": {"site": "th"}}}, "is no Site"),
    ("{ product { at } }", {"data": {"product": {"at": "2026-01-01"}}}, "is no DateTime"),
    ("{ count }", {"data": {"count": 2**31}}, "is no Int"),
    ("{ count }", {"data": {"count": True}}, "is no Int"),
    ("{ products { id } }", {"data": {"products": [None]}}, "Product! is never"),
    ("{ products { id } }", {"data": {"products": {}}}, "is no list"),
    ("{ node { ... on Order { total } } }", {"data": {"node": {"x": 1}}}, "were selected"),
    ("{ count @skip(if: true) product { id } }", {"data": {"count": 1}}, "were selected"),
    (
        PRODUCT,
        {"data": {"product": {"id": "1", "title": "x"}}, "errors": [error(path=["product"])]},
        "an error where there are data",
    ),
    ("{ count }", {"data": {"count": 1}, "errors": [error(path=["nope"])]}, "leads nowhere"),
]


@pytest.mark.parametrize(("query", "answer"), RIGHT)
def test_a_right_answer_has_no_fault(query: str, answer: Any) -> None:
    assert faults(answer, schema=SCHEMA, query=query) == []


@pytest.mark.parametrize(("query", "answer", "told"), WRONG)
def test_a_wrong_answer_is_told(query: str, answer: Any, told: str) -> None:
    assert any(told in fault for fault in faults(answer, schema=SCHEMA, query=query))


@pytest.mark.parametrize(
    "text",
    [
        "Traceback (most recent call last):",
        'relation: SELECT * FROM "orders"',
        "asyncpg.exceptions.DataError",
        "<Row object at 0x7f00>",
    ],
)
def test_what_tells_of_our_insides_is_noticed(text: str) -> None:
    assert leaks(f'{{"errors": [{{"message": "{text}"}}]}}')
    assert not leaks('{"data": {"action": "UPDATE", "select": "from"}}')
