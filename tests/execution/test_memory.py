"""What plans hold: little, and no more the longer they are used."""

import gc
import tracemalloc

from graphql import DocumentNode, OperationDefinitionNode, get_operation_ast, parse, validate

from execution import Plan, Plans
from tests.execution.answering import Asked
from tests.execution.documents import asked
from tests.execution.zoo.root import core_schema, opened

_MEGABYTE = 2**20


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
