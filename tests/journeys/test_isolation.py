"""Two workspaces: whatever A asks with B's ids, B reads as absent and stays as it is."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from api.graphql.failures import RequestError
from api.graphql.operations import Operation
from commerce.orders.ingestion import IncomingLine, IncomingPackage
from commerce.orders.lifecycle import FulfilmentPath
from migrations.tables import metadata
from schema.nodes import global_id
from tenants.grants import Role
from tests.world import Answer, TestWorkspace, World, an_order

TENANT_TABLES = sorted(t.name for t in metadata.tables.values() if "workspace_id" in t.c)
NOWHERE = UUID("00000000-0000-7000-8000-000000000000")
CANARY = "canary"


@dataclass
class Two:
    """A asks; B holds one of each kind, with a canary in every text that can hold one."""

    a: TestWorkspace
    b: TestWorkspace
    ids: dict[str, UUID]
    order_external_id: str
    owner: asyncpg.Connection

    async def checksum(self) -> dict[str, str]:
        """One figure per table of B, seen past all walls."""
        return {
            name: await self.owner.fetchval(
                "SELECT count(*) || ':' || md5(coalesce(string_agg(t::text, '|' "
                f"ORDER BY t::text), '')) FROM {name} t WHERE workspace_id = $1",
                self.b.id,
            )
            for name in TENANT_TABLES
        }

    def theirs(self, kind: str) -> str:
        return global_id(kind, self.ids[kind])

    def absent(self, kind: str) -> str:
        return global_id(kind, NOWHERE)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def two(world: World) -> AsyncIterator[Two]:
    a, b = await world.workspace(), await world.workspace()
    database_url = world.parts.settings.database_url
    assert database_url is not None
    owner = await asyncpg.connect(database_url.get_secret_value())
    await a.product(title="Lamp of A")
    await a.order()
    both = Two(a, b, {}, "", owner)
    await furnish(both)
    await plant_canaries(both)
    yield both
    await owner.close()


async def furnish(two: Two) -> None:
    b, owner = two.b, two.owner
    product = await b.product(title="Lamp of B")
    order = await b.order(
        live_room_id=b.room_external_id,
        lines=(
            IncomingLine(
                seller_sku="B-1", product_name="Lamp", quantity=1, unit_price_micros=12_000_000
            ),
        ),
        packages=(
            IncomingPackage(
                external_id="P-1",
                path=FulfilmentPath.TIKTOK_SHIPPING,
                tracking_number="TRACK-B",
                carrier="Thailand Post",
            ),
        ),
    )
    await b.token(Role.VIEWER)
    made = await b.ask(
        'mutation { memberInvite(input: {email: "new@b.example", role: VIEWER})'
        "{ invitationId userErrors { message } }"
        ' apiKeyCreate(input: {name: "key of b", scopes: ["orders:read"]}) { apiKeyId } }'
    )
    assert made.errors == []
    one = owner.fetchval
    two.ids = {
        "Product": product,
        "Sku": await one("SELECT id FROM skus WHERE product_id = $1 LIMIT 1", product),
        "Order": order,
        "Package": await one("SELECT id FROM packages WHERE order_id = $1 LIMIT 1", order),
        "LiveRoom": b.room_id,
        "Warehouse": b.warehouse_id,
        "Shop": await one("SELECT id FROM shops WHERE workspace_id = $1", b.id),
        "User": await one(
            "SELECT user_id FROM memberships WHERE workspace_id = $1 AND role = 'VIEWER'", b.id
        ),
        "ApiKey": await one("SELECT id FROM api_keys WHERE workspace_id = $1", b.id),
        "Invitation": await one("SELECT id FROM invitations WHERE workspace_id = $1", b.id),
        "Workspace": b.id,
    }
    assert None not in two.ids.values()


async def plant_canaries(two: Two) -> None:
    """A canary in every text column of B's rows that no constraint forbids."""
    planted = 0
    columns = await two.owner.fetch(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_name = ANY($1) AND data_type = 'text'",
        TENANT_TABLES,
    )
    for table, column in columns:
        if (table, column) in {("orders", "external_id"), ("live_rooms", "external_id")}:
            continue  # asked for by name below
        statement = (
            f"UPDATE {table} SET {column} = '{CANARY}-{column}-' || left(md5(random()::text), 6) "
            "WHERE workspace_id = $1"
        )
        try:
            async with two.owner.transaction():
                planted += int((await two.owner.execute(statement, two.b.id)).split()[-1]) > 0
        except asyncpg.IntegrityConstraintViolationError:
            continue  # statuses, sites and currencies hold none
    await two.owner.execute(
        "UPDATE users SET name = $2 WHERE id = $1", two.ids["User"], f"{CANARY}-name"
    )
    two.order_external_id = await two.owner.fetchval(
        "SELECT external_id FROM orders WHERE id = $1", two.ids["Order"]
    )
    assert planted > 25


