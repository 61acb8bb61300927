"""Remembered documents cost the garbage collector nothing, and are given back all the same."""

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from graphql import GraphQLError, Location, Node, Token, Visitor, parse, validate, visit

from api.graphql.documents import Document, Documents
from api.graphql.failures import RequestError
from api.graphql.settled import settle
from benchmarks.held_loop.attack import grown
from benchmarks.held_loop.attacks.documents import MAKERS
from schema.root import SCHEMA
from tests.api.graphql.reading import documents_of, read

DEAR = ("identical fields", "unknown fields of an input")

_TEXT = """
query Q%d($first: Int = 5, $where: OrderWhere) {
  orders(first: $first, where: $where) @skip(if: false) { nodes { ...rest } }
  other: orders(first: 1, where: {status: {oneOf: [CANCELLED, DELIVERED]}}) { totalCount }
}
fragment rest on Order { id ... on Node { id } }
"""


async def a_document(documents: Documents, number: int = 0) -> Document:
    return await read(documents, _TEXT % number)


def remembering(characters: int) -> Documents:
    return documents_of(remembered=characters)


class _Looking(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.nodes = self.tracked = 0

    def enter(self, node: Node, *_: Any) -> None:
        parts = [getattr(node, key) for key in node.keys]
        own = [one for one in [node, *parts] if isinstance(one, (Node, Location, tuple))]
        self.nodes += 1
        self.tracked += sum(gc.is_tracked(one) for one in own)


def looked_at(node: Node) -> tuple[int, int]:
    """Its nodes, and how many objects of it the collector looks at."""
    looking = _Looking()
    visit(node, looking)
    return looking.nodes, looking.tracked


@contextmanager
def without_collector() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def test_the_collector_does_not_look_at_remembered_documents() -> None:
    document = await a_document(remembering(10_000))
    assert looked_at(document.node) == (69, 0)
    assert looked_at(parse(_TEXT % 0))[1] > 150, "the control: as graphql-core makes them"


async def test_a_document_that_is_forgotten_is_given_back_without_the_collector() -> None:
    documents = remembering(2 * len(_TEXT))
    first = weakref.ref((await a_document(documents, 1)).node.definitions[0])
    gc.collect()  # what validated it
    with without_collector():
        assert first() is not None
        for number in range(2, 5):
            await a_document(documents, number)
        assert first() is None


def test_tokens_are_cut_off_and_places_are_kept() -> None:
    settled, plain = parse(_TEXT % 0), parse(_TEXT % 0)
    settle(settled)
    assert settled == plain
    for one, other in zip(settled.definitions, plain.definitions, strict=True):
        assert one.loc is not None
        assert one.loc == other.loc
        assert one.loc.start_token.next is None
        assert GraphQLError("", one).locations == GraphQLError("", other).locations
        assert GraphQLError("", one).locations


def test_tokens_are_given_back_without_the_collector() -> None:
    with without_collector():
        settled, plain = parse(_TEXT % 0), parse(_TEXT % 0)
        assert settled.loc is not None
        assert plain.loc is not None
        before = _tokens()
        settle(settled)
        assert _tokens() < before - 50
        del plain
        assert _tokens() > 50, "the control: chained both ways, they stay"


@pytest.mark.parametrize("name", DEAR)
async def test_dear_documents_leave_little_to_the_collector(name: str) -> None:
    """A full collection of half a million objects would hold the event loop for 0.3 seconds."""
    documents, text = remembering(1), grown(MAKERS[name], 9_000)
    await a_document(documents)  # what is made once
    gc.collect()
    with without_collector():
        with pytest.raises(RequestError):
            await read(documents, text)
        assert gc.collect() < 10_000


@pytest.mark.parametrize("name", DEAR)
async def test_graphql_core_by_itself_leaves_much(name: str) -> None:
    """The control."""
    document = parse(grown(MAKERS[name], 9_000))
    gc.collect()
    with without_collector():
        validate(SCHEMA._schema, document, max_errors=20)
        assert gc.collect() > 50_000


async def test_tokens_of_what_cannot_be_parsed_are_given_back_without_the_collector() -> None:
    documents = remembering(1)
    with without_collector():
        left = []
        for _ in range(3):
            with pytest.raises(RequestError):
                await read(documents, _TEXT % 0 + "?")
            left.append(_tokens())
        assert left[0] == left[1] == left[2], "but for what the thread has read last"


def _tokens() -> int:
    return sum(isinstance(one, Token) for one in gc.get_objects())
