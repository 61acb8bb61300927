"""Two workspaces that hold one of everything, with a canary in every text that can hold one and
amounts that nobody else has."""

import asyncio
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from commerce.catalogue import operations as catalogue
from commerce.orders import operations as orders
from commerce.orders.ingestion import IncomingLine, IncomingOrder, IncomingPackage, Recipient
from commerce.orders.lifecycle import FulfilmentPath, OrderStatus, TrackingCode
from schema.nodes import global_id
from tenants.grants import Role
from tenants.ids import new_id
from tests.isolation.harvest import COUNTERS, Harvest, columns, harvest, tenant_tables
from tests.isolation.leaks import NO_MARKS, Marks
from tests.world import TestWorkspace, World, an_order

_CODE = re.compile(r"[A-Z][A-Z0-9_]+|[a-z]{2}-[A-Z]{2,}")  # a status, a currency, a locale
_SPARE = 16
_MARKED_WHEN_MADE = {"orders", "order_lines"}  # their amounts have to agree with each other
_CATEGORY = "601226"  # which has one above it


@dataclass
class Side:
    """One of the two. `marks` and `harvest` are there once it is filled."""

    workspace: TestWorkspace
    canary: str
    harvest: Harvest = field(default_factory=Harvest)
    filled: Harvest = field(default_factory=Harvest)  # before anything was added to it
    marks: Marks = NO_MARKS

    @property
    def id(self) -> UUID:
        return self.workspace.id

    async def take_stock(self, owner: asyncpg.Connection) -> None:
        """Note what it holds by now."""
        self.harvest = await harvest(owner, self.id)
        self.workspace.room_external_id = self.harvest.texts["live_rooms", "external_id"][0]

    async def owner_token(self) -> str:
        return f"Bearer {await self.workspace.token(Role.OWNER)}"


async def settle(world: World, name: str) -> Side:
    """A workspace that is still almost empty."""
    return Side(await world.workspace(), f"canary{name}{secrets.token_hex(3)}")


async def fill(side: Side, owner: asyncpg.Connection) -> None:
    """One of everything, through the product's own operations; then canaries where they fit."""
    await _admit(side)
    await _sell(side, owner)
    await _plant(side, owner)
    await side.take_stock(owner)
    side.filled = side.harvest


def tell_apart(one: Side, other: Side) -> None:
    one.marks = one.harvest.marks(one.canary, apart_from=other.harvest)
    other.marks = other.harvest.marks(other.canary, apart_from=one.harvest)


async def _sell(side: Side, owner: asyncpg.Connection) -> None:
    workspace, canary = side.workspace, side.canary
    await _activate(workspace, await workspace.product(title=f"{canary} on sale"))
    statuses = (
        OrderStatus.AWAITING_COLLECTION,
        OrderStatus.AWAITING_SHIPMENT,
        OrderStatus.COMPLETED,
    )
    made = await workspace.ingest([a_marked_order(side, n, s) for n, s in enumerate(statuses)])
    assert [result.reason for result in made] == [None, None, None]
    await _track(side, owner)


async def _activate(workspace: TestWorkspace, product: UUID) -> None:
    await workspace.system().change(
        "test", lambda writer: catalogue.activate(writer, product, expected_version=None)
    )