def said(answer: Answer) -> str:
    return json.dumps([answer.data, answer.errors], default=str)


def nothing_of_b(two: Two, answer: Answer) -> None:
    text = said(answer)
    assert CANARY not in text
    assert two.order_external_id not in text
    assert not any(str(value) in text for value in two.ids.values())


NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
KINDS = (
    "Product", "Sku", "Order", "Package", "LiveRoom", "Warehouse", "Shop", "User", "ApiKey",
    "Invitation", "Workspace",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
async def test_node_answers_for_a_foreign_id_as_for_one_that_never_was(two: Two, kind: str) -> None:
    foreign = await two.a.ask(NODE, {"id": two.theirs(kind)})
    absent = await two.a.ask(NODE, {"id": two.absent(kind)})

    assert (foreign.data, foreign.errors) == (absent.data, absent.errors)
    assert foreign.data == {"node": None} or foreign.code == "BAD_USER_INPUT"


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in {"Package", "Warehouse"}])
async def test_node_finds_the_same_id_in_its_own_workspace(two: Two, kind: str) -> None:
    found = await two.b.ask(NODE, {"id": two.theirs(kind)})

    assert found.errors == []
    assert found.data["node"] == {"__typename": kind, "id": two.theirs(kind)}


@pytest.mark.parametrize(
    ("field", "kind"),
    [("product", "Product"), ("sku", "Sku"), ("order", "Order"), ("liveRoom", "LiveRoom")],
)
async def test_a_foreign_entity_is_null(two: Two, field: str, kind: str) -> None:
    query = f"query ($id: ID!) {{ {field}(id: $id) {{ id }} }}"

    foreign = await two.a.ask(query, {"id": two.theirs(kind)})
    absent = await two.a.ask(query, {"id": two.absent(kind)})
    own = await two.b.ask(query, {"id": two.theirs(kind)})

    assert (foreign.data, foreign.errors) == (absent.data, absent.errors) == ({field: None}, [])
    assert own.data == {field: {"id": two.theirs(kind)}}


LISTS = """
query ($product: ProductWhere, $order: OrderWhere, $line: OrderLineWhere, $room: LiveRoomWhere) {
  products(where: $product) { totalCount nodes { id title } }
  orders(where: $order) { totalCount nodes { id externalId } }
  orderLineFigures(where: $line) { lines }
  liveRooms(where: $room) { totalCount nodes { id title } }
}
"""


async def test_filters_by_what_b_holds_find_nothing(two: Two) -> None:
    seller_sku = await two.owner.fetchval(
        "SELECT seller_sku FROM skus WHERE id = $1", two.ids["Sku"]
    )
    filters: list[dict[str, Any]] = [
        {"product": {"sellerSku": seller_sku}},
        {"product": {"search": CANARY}},
        {"order": {"externalId": {"eq": two.order_external_id}}},
        {"order": {"search": two.order_external_id}},
        {"order": {"liveRoomId": {"eq": two.theirs("LiveRoom")}}},
        {"line": {"liveRoomId": {"eq": two.theirs("LiveRoom")}}},
        {"room": {"externalId": {"eq": two.b.room_external_id}}},
        {"room": {"search": CANARY}},
    ]
    for given in filters:
        (name,) = given
        field = {
            "product": "products", "order": "orders", "line": "orderLineFigures",
            "room": "liveRooms",
        }[name]  # fmt: skip

        answer = await two.a.ask(LISTS, given)

        assert answer.errors == [], given
        nothing_of_b(two, answer)
        found = answer.data[field]
        empty = [] if isinstance(found, list) else {"totalCount": 0, "nodes": []}
        assert found in (empty, [{"lines": 0}]), given


