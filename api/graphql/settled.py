"""Documents taken out of garbage collection.

A full collection looks at every object that could be part of a cycle, two million of them a second,
and nobody is served meanwhile. The documents that we remember come to a million: they alone would
hold the event loop for 0.4 seconds now and then. Cut off from its tokens, which are chained both
ways, a document is a tree, and counting references is all it takes to give it back.
"""

from collections.abc import Iterator
from typing import Any

from graphql import DocumentNode, GraphQLError, GraphQLSyntaxError, Lexer, Source, Token, TokenKind
from graphql.language.parser import Parser

from execution.uncollected import untrack

_NO_TOKEN = Token(TokenKind.SOF, 0, 0, 0, 0)


def parsed(text: str, *, max_tokens: int) -> DocumentNode:
    """The document, settled; as graphql-core's `parse`, whose errors leave the tokens chained."""
    source = Source(text)
    lexer = Lexer(source)
    first = lexer.token
    try:
        document = Parser(source, max_tokens=max_tokens, lexer=lexer).parse_document()
    except GraphQLError:
        _unchain(first)
        raise
    except RecursionError:
        _unchain(first)
    else:
        settle(document)
        return document
    message = "Document is nested too deeply. Parsing aborted."
    raise GraphQLSyntaxError(source, lexer.token.start, message)


def untracked(*things: Any) -> None:
    """What is remembered with a document, and is part of no cycle either."""
    for one in things:
        untrack(one)


def settle(document: DocumentNode) -> None:
    """Errors can still tell where: every node keeps its place in the text."""
    if document.loc is not None:
        _unchain(document.loc.start_token)
        untrack(document.loc.source)
    for thing in _all_of(document):
        location = getattr(thing, "loc", None)
        if location is not None:
            location.start_token = location.end_token = _NO_TOKEN
            untrack(location)
        untrack(thing)


def _unchain(token: Token | None) -> None:
    while token is not None:
        following, token.next, token.prev = token.next, None, None
        token = following


def _all_of(document: DocumentNode) -> Iterator[Any]:
    """Its nodes, and the tuples that hold them."""
    left: list[Any] = [document]
    while left:
        thing = left.pop()
        yield thing
        if isinstance(thing, tuple):
            left += thing
        else:
            below = (getattr(thing, key) for key in thing.keys if key != "loc")
            left += (one for one in below if isinstance(one, tuple) or hasattr(one, "loc"))
