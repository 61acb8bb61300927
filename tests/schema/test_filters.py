"""How large a filter may be: what is refused, and that the largest allowed one is answered."""

from typing import Any

import pytest

from tests.world import World

_ORDERS = "query ($where: OrderWhere) { orders(where: $where) { totalCount nodes { id } } }"


def _empty(wide: int, deep: int) -> dict[str, Any]:
    return {} if deep == 0 else {"or": [_empty(wide, deep - 1)] * wide}


def _joined(count: int, leaf: dict[str, Any]) -> dict[str, Any]:
    """`count` leaves under as few joints as can be."""
    leaves = [leaf] * count
    return {"and": [{"and": leaves[n : n + 20]} for n in range(0, count, 20)]}


_SEARCH = {"search": "DRESS"}
_CHANNEL = {"channel": {"eq": "TIKTOK_SHOP"}}


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        (_empty(21, 1), "more than 20 parts"),
        (_empty(15, 2), "more than 200 conditions"),
        (_empty(1, 5), "nested more than 5 deep"),
        (_joined(51, _SEARCH), "more than 50 comparisons"),
        (_joined(51, _CHANNEL), "more than 50 comparisons"),
        ({"externalId": {"oneOf": ["a"] * 501}}, "more than 500 values"),
    ],
)
async def test_a_filter_that_is_too_large_is_refused(
    world: World, where: dict[str, Any], reason: str
) -> None:
    workspace = await world.workspace()

    answer = await workspace.ask(_ORDERS, {"where": where})

    assert answer.code == "BAD_USER_INPUT"
    assert reason in answer.errors[0]["message"]


@pytest.mark.parametrize(
    "where", [_empty(13, 2), _joined(50, _SEARCH), _joined(50, _CHANNEL), _empty(2, 4)]
)
async def test_the_largest_filters_are_answered(world: World, where: dict[str, Any]) -> None:
    workspace = await world.workspace()
    await workspace.order()

    answer = await workspace.ask(_ORDERS, {"where": where})

    assert answer.errors == []
    assert answer.data["orders"]["totalCount"] == len(answer.data["orders"]["nodes"]) <= 1
