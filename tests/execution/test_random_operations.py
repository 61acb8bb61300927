"""Random operations on the zoo: plans answer each as graphql-core does."""

import os
import sys
from collections import Counter

import pytest

from execution.running import Run
from tests.execution.answering import Asked, Compared, Zoo
from tests.execution.documents import asked
from tests.execution.shrinking import shrunk

_OPERATIONS = int(os.environ.get("SELLER_FUZZ_OPERATIONS", "2000"))
_LOOKED_AT = 1_000
pytestmark = [
    pytest.mark.fuzz,
    pytest.mark.timeout(120 + _OPERATIONS),
    # A loop of its own: on the session's, what other tests have at work goes on meanwhile.
    pytest.mark.asyncio(loop_scope="module"),
]


def _tell(tally: Counter[str], compared: Compared) -> None:
    tally[f"refused: {compared.refused}" if compared.refused else "compared"] += 1
    if compared.answer is not None:
        tally["with errors"] += bool(compared.answer.errors)
        tally["null"] += compared.answer.text == "null"
        tally["cancelled"] += compared.answer.raised is not None


async def test_random_operations_are_answered_as_graphql_core_does(zoo: Zoo) -> None:
    tally: Counter[str] = Counter()

    async def is_wrong(one: Asked) -> bool:
        return bool((await zoo.compared(one)).wrong)

    for number in range(_OPERATIONS):
        one = asked(zoo.schema, number)
        compared = await zoo.compared(one)
        _tell(tally, compared)
        if compared.wrong:
            small = await shrunk(one, is_wrong)
            wrong = "\n".join((await zoo.compared(small)).wrong)
            pytest.fail(f"operation {number}: {small}\n{wrong}")
    sys.stdout.write(f"{dict(tally)}\n")
    # The operations are worth asking: most are valid, and enough of them come to something.
    assert tally["compared"] > 0.9 * _OPERATIONS, tally
    assert tally["with errors"] > 0.3 * _OPERATIONS, tally
    assert tally["null"] < 0.5 * _OPERATIONS, tally
    assert tally["cancelled"] > 0, tally


async def test_the_fuzzer_finds_a_mistake_and_makes_it_small(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def one_after_the_other_reversed(run: Run, batch: object) -> None:
        selection = batch.selection  # type: ignore[attr-defined]
        for each in reversed(selection.rest):
            each.resolve(run, each, batch)
            await run._settle(run._taken())

    monkeypatch.setattr(Run, "_one_after_the_other", one_after_the_other_reversed)
    found = []
    for number in range(_LOOKED_AT):
        one = asked(zoo.schema, number)
        if one.query.startswith("mutation") and (await zoo.compared(one)).wrong:
            found.append(one)
            break

    async def is_wrong(other: Asked) -> bool:
        return bool((await zoo.compared(other)).wrong)

    assert found
    small = await shrunk(found[0], is_wrong)
    assert await is_wrong(small)
    assert len(small.query) < 300
    assert len(small.query) <= len(found[0].query)
