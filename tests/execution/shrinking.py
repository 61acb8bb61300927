"""An operation that is answered differently, made small: whatever can go, goes."""

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

from graphql import (
    REMOVE,
    DocumentNode,
    FragmentDefinitionNode,
    Node,
    VariableDefinitionNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

from tests.execution.answering import Asked

_GOES = ("field", "inline_fragment", "fragment_spread", "directive", "argument", "object_field")
_MOST_TRIES = 2_000


async def shrunk(asked: Asked, is_wrong: Callable[[Asked], Awaitable[bool]]) -> Asked:
    """The smallest operation found that is still wrong; an invalid one is none."""
    tries = 0
    found = True
    while found:
        found = False
        for smaller in _smaller(asked):
            tries += 1
            if tries > _MOST_TRIES:
                return asked
            if await is_wrong(smaller):
                asked, found = smaller, True
                break
    return asked


def _smaller(asked: Asked) -> Iterator[Asked]:
    document = parse(asked.query)
    number = 0
    while (text := _without(document, number)) is not None:
        yield replace(asked, query=text)
        number += 1
    for name in asked.variables or {}:
        rest = {key: value for key, value in (asked.variables or {}).items() if key != name}
        yield replace(asked, variables=rest or None)


def _without(document: DocumentNode, number: int) -> str | None:
    """The document without one of its parts, in the order they are written; None past the last."""
    seen = -1

    class Removing(Visitor):
        def enter(self, node: Node, *_rest: Any) -> Any:
            nonlocal seen
            if node.kind in _GOES:
                seen += 1
                if seen == number:
                    return REMOVE
            return None

    left = visit(document, Removing())
    return print_ast(_pruned(left)) if seen >= number else None


def _pruned(document: DocumentNode) -> DocumentNode:
    """Without the fragments and the variables that nothing refers to any more."""
    while True:
        text = print_ast(document)
        names = re.findall(r"\.\.\. ?(\w+)", text)

        class Pruning(Visitor):
            def enter_fragment_definition(self, node: FragmentDefinitionNode, *_rest: Any) -> Any:
                return None if node.name.value in names else REMOVE  # noqa: B023

            def enter_variable_definition(self, node: VariableDefinitionNode, *_rest: Any) -> Any:
                name = node.variable.name.value
                return REMOVE if len(re.findall(rf"\${name}\b", text)) < 2 else None  # noqa: B023

        document = visit(document, Pruning())
        if print_ast(document) == text:
            return document
