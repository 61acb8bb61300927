"""A small server with the shapes of the examples, for the browser test of the playground.

Run as a script: `python tests/web/stand_in.py --state FOLDER`; the first line it prints is its
address. Who one is follows from the token alone, so that the test sees which token was sent.
`POST /stand-in/renew` replaces every token, as the real server does before they expire.
"""

import argparse
import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL

from api.playground import playground_routes

ROOT = Path(__file__).parents[2]
SECONDS_BETWEEN_EVENTS = 0.15


@strawberry.enum
class ProductOrderField(Enum):
    CREATED_AT = "CREATED_AT"


@strawberry.enum
class Direction(Enum):
    ASC = "ASC"
    DESC = "DESC"


@strawberry.enum
class OrderStatus(Enum):
    AWAITING_SHIPMENT = "AWAITING_SHIPMENT"
    IN_TRANSIT = "IN_TRANSIT"


@strawberry.type
class Money:
    amount: Decimal
    currency_code: str


@strawberry.type
class Named:
    name: str


@strawberry.type
class Stock:
    available: int
    warehouse: Named


@strawberry.type
class Sku:
    id: strawberry.ID
    seller_sku: str
    price: Money
    stock: list[Stock]


@strawberry.type
class Translation:
    locale: str
    title: str


@strawberry.type
class Product:
    id: strawberry.ID
    title: str
    status: str
    skus: list[Sku]
    translations: list[Translation]


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Products:
    total_count: int
    page_info: PageInfo
    nodes: list[Product]


@strawberry.type
class Line:
    product_name: str
    quantity: int
    unit_price: Money


@strawberry.type
class Action:
    action: str
    deadline: datetime | None


@strawberry.type
class Order:
    id: strawberry.ID
    external_id: str
    status: str
    placed_at: datetime
    total: Money
    lines: list[Line]
    available_actions: list[Action]


@strawberry.type
class Orders:
    nodes: list[Order]


@strawberry.type
class Shop:
    id: strawberry.ID
    site: str
    currency: str
    time_zone: str


@strawberry.type
class Workspace:
    id: strawberry.ID
    slug: str
    name: str
    shops: list[Shop]


@strawberry.type
class User:
    id: strawberry.ID
    email: str
    name: str


@strawberry.type
class Viewer:
    user: User
    role: str
    grants: list[str]
    workspace: Workspace


@strawberry.type
class OrderEvent:
    event_id: strawberry.ID
    sequence: int
    occurred_at: datetime
    kind: str
    status: str
    order: Order


@strawberry.type
class EventGap:
    from_sequence: int
    to_sequence: int


@strawberry.type
class UserError:
    code: str
    field: list[str]
    message: str


@strawberry.type
class OrderShipPayload:
    order: Order | None
    user_errors: list[UserError]


@strawberry.input
class ProductOrder:
    field: ProductOrderField
    direction: Direction


@strawberry.input
class StatusFilter:
    one_of: list[OrderStatus]


@strawberry.input
class TimeFilter:
    gte: datetime


@strawberry.input
class OrderFilter:
    status: StatusFilter | None = None
    placed_at: TimeFilter | None = None


@strawberry.input
class OrderShipInput:
    order_id: strawberry.ID
    package_id: strawberry.ID
    carrier: str
    tracking_number: str
    idempotency_key: str


@strawberry.type
class Query:
    @strawberry.field
    def viewer(self, info: strawberry.Info) -> Viewer:
        slug, role = who(info)
        user = User(id=strawberry.ID("u1"), email=f"{role.lower()}@{slug}.example", name="Lin Wei")
        shop = Shop(id=strawberry.ID("s1"), site="GB", currency="GBP", time_zone="Europe/London")
        workspace = Workspace(id=strawberry.ID(slug), slug=slug, name=slug.title(), shops=[shop])
        return Viewer(user=user, role=role, grants=["READ_ORDERS"], workspace=workspace)

    @strawberry.field
    def products(
        self,
        info: strawberry.Info,
        first: int,
        order_by: list[ProductOrder],
        after: str | None = None,
    ) -> Products:
        who(info)
        page = PageInfo(has_next_page=after is None, end_cursor=order_by[0].direction.name)
        return Products(
            total_count=3, page_info=page, nodes=[a_product(n) for n in range(min(first, 3))]
        )

    @strawberry.field
    def product(self, info: strawberry.Info, id: strawberry.ID) -> Product | None:
        who(info)
        return next((found for n in range(3) if (found := a_product(n)).id == id), None)

    @strawberry.field
    def orders(self, info: strawberry.Info, first: int, where: OrderFilter) -> Orders:
        who(info)
        since = where.placed_at.gte if where.placed_at else None
        orders = [a_order(n) for n in range(min(first, 4))]
        return Orders(nodes=[order for order in orders if since is None or order.placed_at > since])