EVERYTHING = """
{
  viewer { user { name } workspace { name slug } }
  workspace {
    id name legacyId shops { id name externalId } members { user { email name } }
    apiKeys { name scopes } invitations { email }
  }
  auditLog(first: 100) { nodes { action entityId before after requestId } totalCount }
  warehouses { id name }
  products(first: 100) {
    totalCount
    nodes {
      id title description brand attributes { name values } translations { title }
      media { url } skus { sellerSku stock { warehouseName } } listings { site }
    }
  }
  orders(first: 100) {
    totalCount
    nodes {
      id externalId buyerId buyerNickname lines { sellerSku productName }
      packages { trackingNumber tracking { description } } liveRoom { title }
    }
  }
  liveRooms(first: 100) { totalCount nodes { id title } }
}
"""


async def test_no_list_no_count_and_no_log_of_a_holds_anything_of_b(two: Two) -> None:
    answer = await two.a.ask(EVERYTHING)

    assert answer.errors == []
    nothing_of_b(two, answer)
    assert answer.data["products"]["totalCount"] == 1
    assert answer.data["orders"]["totalCount"] == 1
    assert answer.data["liveRooms"]["totalCount"] == 1
    assert CANARY in said(await two.b.ask(EVERYTHING))


@pytest.mark.parametrize("field", ["products", "orders", "liveRooms", "auditLog"])
async def test_a_cursor_made_in_b_leads_to_nothing_of_b(two: Two, field: str) -> None:
    page = "(first: 50, after: $after) { edges { cursor node { id } } }"
    query = f"query ($after: String) {{ {field}{page} }}"
    theirs = (await two.b.ask(query)).data[field]["edges"]
    own = {edge["node"]["id"] for edge in (await two.a.ask(query)).data[field]["edges"]}

    beyond = await two.a.ask(query, {"after": theirs[0]["cursor"]})

    assert beyond.errors == []
    assert {edge["node"]["id"] for edge in beyond.data[field]["edges"]} <= own
    nothing_of_b(two, beyond)


async def test_legacy_ids_of_b_are_unknown_to_a(two: Two) -> None:
    await two.owner.execute(
        "UPDATE workspaces SET legacy_id = $2 WHERE id = $1", two.b.id, two.b.slug
    )
    shop = await two.owner.fetchval("SELECT legacy_id FROM shops WHERE id = $1", two.ids["Shop"])
    query = """query ($shop: String!, $workspace: String!) {
        shopByLegacyId(legacyId: $shop) { id } workspaceByLegacyId(legacyId: $workspace) { id } }"""
    given = {"shop": shop, "workspace": two.b.slug}

    foreign, own = await two.a.ask(query, given), await two.b.ask(query, given)

    assert foreign.data == {"shopByLegacyId": None, "workspaceByLegacyId": None}
    assert own.data["shopByLegacyId"] == {"id": two.theirs("Shop")}
    assert own.data["workspaceByLegacyId"] == {"id": two.theirs("Workspace")}


def _key() -> str:
    return str(uuid4())


