"""The order and package state machines, against the table of requirements section 13."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.orders.lifecycle import (
    STATUS_CODES,
    TRANSITIONS,
    OrderAction,
    OrderStatus,
    PackageStatus,
    TrackingCode,
    TransitionRefused,
    advance,
    after_tracking,
    available_actions,
)

S, P, T = OrderStatus, PackageStatus, TrackingCode


def test_every_status_has_tiktoks_code() -> None:
    assert {s.value: code for s, code in STATUS_CODES.items()} == {
        "UNPAID": 100,
        "ON_HOLD": 105,
        "AWAITING_SHIPMENT": 111,
        "AWAITING_COLLECTION": 112,
        "PARTIALLY_SHIPPING": 114,
        "IN_TRANSIT": 121,
        "DELIVERED": 122,
        "COMPLETED": 130,
        "CANCELLED": 140,
    }


@pytest.mark.parametrize("status", list(S))
def test_an_order_is_cancelled_only_from_100_105_111_and_112(status: OrderStatus) -> None:
    if STATUS_CODES[status] in {100, 105, 111, 112}:
        assert advance(status, OrderAction.CANCEL) is S.CANCELLED
    else:
        with pytest.raises(TransitionRefused) as refused:
            advance(status, OrderAction.CANCEL)
        assert refused.value.code == "TRANSITION_REFUSED"


def test_the_platform_cancels_what_is_not_delivered_in_time() -> None:
    assert advance(S.IN_TRANSIT, OrderAction.CANCEL_UNDELIVERED) is S.CANCELLED


@pytest.mark.parametrize("status", [S.COMPLETED, S.CANCELLED])
def test_what_has_ended_moves_no_more(status: OrderStatus) -> None:
    assert not any(status in moves for moves in TRANSITIONS.values())
    assert available_actions(status) == []


def test_an_order_on_hold_cannot_ship() -> None:
    with pytest.raises(TransitionRefused, match="ON_HOLD cannot SHIP; possible now: CANCEL"):
        advance(S.ON_HOLD, OrderAction.SHIP)


@pytest.mark.parametrize(
    ("code", "order", "package", "others", "after"),
    [
        (T.COLLECTED, S.AWAITING_COLLECTION, P.PROCESSING, [], (S.IN_TRANSIT, P.FULFILLING)),
        (T.DELIVERED, S.IN_TRANSIT, P.FULFILLING, [], (S.DELIVERED, P.COMPLETED)),
        (T.DELIVERED, S.AWAITING_COLLECTION, P.PROCESSING, [], (S.DELIVERED, P.COMPLETED)),
        (T.DELIVERED, S.IN_TRANSIT, P.FULFILLING, [P.FULFILLING], (S.IN_TRANSIT, P.COMPLETED)),
        (T.DELIVERED, S.IN_TRANSIT, P.FULFILLING, [P.CANCELLED], (S.DELIVERED, P.COMPLETED)),
        (T.IN_TRANSIT, S.DELIVERED, P.COMPLETED, [], (S.DELIVERED, P.COMPLETED)),
        (T.IN_TRANSIT, S.CANCELLED, P.CANCELLED, [], (S.CANCELLED, P.CANCELLED)),
        (
            T.COLLECTED,
            S.PARTIALLY_SHIPPING,
            P.PROCESSING,
            [P.TO_FULFILL],
            (S.PARTIALLY_SHIPPING, P.FULFILLING),
        ),
        (T.LOST, S.IN_TRANSIT, P.FULFILLING, [], (S.IN_TRANSIT, P.CANCELLED)),
        (T.DELIVERY_FAILED, S.IN_TRANSIT, P.FULFILLING, [], (S.IN_TRANSIT, P.FULFILLING)),
    ],
)
def test_a_carriers_report(
    code: TrackingCode,
    order: OrderStatus,
    package: PackageStatus,
    others: list[PackageStatus],
    after: tuple[OrderStatus, PackageStatus],
) -> None:
    assert after_tracking(code, order=order, package=package, others=others) == after


def test_a_report_on_an_order_that_was_never_shipped_is_refused() -> None:
    with pytest.raises(TransitionRefused):
        after_tracking(T.COLLECTED, order=S.AWAITING_SHIPMENT, package=P.TO_FULFILL, others=[])


@given(st.lists(st.sampled_from(list(T)), max_size=12))
def test_no_row_of_reports_takes_an_order_back(codes: list[TrackingCode]) -> None:
    ranks = {S.AWAITING_COLLECTION: 0, S.IN_TRANSIT: 1, S.DELIVERED: 2}
    order, package = S.AWAITING_COLLECTION, P.PROCESSING
    for code in codes:
        before = order
        order, package = after_tracking(code, order=order, package=package, others=[])
        assert ranks[order] >= ranks[before]
