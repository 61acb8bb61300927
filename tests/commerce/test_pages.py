"""Pages by keyset: forwards and backwards, every row exactly once."""

import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commerce.orders.ingestion import IncomingLine
from commerce.orders.queries import ORDERS
from commerce.pages import MAX_ORDER, BadArgument, OrderBy, Window, page
from tests.world import TestWorkspace, World, an_order

ROWS = 23
FIELDS = ("PLACED_AT", "UPDATED_AT", "TOTAL")
orderings = st.lists(st.sampled_from(FIELDS), unique=True, max_size=3).flatmap(
    lambda names: st.tuples(*(st.builds(OrderBy, st.just(n), st.booleans()) for n in names))
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def listed(world: World) -> TestWorkspace:
    """Orders with equal totals, and times that differ by microseconds or not at all."""
    workspace = await world.workspace()
    start = datetime(2026, 3, 1, tzinfo=UTC)
    await workspace.ingest(
        [
            an_order(
                placed_at=start + timedelta(microseconds=n // 3),
                lines=(
                    IncomingLine(
                        seller_sku="S",
                        product_name="T",
                        quantity=1,
                        unit_price_micros=(n % 4 + 1) * 1_000_000,
                    ),
                ),
            )
            for n in range(ROWS)
        ]
    )
    return workspace


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=orderings, sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6))
async def test_every_row_once_in_both_directions(
    listed: TestWorkspace, order: tuple[OrderBy, ...], sizes: list[int]
) -> None:
    database = listed.system()
    whole = await page(database.reading(), ORDERS, order_by=order, window=Window(first=100))
    assert len(whole.rows) == ROWS

    for backward in (False, True):
        seen: list[Any] = []
        cursor: str | None = None
        for n in range(ROWS + 1):
            size = sizes[n % len(sizes)]
            window = (
                Window(last=size, before=cursor) if backward else Window(first=size, after=cursor)
            )
            found = await page(database.reading(), ORDERS, order_by=order, window=window)
            rows = [row.id for row in found.rows]
            seen = rows + seen if backward else seen + rows
            more, other = found.has_next, found.has_previous
            if backward:
                more, other = other, more
            assert more == (len(seen) < ROWS)
            assert other == (cursor is not None)
            if not more:
                break
            cursor = found.cursor(found.rows[0 if backward else -1])
        assert seen == [row.id for row in whole.rows]
    await database.close()


async def test_rows_come_in_the_order_that_was_asked_for(listed: TestWorkspace) -> None:
    database = listed.system()
    order = (OrderBy("TOTAL"), OrderBy("PLACED_AT", descending=True))

    rows = (await page(database.reading(), ORDERS, order_by=order, window=Window(first=100))).rows

    keys = [(row.total_minor, -row.placed_at.timestamp()) for row in rows]
    assert all(a <= b for a, b in pairwise(keys))
    await database.close()


def cursor_of(*values: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


ID = "00000000-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    "cursor",
    [
        cursor_of(None, "2026-01-01T00:00:00+00:00", ID),
        cursor_of("-PLACED_AT"),
        cursor_of("-PLACED_AT", "2026-01-01T00:00:00", ID),
        cursor_of("-PLACED_AT", "0001-01-01T00:00:00+23:00", ID),
        cursor_of("-PLACED_AT", 7, ID),
        cursor_of("-PLACED_AT", "2026-01-01T00:00:00+00:00", "x"),
        cursor_of("-PLACED_AT", "2026-01-01T00:00:00+00:00", ID, 1),
        cursor_of("-PLACED_AT", None, None),
        "[" * 5_000,
        "é",
        "",
        "5",
    ],
)
async def test_a_forged_cursor_is_refused(listed: TestWorkspace, cursor: str) -> None:
    database = listed.system()
    with pytest.raises(BadArgument, match="`after` is not a cursor of this list"):
        await page(database.reading(), ORDERS, window=Window(first=1, after=cursor))
    await database.close()


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ((OrderBy("TOTAL"), OrderBy("TOTAL", descending=True)), "names a field twice"),
        ((OrderBy("TOTAL"),) * (MAX_ORDER + 1), "names at most 5 fields; it named 6"),
    ],
)
async def test_an_order_that_says_nothing_more_is_refused(
    listed: TestWorkspace, order: tuple[OrderBy, ...], message: str
) -> None:
    database = listed.system()
    with pytest.raises(BadArgument, match=message):
        await page(database.reading(), ORDERS, order_by=order, window=Window(first=1))
    await database.close()