NOW = datetime.now(UTC).isoformat()
MUTATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "productUpdate": ("Product", "productId", {"expectedVersion": 1, "title": "Taken over"}),
    "productActivate": ("Product", "productId", {}),
    "productDeactivate": ("Product", "productId", {}),
    "orderShip": ("Order", "orderId", {"idempotencyKey": ""}),
    "orderCancel": ("Order", "orderId", {"reason": "mine now", "idempotencyKey": ""}),
    "packageTrack": ("Package", "packageId", {"code": "DELIVERED", "occurredAt": NOW}),
    "memberChangeRole": ("User", "userId", {"role": "OWNER"}),
    "memberPart": ("User", "userId", {}),
    "memberInvitationRevoke": ("Invitation", "invitationId", {}),
    "apiKeyRevoke": ("ApiKey", "apiKeyId", {}),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_mutation_with_a_foreign_id_is_refused_like_one_with_an_unknown_id(
    two: Two, mutation: str
) -> None:
    kind, argument, given = MUTATIONS[mutation]
    name = f"{mutation[0].upper()}{mutation[1:]}Input"
    name = "ProductMoveInput" if mutation.endswith("ctivate") else name
    payload = "(input: $input) { userErrors { code field message } }"
    query = f"mutation ($input: {name}!) {{ {mutation}{payload} }}"
    before = await two.checksum()
    answers = []
    for named in (two.theirs(kind), two.absent(kind)):
        values = {**given, argument: named}
        if "idempotencyKey" in values:
            values["idempotencyKey"] = _key()
        answers.append(await two.a.ask(query, {"input": values}))
    foreign, absent = answers

    assert (foreign.data, foreign.errors) == (absent.data, absent.errors)
    assert foreign.errors == []
    (error,) = foreign.data[mutation]["userErrors"]
    assert error["code"] == "NOT_FOUND"
    assert error["field"] == [argument]
    nothing_of_b(two, foreign)
    assert await two.checksum() == before


CREATE = """mutation ($input: ProductCreateInput!) {
  productCreate(input: $input) { product { id } userErrors { code field message } } }"""


def a_lamp(warehouse: str, key: str) -> dict[str, Any]:
    sku = {
        "sellerSku": f"L-{key}",
        "price": {"amount": "10.00", "currencyCode": "THB"},
        "stock": [{"warehouseId": warehouse, "available": 1}],
    }
    return {"title": "Lamp", "skus": [sku], "idempotencyKey": key}


async def test_stock_cannot_be_put_into_a_foreign_warehouse(two: Two) -> None:
    before = await two.checksum()

    foreign = await two.a.ask(CREATE, {"input": a_lamp(two.theirs("Warehouse"), "lamp-key")})
    absent = await two.a.ask(CREATE, {"input": a_lamp(two.absent("Warehouse"), "lamp-key")})

    assert (foreign.data, foreign.errors) == (absent.data, absent.errors)
    assert foreign.data["productCreate"]["product"] is None
    assert [e["code"] for e in foreign.data["productCreate"]["userErrors"]] == ["NOT_FOUND"]
    assert await two.checksum() == before


async def test_a_key_used_in_b_is_new_in_a(two: Two) -> None:
    theirs = await two.b.ask(CREATE, {"input": a_lamp(two.theirs("Warehouse"), "same-key")})
    before = await two.checksum()

    own = await two.a.ask(CREATE, {"input": a_lamp(two.a.warehouse_global_id, "same-key")})

    assert own.data["productCreate"]["userErrors"] == []
    first, second = (a.data["productCreate"]["product"]["id"] for a in (theirs, own))
    assert first != second
    assert await two.checksum() == before


async def test_an_order_with_the_external_ids_of_b_is_an_order_of_a(two: Two) -> None:
    query = """mutation ($input: OrderIngestInput!) { orderIngest(input: $input) {
        results { externalId outcome reason order { id liveRoom { id } } }
        userErrors { code } } }"""
    line = {
        "sellerSku": "B-1", "productName": "Lamp", "quantity": 1,
        "unitPrice": {"amount": "12.00", "currencyCode": "THB"},
    }  # fmt: skip
    incoming = {
        "externalId": two.order_external_id, "site": "TH", "currencyCode": "THB", "placedAt": NOW,
        "roomId": two.b.room_external_id, "lines": [line],
    }  # fmt: skip
    unknown = {**incoming, "externalId": "999999999999999999", "roomId": "7999999999999999999"}
    before = await two.checksum()

    answer = await two.a.ask(query, {"input": {"orders": [incoming, unknown]}})

    first, second = answer.data["orderIngest"]["results"]
    assert first["outcome"] == second["outcome"]
    assert (first["reason"] is None) == (second["reason"] is None)
    assert two.theirs("Order") not in said(answer)
    assert two.theirs("LiveRoom") not in said(answer)
    assert CANARY not in said(answer)
    assert await two.checksum() == before
    await two.owner.execute(
        "DELETE FROM orders WHERE workspace_id = $1 AND external_id = ANY($2)",
        two.a.id, [two.order_external_id, "999999999999999999"],
    )  # fmt: skip


