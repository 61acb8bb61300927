"""What plans hold: little, and no more the longer they are used."""

import gc
import tracemalloc
import weakref

import pytest
from graphql import (
    DocumentNode,
    Location,
    Node,
    OperationDefinitionNode,
    Token,
    get_operation_ast,
    parse,
    validate,
)

import execution.plans
from execution import Plan, Plans
from tests.execution.answering import Asked
from tests.execution.documents import asked
from tests.execution.zoo.root import core_schema, opened

_MEGABYTE = 2**20
_LARGE = "query ($first: Int) { %s }" % " ".join(  # noqa: UP031 - braces abound
    f"a{n}: beings(first: $first) {{ __typename }} b{n}: tickets {{ id }} c{n}: keepers {{ name }}"
    for n in range(100)
)


def _held() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _read(numbers: range) -> list[tuple[DocumentNode, OperationDefinitionNode, Asked]]:
    """Random operations, those that are valid."""
    found = []
    for number in numbers:
        one = asked(core_schema(), number)
        document = parse(one.query)
        operation = get_operation_ast(document)
        if operation is not None and not validate(core_schema(), document):
            found.append((document, operation, one))
    return found


def test_512_plans_hold_less_than_64_megabytes_beside_their_documents() -> None:
    """Measured on fewer, since all of them take their time while memory is watched, and on texts of
    up to a thousand characters, which real operations seldom have."""
    plans = Plans(core_schema(), compile_at=1)
    read = [each for each in _read(range(100)) if len(each[2].query) <= 1_000]
    tracemalloc.start()
    try:
        before = _held()
        for document, operation, one in read:
            plans.plan(document, operation, one.variables)
        held = (_held() - before) / len(read)
    finally:
        tracemalloc.stop()
    assert len(plans) > 50
    assert held * 512 < 64 * _MEGABYTE, held


async def test_memory_does_not_grow_with_the_operations_that_came_and_went() -> None:
    plans, held = Plans(core_schema(), most=10, compile_at=1), []
    numbers = range(20)
    _read(numbers)
    tracemalloc.start()
    try:
        for _ in range(4):  # the same texts, parsed anew each time, are other operations
            for document, operation, one in _read(numbers):
                plan = plans.plan(document, operation, one.variables)
                if isinstance(plan, Plan):
                    await plan.run(one.variables, context=opened(one.whims))
            del document, operation, plan
            held.append(_held())
    finally:
        tracemalloc.stop()
    assert len(plans) == 10
    assert held[3] - held[1] < _MEGABYTE / 4, held


def _large() -> tuple[Plans, Plan]:
    plans, document = Plans(core_schema(), compile_at=1), parse(_LARGE)
    operation = get_operation_ast(document)
    assert operation is not None
    plan = plans.plan(document, operation, None)
    assert isinstance(plan, Plan)
    return plans, plan


def test_the_collector_looks_at_little_of_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = [_tracked_of_a_plan()]
    monkeypatch.setattr(execution.plans, "uncollect", id)
    looked_at.append(_tracked_of_a_plan())

    assert looked_at[0] < looked_at[1] / 3, "the control: as its parts are made"


def _tracked_of_a_plan() -> int:
    before = _known_to_the_collector()
    held = _large()
    try:
        return _known_to_the_collector() - before
    finally:
        del held


def _known_to_the_collector() -> int:
    """Without what documents consist of, which whoever parses them takes care of."""
    gc.collect()
    return sum(not isinstance(one, Node | Token | Location) for one in gc.get_objects())


def test_a_plan_that_is_forgotten_is_given_back_without_the_collector() -> None:
    plans, plan = _large()
    gone = [weakref.ref(one) for one in (plan.selection, plan.selection.fields[0])]
    gc.disable()
    try:
        del plan
        assert all(one() is not None for one in gone)
        del plans
        assert all(one() is None for one in gone)
    finally:
        gc.enable()