def a_marked_order(side: Side, number: int, status: OrderStatus) -> IncomingOrder:
    """An order with a text in every field and amounts that give it away."""
    canary, code = side.canary, secrets.token_hex(3)
    texts = {
        name: f"{canary}-{name}-{number}"
        for name in ("name", "country", "region", "city", "district", "postal_code", "address_line")
    }
    line = IncomingLine(
        seller_sku=f"{canary}-sku-{number}", product_name=f"{canary} product name",
        variation=f"{canary} variation", external_id=f"{canary}-line-{code}",
        external_sku_id=f"{canary}-sku-id-{code}", package_external_id=f"{canary}-{code}",
        quantity=_unlikely(6), unit_price_micros=_unlikely(10),
        seller_discount_minor=_unlikely(8), platform_discount_minor=_unlikely(8),
    )  # fmt: skip
    package = IncomingPackage(
        external_id=f"{canary}-{code}", path=FulfilmentPath.LOCAL_WAREHOUSE,
        carrier=f"{canary} carrier", tracking_number=f"{canary}-track-{code}",
    )  # fmt: skip
    return an_order(
        channel=f"{canary}-channel" if number else "TIKTOK_SHOP",
        external_id=f"{canary}-order-{code}", status=status, lines=(line,), packages=(package,),
        path=FulfilmentPath.LOCAL_WAREHOUSE, live_room_id=side.workspace.room_external_id,
        buyer_id=f"{canary}-buyer-{number}", buyer_nickname=f"{canary} nickname",
        buyer_message=f"{canary} message", seller_note=f"{canary} note",
        payment_method=f"{canary} payment", shipping_fee_minor=_unlikely(9),
        tax_minor=_unlikely(9), recipient=Recipient(phone=f"+66{_unlikely(9)}", **texts),
    )  # fmt: skip


async def _track(side: Side, owner: asyncpg.Connection) -> None:
    """A report of the carrier on the package that waits for it, which moves nothing on."""
    package_id = await owner.fetchval(
        "SELECT p.id FROM packages p JOIN orders o USING (workspace_id) WHERE o.id = p.order_id "
        "AND o.workspace_id = $1 AND o.status = $2",
        side.id, OrderStatus.AWAITING_COLLECTION.value,
    )  # fmt: skip
    tracking = orders.Tracking(
        code=TrackingCode.DELIVERY_FAILED, occurred_at=datetime.now(UTC),
        description=f"{side.canary} report", location=f"{side.canary} place",
    )  # fmt: skip
    await side.workspace.system().change(
        "test", lambda writer: orders.track(writer, package_id, tracking)
    )


_ADMIT = """
mutation ($email: String!, $name: String!, $product: ProductCreateInput!) {
  memberInvite(input: {email: $email, role: VIEWER}) { invitationId userErrors { message } }
  apiKeyCreate(input: {name: $name, scopes: ["orders:read"]}) { apiKeyId }
  productCreate(input: $product) { product { id } userErrors { message } }
  bulkQueryRun(input: {query: "{ orders { nodes { id } } }"}) { job { id } }
}
"""


async def _admit(side: Side) -> None:
    """People, keys and an answer kept for an idempotency key."""
    canary = side.canary
    for role in Role:
        await side.workspace.token(role)
    await _invite(side, canary, f"{canary} key", _whole_product(side))


async def _invite(side: Side, who: str, name: str, product: dict[str, Any]) -> None:
    given = {"email": f"{who}@shop.example", "name": name, "product": product}
    answer = await side.workspace.ask(_ADMIT, given)
    assert answer.errors == [], answer.errors
    assert answer.data["productCreate"]["userErrors"] == [], answer.data


def _product(seller_sku: str, key: str) -> dict[str, Any]:
    price = {"amount": "10.00", "currencyCode": "THB"}
    sku = {"sellerSku": seller_sku, "price": price}
    return {"title": "A product", "skus": [sku], "idempotencyKey": key}


def _whole_product(side: Side) -> dict[str, Any]:
    """A product that lacks nothing, whose SKU is that of an order."""
    canary = side.canary
    product = _product(f"{canary}-sku-0", f"{canary}-key")
    product["skus"][0] |= {
        "externalId": f"{canary}-sku-id",
        "salesAttributes": [{"name": f"{canary} size", "value": f"{canary} large"}],
        "stock": [{"warehouseId": side.workspace.warehouse_global_id, "available": 731_297}],
    }
    return product | {
        "title": f"{canary} title",
        "description": f"{canary} description",
        "brand": f"{canary} brand",
        "externalId": f"{canary}-product",
        "categoryId": global_id("Category", _CATEGORY),
        "attributes": [{"name": f"{canary} name", "values": [f"{canary} value"]}],
        "translations": [{"locale": "th-TH", "title": f"{canary} titled"}],
        "media": [{"kind": "MAIN_IMAGE", "url": f"https://shop.example/{canary}.png"}],
        "sites": ["TH"],
    }