async def test_a_subscription_to_a_foreign_room_is_refused_like_one_to_no_room(
    two: Two, world: World
) -> None:
    told = []
    principal = await world.access.principal(f"Bearer {await two.a.token()}")
    for room in (two.theirs("LiveRoom"), two.absent("LiveRoom")):
        query = "subscription ($id: ID!) { liveOrders(roomId: $id) { __typename } }"
        prepared = await world.execution.prepare(Operation(query, {"id": room}), principal)
        stream = world.execution.subscribe(prepared, principal, request_id="test")
        with pytest.raises(RequestError) as refused:
            await anext(stream)
        told.append(
            [(e.message, getattr(e.original_error, "code", None)) for e in refused.value.errors]
        )

    assert told[0] == told[1]
    assert told[0] == [("`roomId` names no LIVE room of this workspace.", "BAD_USER_INPUT")]


async def test_a_token_of_a_opens_no_transaction_of_b(two: Two, world: World) -> None:
    """Even a principal that claims B with A's session is refused by the opening statement."""
    from dataclasses import replace

    principal = await world.access.principal(f"Bearer {await two.a.token()}")
    forged = replace(principal, workspace_id=two.b.id)

    answer = await world.ask_as(forged, "{ workspace { name } }")

    assert answer.code == "UNAUTHENTICATED"
    nothing_of_b(two, answer)


async def test_the_harness_notices_a_wall_that_is_missing(world: World) -> None:
    """In a copy of the database: without its policy, a table leaks to the application's role."""
    settings = world.parts.settings
    assert settings.database_url is not None
    assert settings.app_database_url is not None
    owner_url, app_url = (
        url.get_secret_value() for url in (settings.database_url, settings.app_database_url)
    )
    name = f"seller_walls_{uuid4().hex[:8]}"
    copy_owner, copy_app = (url.rsplit("/", 1)[0] + f"/{name}" for url in (owner_url, app_url))
    from migrations.upgrade import migrate

    server = await asyncpg.connect(owner_url)
    await server.execute(f"CREATE DATABASE {name}")
    try:
        await migrate(owner_url=copy_owner, app_url=copy_app)
        assert await _seen_by(copy_owner, copy_app, "product") == 1
        owner = await asyncpg.connect(copy_owner)
        await owner.execute("DROP POLICY workspace ON products")
        await owner.execute("ALTER TABLE products NO FORCE ROW LEVEL SECURITY")
        await owner.execute("ALTER TABLE products DISABLE ROW LEVEL SECURITY")
        await owner.close()
        assert await _seen_by(copy_owner, copy_app, "leak") == 4
    finally:
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await server.close()


async def _seen_by(owner_url: str, app_url: str, title: str) -> int:
    """How many products the app sees in one of two new workspaces, with no WHERE."""
    workspaces = [uuid4(), uuid4()]
    owner = await asyncpg.connect(owner_url)
    for workspace in workspaces:
        await owner.execute(
            "INSERT INTO workspaces VALUES ($1, $2, $2, NULL, 'FACTORY', now(), now(), 1)",
            workspace, f"w-{workspace.hex}",
        )  # fmt: skip
        await owner.execute(
            "INSERT INTO products (workspace_id, id, title, description, status, attributes, "
            "created_at, updated_at, version) "
            "VALUES ($1, $2, $3, '', 'ACTIVATE', '[]', now(), now(), 1)",
            workspace, uuid4(), title,
        )  # fmt: skip
    await owner.close()
    app = await asyncpg.connect(app_url)
    async with app.transaction():
        await app.execute(f"SET LOCAL app.workspace_id = '{workspaces[0]}'")
        seen: int = await app.fetchval("SELECT count(*) FROM products")
    await app.close()
    return seen


async def test_one_order_of_each_is_all_there_is(two: Two) -> None:
    """What the tests above asked of B is there for B: the denials were no accident."""
    answer = await two.b.ask(LISTS, {"order": {"externalId": {"eq": two.order_external_id}}})

    assert answer.data["orders"]["totalCount"] == 1
    assert an_order().external_id not in said(answer)
