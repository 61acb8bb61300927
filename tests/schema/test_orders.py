"""Orders through GraphQL: listed, filtered, reported, shipped, cancelled, tracked."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from commerce.orders.ingestion import IncomingLine, IncomingPackage
from commerce.orders.lifecycle import FulfilmentPath, OrderStatus
from schema.nodes import global_id
from tenants.grants import Role
from tests.world import World, an_order

PAGE = """
query ($first: Int, $where: OrderWhere, $after: String, $orderBy: [OrderOrder!]) {
  orders(first: $first, where: $where, after: $after, orderBy: $orderBy) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage endCursor }
    nodes {
      id externalId status statusCode
      total { amount currencyCode }
      lines { productName quantity unitPrice { amount } sku { id } }
      packages { status trackingNumber tracking { code } }
      liveRoom { title }
      availableActions { action deadline }
    }
  }
}
"""
SHIP = """
mutation ($input: OrderShipInput!) {
  orderShip(input: $input) {
    order { id status version shippedAt packages { id status carrier trackingNumber } }
    userErrors {
      __typename code field message ... on TransitionRefused { from action allowed }
      ... on VersionConflict { actualVersion }
    }
  }
}
"""
CANCEL = """
mutation ($input: OrderCancelInput!) {
  orderCancel(input: $input) {
    order { status cancelReason cancelledBy }
    userErrors { __typename code ... on TransitionRefused { from allowed } }
  }
}
"""
TRACK = """
mutation ($input: PackageTrackInput!) {
  packageTrack(input: $input) {
    order { status deliveredAt packages { status tracking { code location } } }
    userErrors { code }
  }
}
"""


@pytest.mark.parametrize("size", [1, 12])
async def test_a_page_of_orders_costs_the_same_whatever_its_size(world: World, size: int) -> None:
    workspace = await world.workspace()
    await workspace.ingest([an_order(live_room_id=workspace.room_external_id) for _ in range(size)])

    answer = await workspace.ask(PAGE, {"first": 50})

    assert answer.errors == []
    assert answer.data["orders"]["totalCount"] == size
    # opening, page, count, lines, SKUs of the lines, packages, rooms; no package, so no tracking
    assert answer.statements == 7


async def test_amounts_status_codes_and_actions_of_a_new_order(world: World) -> None:
    workspace = await world.workspace()
    ship_by = datetime(2026, 12, 1, 16, 59, tzinfo=UTC)
    await workspace.order(external_id="577000000000000001", ship_by=ship_by)

    (order,) = (await workspace.ask(PAGE)).data["orders"]["nodes"]

    assert order["statusCode"] == 111
    assert order["total"] == {"amount": "25.00", "currencyCode": "THB"}
    assert order["lines"] == [
        {"productName": "A thing", "quantity": 2, "unitPrice": {"amount": "12.50"}, "sku": None}
    ]
    assert order["availableActions"] == [
        {"action": "SHIP", "deadline": "2026-12-01T16:59:00+00:00"},
        {"action": "CANCEL", "deadline": None},
    ]


async def test_pages_follow_each_other_without_repeat_or_skip_while_orders_arrive(
    world: World,
) -> None:
    workspace = await world.workspace()
    placed = [await workspace.order() for _ in range(7)]
    seen, after = [], None

    while True:
        answer = await workspace.ask(PAGE, {"first": 3, "after": after})
        page = answer.data["orders"]
        seen += [node["id"] for node in page["nodes"]]
        await workspace.order()  # newer than all of the pages still to come
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert seen == [global_id("Order", order) for order in reversed(placed)]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"status": {"eq": "UNPAID"}}, {"B"}),
        ({"status": {"oneOf": ["UNPAID", "AWAITING_SHIPMENT"]}}, {"A", "B", "C"}),
        ({"search": "57700000000000001"}, {"A"}),
        ({"search": "RARE-1"}, {"C"}),
        ({"search": "TRACK-9"}, {"C"}),
        ({"sellerSku": "RARE-1"}, {"C"}),
        ({"country": {"eq": "Malaysia"}}, set()),
        ({"not": {"status": {"eq": "UNPAID"}}}, {"A", "C"}),
        ({"or": [{"status": {"eq": "UNPAID"}}, {"sellerSku": "RARE-1"}]}, {"B", "C"}),
        ({"and": [{"status": {"eq": "UNPAID"}}, {"sellerSku": "RARE-1"}]}, set()),
        ({"placedAt": {"gte": "2026-02-01T00:00:00Z", "lt": "2026-03-01T00:00:00Z"}}, {"B"}),
        ({"status": None, "search": None}, {"A", "B", "C"}),
        ({"or": []}, set()),
    ],
)
async def test_filters(world: World, where: dict[str, object], found: set[str]) -> None:
    workspace = await world.workspace()
    names = {"577000000000000011": "A", "9": "B", "8": "C"}
    await workspace.ingest(
        [
            an_order(external_id="577000000000000011", placed_at=datetime(2026, 1, 5, tzinfo=UTC)),
            an_order(
                external_id="9",
                status=OrderStatus.UNPAID,
                placed_at=datetime(2026, 2, 1, tzinfo=UTC),
            ),
            an_order(
                external_id="8",
                placed_at=datetime(2026, 3, 1, tzinfo=UTC),
                lines=(
                    IncomingLine(
                        seller_sku="RARE-1",
                        product_name="Rare",
                        quantity=1,
                        unit_price_micros=1_000_000,
                        package_external_id="P",
                    ),
                ),
                packages=(
                    IncomingPackage(
                        external_id="P",
                        path=FulfilmentPath.TIKTOK_SHIPPING,
                        tracking_number="TRACK-9",
                    ),
                ),
            ),
        ]
    )

    answer = await workspace.ask(PAGE, {"where": where})

    assert answer.errors == []
    assert {names[n["externalId"]] for n in answer.data["orders"]["nodes"]} == found
    assert answer.data["orders"]["totalCount"] == len(found)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first": 0}, "`first` must lie between 1 and 100; it was 0."),
        ({"first": 101}, "`first` must lie between 1 and 100; it was 101."),
        ({"after": "nonsense"}, "`after` is not a cursor of this list"),
        ({"after": "WzFd"}, "`after` is not a cursor of this list"),
        ({"after": "WyItUExBQ0VEX0FUIl0"}, "`after` is not a cursor of this list"),
    ],
)
async def test_a_bad_window_is_refused_by_name(
    world: World, arguments: dict[str, object], message: str
) -> None:
    workspace = await world.workspace()

    answer = await workspace.ask(PAGE, arguments)

    assert answer.code == "BAD_USER_INPUT"
    assert answer.errors[0]["message"].startswith(message)


async def test_a_cursor_of_another_order_is_refused(world: World) -> None:
    workspace = await world.workspace()
    await workspace.order()
    cursor = (await workspace.ask(PAGE)).data["orders"]["pageInfo"]["endCursor"]

    answer = await workspace.ask(PAGE, {"after": cursor, "orderBy": [{"field": "TOTAL"}]})

    assert answer.code == "BAD_USER_INPUT"
    assert "another order" in answer.errors[0]["message"]


async def test_mixed_directions_page_through_every_order_once(world: World) -> None:
    workspace = await world.workspace()
    for price in (3, 1, 2, 1, 3):
        line = IncomingLine(
            seller_sku="S",
            product_name="T",
            quantity=1,
            unit_price_micros=price * 1_000_000,
        )
        await workspace.order(lines=(line,))
    ordering = [{"field": "TOTAL", "direction": "ASC"}, {"field": "PLACED_AT", "direction": "DESC"}]
    amounts, after = [], None

    for _ in range(3):
        answer = await workspace.ask(PAGE, {"first": 2, "after": after, "orderBy": ordering})
        page = answer.data["orders"]
        amounts += [Decimal(n["total"]["amount"]) for n in page["nodes"]]
        after = page["pageInfo"]["endCursor"]

    assert amounts == [1, 1, 2, 3, 3]
    assert page["pageInfo"]["hasNextPage"] is False


async def test_shipping_moves_the_order_and_makes_its_package(world: World) -> None:
    workspace = await world.workspace()
    order_id = global_id("Order", await workspace.order())
    given = {"orderId": order_id, "carrier": "J&T", "trackingNumber": "JT1", "idempotencyKey": "k"}

    shipped = (await workspace.ask(SHIP, {"input": given})).data["orderShip"]

    assert shipped["userErrors"] == []
    assert shipped["order"]["status"] == "AWAITING_COLLECTION"
    assert shipped["order"]["version"] == 2
    (package,) = shipped["order"]["packages"]
    assert (package["status"], package["trackingNumber"]) == ("PROCESSING", "JT1")


async def test_shipping_twice_with_one_key_ships_once_and_answers_alike(world: World) -> None:
    workspace = await world.workspace()
    order_id = global_id("Order", await workspace.order())
    given = {"orderId": order_id, "idempotencyKey": "same"}

    first = (await workspace.ask(SHIP, {"input": given})).data
    again = (await workspace.ask(SHIP, {"input": given})).data
    other = (await workspace.ask(SHIP, {"input": {**given, "carrier": "X"}})).data["orderShip"]

    assert again == first
    assert len(first["orderShip"]["order"]["packages"]) == 1
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]


async def test_what_the_state_machine_refuses_says_what_is_possible(world: World) -> None:
    workspace = await world.workspace()
    order_id = global_id("Order", await workspace.order(status=OrderStatus.UNPAID))

    answer = await workspace.ask(SHIP, {"input": {"orderId": order_id, "idempotencyKey": "k"}})

    (error,) = answer.data["orderShip"]["userErrors"]
    assert answer.data["orderShip"]["order"] is None
    assert error["__typename"] == "TransitionRefused"
    assert (error["from"], error["action"], error["allowed"]) == ("UNPAID", "SHIP", ["CANCEL"])


async def test_a_stale_version_is_refused_with_the_newer_one(world: World) -> None:
    workspace = await world.workspace()
    order_id = global_id("Order", await workspace.order())
    given = {"orderId": order_id, "expectedVersion": 7, "idempotencyKey": "k"}

    (error,) = (await workspace.ask(SHIP, {"input": given})).data["orderShip"]["userErrors"]

    assert (error["__typename"], error["actualVersion"]) == ("VersionConflict", 1)


async def test_the_sellers_own_parcels_need_carrier_and_tracking_number(world: World) -> None:
    workspace = await world.workspace()
    order_id = global_id("Order", await workspace.order(path=FulfilmentPath.LOCAL_WAREHOUSE))

    answer = await workspace.ask(SHIP, {"input": {"orderId": order_id, "idempotencyKey": "k"}})

    (error,) = answer.data["orderShip"]["userErrors"]
    assert (error["code"], error["field"]) == ("TRACKING_REQUIRED", ["carrier"])


async def test_cancelling_takes_the_packages_along_and_cannot_be_done_in_transit(
    world: World,
) -> None:
    workspace = await world.workspace()
    one = global_id("Order", await workspace.order())
    moving = global_id("Order", await workspace.order(status=OrderStatus.IN_TRANSIT))

    def given(order: str) -> dict[str, object]:
        return {"input": {"orderId": order, "reason": "out of stock", "idempotencyKey": order}}

    cancelled = (await workspace.ask(CANCEL, given(one))).data["orderCancel"]
    refused = (await workspace.ask(CANCEL, given(moving))).data["orderCancel"]

    assert cancelled["order"] == {
        "status": "CANCELLED",
        "cancelReason": "out of stock",
        "cancelledBy": "SELLER",
    }
    assert refused["order"] is None
    assert refused["userErrors"][0]["from"] == "IN_TRANSIT"


async def test_tracking_moves_package_and_order_and_a_repeat_changes_nothing(world: World) -> None:
    workspace = await world.workspace()
    order_id = global_id("Order", await workspace.order())
    shipped = await workspace.ask(SHIP, {"input": {"orderId": order_id, "idempotencyKey": "k"}})
    (package,) = shipped.data["orderShip"]["order"]["packages"]

    async def track(code: str, at: str) -> dict[str, object]:
        given = {"packageId": package["id"], "code": code, "occurredAt": at, "location": "BKK"}
        answer = await workspace.ask(TRACK, {"input": given})
        assert answer.data["packageTrack"]["userErrors"] == []
        order: dict[str, object] = answer.data["packageTrack"]["order"]
        return order

    collected = await track("COLLECTED", "2026-05-01T08:00:00Z")
    repeated = await track("COLLECTED", "2026-05-01T08:00:00Z")
    delivered = await track("DELIVERED", "2026-05-03T10:00:00Z")

    assert collected["status"] == repeated["status"] == "IN_TRANSIT"
    assert collected["packages"] == repeated["packages"]
    assert delivered["status"] == "DELIVERED"
    assert delivered["deliveredAt"] == "2026-05-03T10:00:00+00:00"
    assert delivered["packages"][0]["status"] == "COMPLETED"  # type: ignore[index]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.CATALOG, Role.FINANCE, Role.LIVE_HOST])
async def test_a_role_without_the_right_changes_nothing(world: World, role: Role) -> None:
    workspace = await world.workspace()
    order_id = global_id("Order", await workspace.order())
    given = {"input": {"orderId": order_id, "idempotencyKey": "k"}}

    answer = await workspace.ask(SHIP, given, role=role)

    assert answer.code == "FORBIDDEN"
    assert answer.data is None
    (order,) = (await workspace.ask(PAGE)).data["orders"]["nodes"]
    assert (order["status"], order["packages"]) == ("AWAITING_SHIPMENT", [])


@pytest.mark.parametrize(
    ("status", "path", "role", "view", "name", "phone"),
    [
        ("UNPAID", "LOCAL_WAREHOUSE", Role.OWNER, "HIDDEN", None, None),
        ("ON_HOLD", "LOCAL_WAREHOUSE", Role.OWNER, "HIDDEN", None, None),
        ("AWAITING_SHIPMENT", "TIKTOK_SHIPPING", Role.OWNER, "MASKED", "M*** S***", "***78"),
        (
            "AWAITING_SHIPMENT",
            "LOCAL_WAREHOUSE",
            Role.ORDERS,
            "FULL",
            "Mali Saetang",
            "+66812345678",
        ),
        ("AWAITING_SHIPMENT", "LOCAL_WAREHOUSE", Role.VIEWER, "MASKED", "M*** S***", "***78"),
    ],
)
async def test_f6_how_much_of_an_address_is_seen(
    world: World,
    status: str,
    path: str,
    role: Role,
    view: str,
    name: str | None,
    phone: str | None,
) -> None:
    workspace = await world.workspace()
    await workspace.order(status=OrderStatus(status), path=FulfilmentPath(path))

    answer = await workspace.ask("{orders{nodes{recipient{view name phone}}}}", role=role)

    assert answer.data["orders"]["nodes"] == [
        {"recipient": {"view": view, "name": name, "phone": phone}}
    ]


async def test_f6_a_filter_does_not_tell_a_country_that_is_hidden(world: World) -> None:
    workspace = await world.workspace()
    await workspace.order(status=OrderStatus.UNPAID)
    seen = await workspace.order()
    query = """query ($where: OrderWhere, $lines: OrderLineWhere) {
      orders(where: $where) { nodes { id } } orderLineFigures(where: $lines) { orders } }"""
    given = {"country": {"eq": "TH"}}

    answer = await workspace.ask(query, {"where": given, "lines": given})

    assert answer.data["orders"]["nodes"] == [{"id": global_id("Order", seen)}]
    assert answer.data["orderLineFigures"] == [{"orders": 1}]


async def test_figures_are_exact_below_the_minor_unit(world: World) -> None:
    workspace = await world.workspace()
    lines = tuple(
        IncomingLine(seller_sku=f"S{n}", product_name="P", quantity=n, unit_price_micros=1_000)
        for n in (1, 3)
    )
    await workspace.order(lines=lines, buyer_id="b-1")

    answer = await workspace.ask(
        "{ orderLineFigures { value { amount currencyCode } lines orders pieces sellerSkus buyers"
        " countries } }"
    )

    assert answer.data["orderLineFigures"] == [
        {
            "value": {"amount": "0.004", "currencyCode": "THB"},
            "lines": 2,
            "orders": 1,
            "pieces": 4,
            "sellerSkus": 2,
            "buyers": 1,
            "countries": 1,
        }
    ]
