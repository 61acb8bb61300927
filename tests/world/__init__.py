"""Makes workspaces with people, products and orders, and asks as any of them."""

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from api.graphql.answers import encoded
from api.graphql.execution import Execution, failure
from api.graphql.failures import RequestError
from api.graphql.operations import Operation
from api.graphql.set_up import build_execution
from api.parts import Parts
from commerce.catalogue import drafts
from commerce.catalogue import operations as catalogue
from commerce.live.operations import start_room
from commerce.money import to_micros
from commerce.orders.ingest import IngestResult, ingest
from commerce.orders.ingestion import IncomingLine, IncomingOrder, Recipient
from commerce.orders.lifecycle import FulfilmentPath, OrderStatus
from commerce.shops.operations import open_shop
from commerce.shops.sites import Site
from commerce.stock.operations import add_warehouse
from execution import Plans
from schema.context import Context
from schema.nodes import global_id
from tenants.database import WorkspaceDatabase, Writer
from tenants.grants import GRANTS_BY_ROLE, Role
from tenants.identity import Principal, PrincipalKind, system_principal
from tenants.workspaces import ensure_user, join, open_workspace
from tests.execution import comparing
from tests.execution.comparing import differences


@dataclass(frozen=True)
class Answer:
    """What an operation answered, and how many statements it took."""

    data: Any
    errors: list[dict[str, Any]]
    statements: int

    @property
    def code(self) -> str | None:
        return self.errors[0]["extensions"]["code"] if self.errors else None


@dataclass
class TestWorkspace:
    """One tenant of the test's own, with an OWNER and whoever is asked for."""

    __test__ = False
    world: "World"
    id: UUID
    slug: str
    warehouse_id: UUID
    room_id: UUID
    room_external_id: str
    _tokens: dict[Role, str] = field(default_factory=dict)

    @property
    def room_global_id(self) -> str:
        return global_id("LiveRoom", self.room_id)

    @property
    def warehouse_global_id(self) -> str:
        return global_id("Warehouse", self.warehouse_id)

    def system(self) -> WorkspaceDatabase:
        return self.world.parts.open_database(system_principal(self.id), "test")

    async def token(self, role: Role = Role.OWNER) -> str:
        """An access token of a member with that role, made on first use."""
        if role not in self._tokens:
            self._tokens[role] = await self.world.member(self, role)
        return self._tokens[role]

    async def ask(
        self,
        query: str,
        variables: dict[str, Any] | None = None,
        *,
        role: Role = Role.OWNER,
        authorization: str | None = None,
    ) -> Answer:
        """Run an operation as a member, through the same execution that HTTP calls."""
        token = authorization or f"Bearer {await self.token(role)}"
        return await self.world.ask(query, variables, authorization=token)

    async def product(self, **given: Any) -> UUID:
        """A product in DRAFT with `skus` (2) SKUs, each with stock and a price of 10.00."""
        count = given.pop("skus", 2)
        code = secrets.token_hex(4)
        product = drafts.NewProduct(
            title=given.pop("title", f"Product {code}"),
            skus=tuple(
                drafts.NewSku(
                    seller_sku=f"{code}-{n}",
                    price_minor=1_000,
                    currency="THB",
                    stock=(drafts.NewStock(warehouse_id=self.warehouse_id, available=10),),
                )
                for n in range(count)
            ),
            translations=(drafts.NewTranslation(locale="th-TH", title=f"สินค้า {code}"),),
            sites=(Site.TH,),
            **given,
        )

        async def work(writer: Writer) -> UUID:
            return await catalogue.create(writer, product)

        return await self.system().change("test", work)

    async def order(self, **given: Any) -> UUID:
        """One order of one line; see `an_order` for what can be given."""
        (result,) = await self.ingest([an_order(**given)])
        assert result.order_id is not None, result.reason
        return result.order_id

    async def ingest(self, orders: list[IncomingOrder]) -> list[IngestResult]:
        return await self.system().change("test", lambda writer: ingest(writer, orders))


def an_order(**given: Any) -> IncomingOrder:
    """An incoming order of one line of 2 x 12.50 THB, awaiting shipment."""
    lines = given.pop(
        "lines",
        (
            IncomingLine(
                seller_sku="SKU-1",
                product_name="A thing",
                quantity=2,
                unit_price_micros=to_micros(Decimal("12.50")),
            ),
        ),
    )
    values: dict[str, Any] = {
        "channel": "TIKTOK_SHOP",
        "external_id": str(secrets.randbelow(10**18)),
        "site": Site.TH,
        "status": OrderStatus.AWAITING_SHIPMENT,
        "currency": "THB",
        "placed_at": datetime.now(UTC),
        "path": FulfilmentPath.TIKTOK_SHIPPING,
        "buyer_nickname": "mali.s",
        "recipient": Recipient(
            name="Mali Saetang", phone="+66812345678", country="TH", address_line="99 Sukhumvit"
        ),
        "lines": lines,
    }
    return IncomingOrder(**{**values, **given})


