"""Filters on events mean what they mean on lists."""

import pytest

from commerce.orders.lifecycle import OrderStatus
from schema.filters import Filter
from schema.order_stream import _wanted

S = OrderStatus


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (None, None),
        (Filter[S](), None),
        (Filter[S](eq=S.UNPAID), {"UNPAID"}),
        (Filter[S](one_of=[S.UNPAID, S.DELIVERED]), {"UNPAID", "DELIVERED"}),
        (Filter[S](one_of=[]), set()),
        (Filter[S](eq=S.UNPAID, one_of=[S.DELIVERED]), set()),
    ],
)
def test_an_empty_filter_lets_all_through_and_two_both_have_to_hold(
    given: Filter[S] | None, wanted: set[str] | None
) -> None:
    assert _wanted(given) == wanted