@strawberry.type
class Mutation:
    @strawberry.mutation
    def order_ship(self, info: strawberry.Info, input: OrderShipInput) -> OrderShipPayload:
        _, role = who(info)
        if role != "OWNER":
            raise PermissionError("Shipping takes the right SHIP_ORDERS.")
        order = a_order(0)
        order.status = OrderStatus.IN_TRANSIT.name
        return OrderShipPayload(order=order if input.order_id == order.id else None, user_errors=[])


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def live_orders(
        self, info: strawberry.Info, room_id: strawberry.ID, after: str | None = None
    ) -> AsyncGenerator[OrderEvent | EventGap, None]:
        async for event in events(info, room_id, after):
            yield event

    @strawberry.subscription
    async def order_updates(
        self, info: strawberry.Info, after: str | None = None
    ) -> AsyncGenerator[OrderEvent | EventGap, None]:
        async for event in events(info, "all", after):
            yield event


async def events(
    info: strawberry.Info, room: str, after: str | None
) -> AsyncGenerator[OrderEvent, None]:
    slug, role = who(info)
    sequence = int(after or 0)
    while True:
        sequence += 1
        yield OrderEvent(
            event_id=strawberry.ID(str(sequence)),
            sequence=sequence,
            occurred_at=datetime.now(UTC),
            kind=f"{slug} {role} {room}",
            status="AWAITING_SHIPMENT",
            order=a_order(sequence),
        )
        await asyncio.sleep(SECONDS_BETWEEN_EVENTS)


def who(info: strawberry.Info) -> tuple[str, str]:
    """The workspace and role of the token `<slug> <role> <serial>`, over either transport."""
    context: dict[str, Any] = info.context
    sent = context.get("connection_params") or context["request"].headers
    slug, role, serial = sent.get("authorization", "- - -").removeprefix("Bearer ").split("_")
    if serial != str(DemoFile.serial):
        raise PermissionError("The token has expired.")
    return slug, role


class DemoFile:
    """The demo tokens of two workspaces, in a file as the real server keeps them."""

    serial = 0

    def __init__(self, path: Path) -> None:
        self.path = path

    def renew(self) -> None:
        DemoFile.serial += 1
        workspaces = [
            {
                "id": slug,
                "slug": slug,
                "name": name,
                "tokens": {role: f"{slug}_{role}_{self.serial}" for role in ("OWNER", "VIEWER")},
                "liveRoomId": f"room-of-{slug}",
            }
            for slug, name in (("harbour", "Harbour Tea Trading"), ("lantern", "Lantern Home"))
        ]
        self.path.write_text(json.dumps({"workspaces": workspaces}), encoding="utf-8")


def a_product(number: int) -> Product:
    stock = Stock(available=12 * number, warehouse=Named(name="Shenzhen Bonded"))
    sku = Sku(
        id=strawberry.ID(f"sku{number}"),
        seller_sku=f"TEA-{number:03}",
        price=Money(amount=Decimal("12.90"), currency_code="GBP"),
        stock=[stock],
    )
    translation = Translation(locale="zh-CN", title=f"铁观音 {number} 号")
    return Product(
        id=strawberry.ID(f"product{number}"),
        title=f"Iron Goddess Tea {number}",
        status="LIVE",
        skus=[sku],
        translations=[translation],
    )


def a_order(number: int) -> Order:
    now = datetime.now(UTC)
    price = Money(amount=Decimal("12.90"), currency_code="GBP")
    return Order(
        id=strawberry.ID(f"order{number}"),
        external_id=f"5769{number:08}",
        status="AWAITING_SHIPMENT",
        placed_at=now,
        total=price,
        lines=[Line(product_name="Iron Goddess Tea", quantity=1, unit_price=price)],
        available_actions=[Action(action="SHIP", deadline=now + timedelta(days=2))],
    )


def application(demo: DemoFile) -> Starlette:
    async def renew(_request: Request) -> Response:
        demo.renew()
        return JSONResponse({"serial": demo.serial})

    graphql = GraphQL[Any, Any](
        strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription)
    )
    routes = playground_routes(dist=ROOT / "web" / "dist", demo_file=demo.path)
    return Starlette(
        routes=[
            *routes,
            Route("/stand-in/renew", renew, methods=["POST"]),
            Route("/graphql", graphql),
            WebSocketRoute("/graphql", graphql),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    demo = DemoFile(parser.parse_args().state / "demo.json")
    demo.renew()
    listening = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)  # noqa: T201 - its one word
    config = uvicorn.Config(application(demo), log_level="warning")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
