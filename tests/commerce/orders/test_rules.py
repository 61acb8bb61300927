"""What passes the rules is taken by Postgres, at every boundary; what does not is told."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.orders.ingest import IngestOutcome
from commerce.orders.ingestion import IncomingLine, IncomingPackage, OrderKind, Recipient
from commerce.orders.lifecycle import FulfilmentPath, OrderStatus
from commerce.orders.rules import MAX_AMOUNT, MAX_ID, MAX_LINES, MAX_TEXT, is_ahead, problem_with
from tests.world import World, an_order

LINE = IncomingLine(seller_sku="S", product_name="A thing", quantity=1, unit_price_micros=1)
PACKAGE = IncomingPackage(external_id="P", path=FulfilmentPath.TIKTOK_SHIPPING)
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - that is the fault
_TALL = "".join(chr(0x20000 + (n * 7919) % 40_000) for n in range(MAX_TEXT))  # hard to compress

BAD: list[tuple[dict[str, Any], str]] = [
    ({"external_id": ""}, "external id has 1 to"),
    ({"external_id": "x" * (MAX_ID + 1)}, "external id has 1 to"),
    ({"channel": "x" * (MAX_ID + 1)}, "channel has 1 to"),
    ({"lines": ()}, "has 0"),
    ({"lines": (LINE,) * (MAX_LINES + 1)}, "has 2,001"),
    ({"currency": "XYZ"}, "no currency"),
    ({"placed_at": NAIVE}, "no time zone"),
    ({"paid_at": NAIVE}, "no time zone"),
    ({"placed_at": datetime.min.replace(tzinfo=UTC)}, "not between 1970 and 2200"),
    ({"delivered_at": datetime.max.replace(tzinfo=UTC)}, "not between 1970 and 2200"),
    ({"lines": (replace(LINE, seller_sku=""),)}, "seller SKU is missing"),
    ({"lines": (LINE, replace(LINE, quantity=0))}, "Line 2: the quantity 0"),
    ({"lines": (replace(LINE, quantity=2**31),)}, "quantity 2147483648"),
    ({"lines": (replace(LINE, unit_price_micros=2**62 + 1),)}, "too large"),
    ({"lines": (replace(LINE, seller_discount_minor=-1),)}, "discount"),
    ({"lines": (replace(LINE, platform_discount_minor=MAX_AMOUNT),)}, "too large"),
    ({"shipping_fee_minor": 2**63}, "too large"),
    ({"kind": OrderKind.CREDIT_NOTE}, "must be negative"),
    ({"packages": (PACKAGE, PACKAGE)}, "listed twice"),
    ({"lines": (replace(LINE, package_external_id="Q"),), "packages": (PACKAGE,)}, "'Q' is not"),
    ({"buyer_message": "a\x00b"}, "NUL"),
    ({"recipient": Recipient(city="\x00")}, "NUL"),
    ({"live_room_id": "1\x00"}, "NUL"),
    ({"seller_note": "\ud800"}, "surrogate"),
    ({"buyer_message": "x" * (MAX_TEXT + 1)}, "more than 10,000"),
    ({"lines": (replace(LINE, seller_sku="x" * (MAX_ID + 1)),)}, "more than 200"),
]


@pytest.mark.parametrize(("given", "reason"), BAD)
def test_what_cannot_be_stored_is_told(given: dict[str, Any], reason: str) -> None:
    assert reason in str(problem_with(an_order(**given)))


async def test_a_batch_of_nothing_but_bad_orders_reaches_postgres_unharmed(world: World) -> None:
    workspace = await world.workspace()
    good = an_order()
    results = await workspace.ingest([*(an_order(**given) for given, _ in BAD), good])
    assert {result.outcome for result in results[:-1]} == {IngestOutcome.REJECTED}
    assert results[-1].outcome is IngestOutcome.STORED


async def test_the_largest_of_everything_is_stored(world: World) -> None:
    wide = _TALL[:MAX_ID]
    line = replace(
        LINE, seller_sku=wide, external_id=wide, external_sku_id=wide, product_name=_TALL,
        package_external_id=wide,
    )  # fmt: skip
    dear = replace(LINE, unit_price_micros=2**62)
    largest = [
        an_order(
            channel=wide,
            external_id=wide,
            lines=(line, *(LINE,) * (MAX_LINES - 1)),
            packages=(replace(PACKAGE, external_id=wide, tracking_number=wide),),
            buyer_message=_TALL,
        ),
        *(an_order(lines=(dear,)) for _ in range(20)),
        an_order(lines=(replace(LINE, quantity=2**31 - 1),)),
        an_order(placed_at=datetime(1970, 1, 1, tzinfo=UTC)),
        an_order(kind=OrderKind.CREDIT_NOTE, lines=(replace(LINE, quantity=-(2**31) + 1),)),
    ]
    results = await (await world.workspace()).ingest(largest)
    assert [result.reason for result in results if result.reason] == []


statuses = st.sampled_from(OrderStatus)


@given(statuses, statuses, statuses)
def test_ahead_is_an_order_in_which_nothing_comes_back(
    one: OrderStatus, two: OrderStatus, three: OrderStatus
) -> None:
    assert not (is_ahead(one, two) and is_ahead(two, one))
    if is_ahead(two, one) and is_ahead(three, two):
        assert is_ahead(three, one)


@pytest.mark.parametrize("status", OrderStatus)
def test_what_is_over_stays_over(status: OrderStatus) -> None:
    assert not is_ahead(status, OrderStatus.COMPLETED)
    assert not is_ahead(status, OrderStatus.CANCELLED)
    assert not is_ahead(status, status)


@pytest.mark.parametrize(
    ("reported", "known", "ahead"),
    [
        (OrderStatus.COMPLETED, OrderStatus.UNPAID, True),
        (OrderStatus.AWAITING_SHIPMENT, OrderStatus.ON_HOLD, True),
        (OrderStatus.CANCELLED, OrderStatus.IN_TRANSIT, True),
        (OrderStatus.CANCELLED, OrderStatus.DELIVERED, False),
        (OrderStatus.PARTIALLY_SHIPPING, OrderStatus.AWAITING_COLLECTION, False),
        (OrderStatus.UNPAID, OrderStatus.ON_HOLD, False),
    ],
)
def test_reports_ahead_and_behind(
    reported: OrderStatus, known: OrderStatus, *, ahead: bool
) -> None:
    assert is_ahead(reported, known) is ahead
