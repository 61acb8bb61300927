"""The plans of a schema, kept for as long as they are used."""

import asyncio
import logging
import weakref
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues, get_variable_values

from execution.building import Building, NotCompiled, conditions
from execution.running import Plan
from execution.uncollected import uncollect

__all__ = ["NotCompiled", "Plans"]

log = logging.getLogger(__name__)

_FIRST_SIGHT = NotCompiled("first sight")
_CONDITION = NotCompiled("condition")
_VARIANTS = NotCompiled("variants")
_BUSY = NotCompiled("busy")
_NO_VALUES = VariableValues({}, {})
# An operation by its id, which another may have once it is gone, and how often it was met.
_Seen = tuple[Callable[[], OperationDefinitionNode | None], int]
_NEVER: _Seen = (lambda: None, 0)
_MOST_VARIANTS = 16  # of one operation, by the values of its conditions
_MOST_BUILDING = 4  # at a time, beside the loop


class _BeingBuilt(NotCompiled):
    """There will be a plan, or a reason, when `build` is done."""

    build: "Future[None]"


@dataclass(eq=False, slots=True)
class _Known:
    """An operation that was compiled; `plans` by the values of its conditions.

    `size` is what it is taken to hold: the characters of its document, for the nodes and for each
    plan once.
    """

    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    size: int
    conditions: tuple[str, ...] = ()
    refused: NotCompiled | None = None
    plans: dict[tuple[Any, ...], Plan | NotCompiled] = field(default_factory=dict)


class Plans:
    """Plans by operation. The least recently used are forgotten, so that `most` operations are kept
    and their documents' texts come to `characters`, each counted once more for each of its plans
    (in memory a plan is some 250 times its text).

    An operation is compiled when it is met the second time: most that come once come never again.
    The operation's node stands for the document's text and the operation's name: whoever parses a
    text anew each time gets a plan for none of them.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        most: int = 512,
        characters: int = 200_000,
        hide_suggestions: bool = True,
        compile_at: int = 2,
        beside: Executor | None = None,
    ) -> None:
        """`compile_at`: at which meeting an operation is compiled; by a thread of `beside`, while
        graphql-core runs it once more, or at once where that is None."""
        self._schema = schema
        self._most = most
        self._characters = characters
        self._hide_suggestions = hide_suggestions
        self._compile_at = compile_at
        self._beside = beside
        self._builders = BoundedSemaphore(_MOST_BUILDING)
        self._seen: OrderedDict[int, _Seen] = OrderedDict()
        self._known: OrderedDict[int, _Known] = OrderedDict()
        self._held = 0

    def __len__(self) -> int:
        return sum(len(known.plans) for known in self._known.values())

    def plan(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: dict[str, Any] | None = None,
        *,
        at: int | None = None,
    ) -> Plan | NotCompiled:
        """The plan of a valid operation of the document, or why there is none.

        `at`: at which meeting this one is compiled, if not when the others are.
        """
        known = self._known.get(id(operation)) or self._met(document, operation, at)
        if known is None:
            return _FIRST_SIGHT
        self._known.move_to_end(id(operation))
        if known.refused is not None:
            return known.refused
        values = self._condition_values(known, variables)
        if isinstance(values, list):
            return _CONDITION
        case = tuple(map(values.coerced.get, known.conditions))
        return known.plans.get(case) or self._ordered(known, values, case)

    async def awaited(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: dict[str, Any] | None = None,
    ) -> Plan | NotCompiled:
        """The plan of an operation that is met for the first time too, once it is built: worth it
        where one run by graphql-core would hold the loop for longer than the building does."""
        found = self.plan(document, operation, variables, at=1)
        if isinstance(found, _BeingBuilt):
            # Others may wait for the same, and it is of use to those who come later.
            await asyncio.shield(asyncio.wrap_future(found.build))
            found = self.plan(document, operation, variables)
        return found

    def _met(
        self, document: DocumentNode, operation: OperationDefinitionNode, at: int | None
    ) -> _Known | None:
        """The operation, known from now on; None where it is not met often enough yet."""
        seen, times = self._seen.pop(id(operation), _NEVER)
        times = times + 1 if seen() is operation else 1
        if times < (self._compile_at if at is None else at):
            self._seen[id(operation)] = weakref.ref(operation), times
            if len(self._seen) > self._most:
                self._seen.popitem(last=False)
            return None
        size = len(document.loc.source.body) if document.loc else 1
        known = self._known[id(operation)] = _Known(operation, _fragments(document), size)
        self._hold(known)
        try:
            known.conditions = conditions(operation, known.fragments)
        except NotCompiled as reason:
            known.refused = reason
        except RecursionError:
            known.refused = NotCompiled("too deep")
        return known

    def _hold(self, known: _Known) -> None:
        """Count the operation, once more, and forget what is too much; never itself."""
        self._held += known.size
        self._known.move_to_end(id(known.operation))
        while len(self._known) > 1 and (
            len(self._known) > self._most or self._held > self._characters
        ):
            _, forgotten = self._known.popitem(last=False)
            self._held -= forgotten.size * (1 + len(forgotten.plans))

    def _condition_values(
        self, known: _Known, variables: dict[str, Any] | None
    ) -> VariableValues | list[GraphQLError]:
        """The values, by default too, of the variables that decide its conditions."""
        if not known.conditions:
            return _NO_VALUES
        definitions = known.operation.variable_definitions or ()
        wanted = [one for one in definitions if one.variable.name.value in known.conditions]
        return get_variable_values(self._schema, wanted, variables or {})

    def _ordered(
        self, known: _Known, values: VariableValues, case: tuple[Any, ...]
    ) -> Plan | NotCompiled:
        """The plan, or, where it has to be built beside the loop, that it is not there yet."""
        if len(known.plans) >= _MOST_VARIANTS:
            return _VARIANTS  # who has so many would have all of them built again and again
        building = Building(
            schema=self._schema,
            operation=known.operation,
            fragments=known.fragments,
            variables=values,
            hide_suggestions=self._hide_suggestions,
        )
        if self._beside is None:
            plan = known.plans[case] = _built(building)
            self._hold(known)
            return plan
        if not self._builders.acquire(blocking=False):
            return _BUSY
        known.plans[case] = being_built = _BeingBuilt("being built")
        self._hold(known)
        being_built.build = self._beside.submit(self._build, building, known, case)
        return being_built

    def _build(self, building: Building, known: _Known, case: tuple[Any, ...]) -> None:
        try:
            known.plans[case] = _built(building)
        finally:
            self._builders.release()


def _built(building: Building) -> Plan | NotCompiled:
    try:
        plan = building.plan()
    except NotCompiled as reason:
        return reason
    except Exception:
        log.exception("A plan could not be built; graphql-core runs its operation.")
        return NotCompiled("bug")
    uncollect(plan)
    return plan


def _fragments(document: DocumentNode) -> dict[str, FragmentDetails]:
    return {
        definition.name.value: FragmentDetails(definition, None)
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
