"""Identical subscriptions: one answer to an event for all of them, made once and encoded once.

Two are identical when they ask the same of an event, in the same workspace, with the same rights.
Whose credential it is does not matter to the answer, but each is still held against the database
before its subscriber is told anything. A subscriber who lags behind by a few seconds may be told on
the strength of a look that is as old.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import orjson
from graphql import FieldNode, OperationDefinitionNode, VariableNode, Visitor, visit

from api.graphql.answers import Answer, encoded
from api.graphql.documents import Document
from tenants.events import Event
from tenants.identity import Principal

T = TypeVar("T")
_SECONDS = 5.0  # for which an outcome is kept: a subscriber who is further behind has its own


@dataclass(frozen=True)
class Told:
    """An answer, and its JSON."""

    answer: Answer

    @cached_property
    def json(self) -> str:
        return encoded(self.answer).decode()


class Shared:
    """What was done for an event, by what was done; whoever asks for the same waits for it."""

    def __init__(self) -> None:
        self._done: dict[tuple[Hashable, int], tuple[Any, asyncio.Task[Any]]] = {}

    async def once(self, event: object, what: Hashable, do: Callable[[], Awaitable[T]]) -> T:
        """The outcome of `do` for that very event, and `what`; its exception is everybody's.

        It runs in a task of its own: whoever asked first may leave. Events that are replayed are
        objects of their own, and what else a subscription brings may be told twice.
        """
        if not isinstance(event, Event):
            return await do()
        key = (what, id(event))
        known = self._done.get(key)
        if known is None:
            task = asyncio.ensure_future(_done(do))
            known = self._done[key] = (event, task)  # the event is kept, and so is its id
            task.add_done_callback(lambda task: self._ended(key, task))
            asyncio.get_running_loop().call_later(_SECONDS, self._done.pop, key, None)
        return await asyncio.shield(known[1])

    def _ended(self, key: tuple[Hashable, int], task: "asyncio.Task[Any]") -> None:
        """What failed is told to those who wait for it, and tried again for who comes later."""
        if task.cancelled() or task.exception() is not None:
            self._done.pop(key, None)


async def _done(do: Callable[[], Awaitable[T]]) -> T:
    return await do()


def sameness(
    document: Document,
    definition: OperationDefinitionNode,
    variables: dict[str, Any] | None,
    principal: Principal,
) -> Hashable:
    """What two subscriptions have to have in common to be told the same.

    Variables that only say which events are wanted, such as `after`, do not count.
    """
    values = _values(_answering(document, definition), variables)
    text = definition.loc.source.body if definition.loc else definition
    name = definition.name.value if definition.name else None
    return text, name, values, principal.workspace_id, principal.grants


def choice(definition: OperationDefinitionNode, variables: dict[str, Any] | None) -> Hashable:
    """What two that are the same have to have in common, besides, to be told of the same events.

    Where each begins, by `after`, does not matter to what it is told of later ones.
    """
    collecting = _Collecting()
    for selected in definition.selection_set.selections:
        arguments = selected.arguments if isinstance(selected, FieldNode) else None
        for argument in arguments or ():
            if argument.name.value != "after":
                visit(argument, collecting)
    return _values(collecting.names, variables)


def _values(names: set[str], variables: dict[str, Any] | None) -> Hashable:
    given = {name: value for name, value in (variables or {}).items() if name in names}
    try:
        return orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # nested too deeply, or a file
        return object()


class _Collecting(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable(self, node: VariableNode, *_rest: Any) -> None:
        self.names.add(node.name.value)


def _answering(document: Document, definition: OperationDefinitionNode) -> set[str]:
    """The variables that the answer to an event depends on."""
    collecting = _Collecting()
    for selected in definition.selection_set.selections:
        inner = selected.selection_set if isinstance(selected, FieldNode) else None
        visit(inner or selected, collecting)
        for directive in selected.directives or ():
            visit(directive, collecting)
    for other in document.node.definitions:
        if not isinstance(other, OperationDefinitionNode):
            visit(other, collecting)
    return collecting.names