async def _plant(side: Side, owner: asyncpg.Connection) -> None:
    """A canary in every text, an unlikely number in every amount, that no constraint forbids."""
    for table in await tenant_tables(owner):
        for column in await columns(owner, table):
            name, kind = column["column_name"], column["data_type"]
            if kind == "text":
                value = f"'{side.canary}-{name}-' || substr(md5(ctid::text), 1, 6)"
                known = await owner.fetch(
                    f"SELECT DISTINCT {name} FROM {table} WHERE workspace_id = $1 "
                    f"AND {name} IS NOT NULL AND {name} NOT LIKE '%' || $2 || '%'",
                    side.id, side.canary,
                )  # fmt: skip
                if not any(_CODE.fullmatch(row[name]) for row in known):
                    await _set(side, owner, table, name, value)
            elif kind in {"integer", "bigint"} and _is_amount(table, name):
                await _set(side, owner, table, name, f"{_unlikely(8)} + floor(random() * 1000)")
    await owner.execute(
        "UPDATE users SET name = $2 || '-' || name WHERE id IN "
        "(SELECT user_id FROM memberships WHERE workspace_id = $1)", side.id, side.canary
    )  # fmt: skip
    await owner.execute(
        "UPDATE workspaces SET legacy_id = $2 || '-legacy', name = $2 || ' name', "
        "slug = $2 || '-slug' WHERE id = $1",
        side.id, side.canary,
    )  # fmt: skip


async def _set(side: Side, owner: asyncpg.Connection, table: str, name: str, value: str) -> None:
    try:
        async with owner.transaction():
            await owner.execute(
                f"UPDATE {table} SET {name} = {value} WHERE workspace_id = $1 "
                f"AND ({name} IS NULL OR {name}::text NOT LIKE '%' || $2 || '%')",
                side.id, side.canary,
            )  # fmt: skip
    except (asyncpg.IntegrityConstraintViolationError, asyncpg.NumericValueOutOfRangeError):
        return  # a code, which holds no text; or a number that has to agree with another


def _is_amount(table: str, name: str) -> bool:
    return table not in _MARKED_WHEN_MADE and name not in COUNTERS


def _unlikely(digits: int) -> int:
    """A number of that many digits which begins with 73 and does not end with 0."""
    return int(f"73{secrets.randbelow(10 ** (digits - 3)):0{digits - 3}}{secrets.randbelow(9) + 1}")


async def stock_up(
    side: Side, owner: asyncpg.Connection, *, products: int = 130, placed: int = 60
) -> None:
    """More of what mutations use up: products in DRAFT, orders that wait with their package, and
    people, keys and invitations that nobody acts with."""
    workspace = side.workspace
    package = IncomingPackage(external_id="P", path=FulfilmentPath.TIKTOK_SHIPPING, carrier="C")
    for status in (OrderStatus.AWAITING_SHIPMENT, OrderStatus.AWAITING_COLLECTION):
        made = [an_order(packages=(package,), status=status) for _ in range(placed)]
        await workspace.ingest(made)
    drafts = await _copies(owner, await workspace.product(skus=1), _SPARE + products)
    for product in drafts[:_SPARE]:
        await _activate(workspace, product)
    await asyncio.gather(*(_spare(side, number) for number in range(_SPARE)))


async def _copies(owner: asyncpg.Connection, product: UUID, count: int) -> list[UUID]:
    """As good for a change of texts as the first, and made all at once; they are younger, as their
    ids tell."""
    copied = await owner.fetch(
        "INSERT INTO products SELECT (jsonb_populate_record(p, jsonb_build_object("
        "'id', made.id))).* FROM products p, unnest($2::uuid[]) AS made(id) WHERE p.id = $1 "
        "RETURNING id",
        product, [new_id() for _ in range(count)],
    )  # fmt: skip
    return [row["id"] for row in copied]


async def _spare(side: Side, number: int) -> None:
    await side.workspace.world.member(side.workspace, Role.VIEWER)
    name = f"spare-{number}"
    await _invite(side, name, name, _product(name, name))
