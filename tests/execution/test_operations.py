"""Plans answer operations on the zoo as graphql-core does, whatever goes wrong in it."""

import pytest

from tests.execution.answering import Asked, Zoo
from tests.execution.operations import KEPT, QUERIES

_SEEDS = range(1, 7)

# A loop of its own: on the session's, feeds and relays go about their business meanwhile.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("number", range(len(QUERIES)))
async def test_an_operation_is_answered_as_graphql_core_does(zoo: Zoo, number: int) -> None:
    query, variables = QUERIES[number]

    compared = await zoo.compared(Asked(query, variables))

    assert compared.refused is None
    assert compared.wrong == []


@pytest.mark.parametrize("number", range(len(QUERIES)))
async def test_an_operation_is_answered_as_graphql_core_does_amid_misfortune(
    zoo: Zoo, number: int
) -> None:
    query, variables = QUERIES[number]

    for seed in _SEEDS:
        asked = Asked(query, variables, seed=seed, often=300 if seed % 2 else 60)
        assert (await zoo.compared(asked)).wrong == [], asked


@pytest.mark.parametrize("number", range(len(QUERIES)))
async def test_an_operation_that_is_cancelled_from_within_ends_as_graphql_core_ends_it(
    zoo: Zoo, number: int
) -> None:
    query, variables = QUERIES[number]

    for seed in _SEEDS:
        asked = Asked(query, variables, seed=seed, often=200, cancelling=True)
        assert (await zoo.compared(asked)).wrong == [], asked


@pytest.mark.parametrize("asked", KEPT, ids=lambda asked: asked.query[:60])
async def test_what_was_once_answered_differently_no_longer_is(zoo: Zoo, asked: Asked) -> None:
    assert (await zoo.compared(asked)).wrong == []