class World:
    """Makes what tests need; everything is made through the product's own operations."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        built = build_execution(parts)
        # Compiled when first met, and at once: most of what tests ask is asked once.
        plans = Plans(built.engine.schema, compile_at=1)
        self.execution = replace(built, engine=replace(built.engine, plans=plans))
        from api.access import Access
        from tenants.api_keys import ApiKeys

        self.access = Access(parts.tokens, ApiKeys(parts.pool))

    async def workspace(self) -> TestWorkspace:
        slug = f"test-{secrets.token_hex(6)}"
        workspace_id = await open_workspace(self.parts.pool, slug=slug, name=slug)
        room_external_id = str(7 * 10**18 + secrets.randbelow(10**17))

        async def furnish(writer: Writer) -> tuple[UUID, UUID]:
            await open_shop(writer, site=Site.TH, name=slug)
            warehouse_id = await add_warehouse(writer, name="Main")
            room_id = await start_room(
                writer, external_id=room_external_id, site=Site.TH, title="Test", host="Ploy"
            )
            return warehouse_id, room_id

        database = self.parts.open_database(system_principal(workspace_id), "test")
        warehouse_id, room_id = await database.change("test", furnish)
        return TestWorkspace(self, workspace_id, slug, warehouse_id, room_id, room_external_id)

    async def member(
        self, workspace: TestWorkspace, role: Role, *, lifetime: timedelta | None = None
    ) -> str:
        """A new person with that role; their access token."""
        now = datetime.now(UTC)
        email = f"{role.value.lower()}-{secrets.token_hex(4)}@{workspace.slug}.example"
        user_id = await ensure_user(
            self.parts.pool, email=email, name=role.value, password_hash=None, at=now
        )

        async def work(writer: Writer) -> None:
            await join(writer, user_id, role)

        await workspace.system().change("test", work)
        signed_in = await self.parts.sessions.open(
            user_id=user_id, workspace_id=workspace.id, role=role, at=now, lifetime=lifetime
        )
        return signed_in.access_token

    async def ask(
        self, query: str, variables: dict[str, Any] | None = None, *, authorization: str
    ) -> Answer:
        principal = await self.access.principal(authorization)
        return await self.ask_as(principal, query, variables)

    async def ask_as(
        self, principal: Principal, query: str, variables: dict[str, Any] | None = None
    ) -> Answer:
        answer, statements = await self._ran(self.execution, principal, query, variables)
        if not _changes_something(query):
            engine = replace(self.execution.engine, plans=None)
            by_graphql_core = replace(self.execution, engine=engine)
            other, others = await self._ran(by_graphql_core, principal, query, variables)
            assert differences(_comparable(other), _comparable(answer)) == []
            assert statements == others or answer.get("errors")  # what failed may end the rest
        return Answer(answer.get("data"), answer.get("errors", []), statements)

    async def _ran(
        self, execution: Execution, principal: Principal, query: str, variables: Any
    ) -> tuple[Any, int]:
        """What a client would read, and the number of statements that it took."""
        opened: list[Context] = []

        def open_context(who: Principal, request_id: str) -> Context:
            opened.append(self.execution.open_context(who, request_id))
            return opened[-1]

        execution = replace(execution, open_context=open_context)
        try:
            prepared = await execution.prepare(Operation(query, variables), principal)
            answer = await execution.run(prepared, principal, request_id="test")
        except RequestError as error:
            answer = failure(error.errors, "test")
        statements = opened[0].database.statements if opened else 0
        return orjson.loads(encoded(answer)), statements


def _changes_something(query: str) -> bool:
    return "mutation" in query


def _comparable(answer: Any) -> comparing.Answer:
    errors = [
        comparing.Told(
            tuple(error.get("path", ())),
            error["message"],
            tuple((place["line"], place["column"]) for place in error.get("locations", ())),
            extensions=repr(error["extensions"]),
        )
        for error in answer.get("errors", ())
    ]
    return comparing.Answer(comparing.as_json(answer.get("data")), tuple(errors))


def principal_with(workspace: TestWorkspace, role: Role) -> Principal:
    """A principal that no token stands for: for tests of the doors below the API."""
    return Principal(
        kind=PrincipalKind.SYSTEM,
        id=UUID(int=0),
        workspace_id=workspace.id,
        grants=GRANTS_BY_ROLE[role],
        role=role,
    )
