"""The workspace, its shops, its people and keys, and what was done in it."""

from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from commerce.pages import Listing, OrderBy, Window
from commerce.shops import queries as shop_queries
from commerce.shops.queries import ShopRow
from commerce.shops.sites import SITES, Site
from schema.connections import Connection, connect
from schema.context import Info
from schema.filters import DateTimeFilter, Filter, StringFilter, condition
from schema.loaders import Relation, declare, relation
from schema.money import CurrencyCode
from schema.nodes import Node, global_id, instances_of, node_id
from tenants import api_keys
from tenants import workspaces as queries
from tenants.api_keys import ApiKeyRow
from tenants.grants import Grant, Role
from tenants.identity import PrincipalKind
from tenants.invitations import InvitationRow, invitations_by_id, open_invitations
from tenants.pool import Row
from tenants.tables import AuditEntry as AuditTable
from tenants.workspaces import SellerProfile, UserRow, WorkspaceRow


@strawberry.type(description="A person: a member of this workspace, now or once.")
class User(Node):
    id: strawberry.ID = node_id("User", relation="user")
    email: str
    name: str

    is_type_of = instances_of(UserRow)


def _currency(root: strawberry.Parent[ShopRow]) -> CurrencyCode:
    return CurrencyCode(SITES[Site(root.site)].currency)


def _time_zone(root: strawberry.Parent[ShopRow]) -> str:
    return SITES[Site(root.site)].time_zone.key


@strawberry.type(description="The shop of this workspace on one site.")
class Shop(Node):
    id: strawberry.ID = node_id("Shop", relation="shop")
    site: Site
    name: str
    external_id: str | None
    legacy_id: str | None = strawberry.field(description="Its id in the former back office (W5).")
    currency: CurrencyCode = strawberry.field(resolver=_currency)
    time_zone: str = strawberry.field(resolver=_time_zone)

    is_type_of = instances_of(ShopRow)


@strawberry.type(description="A person in this workspace, with the role they hold.")
class Member:
    user: User = relation("user", key="user_id")
    role: Role
    created_at: datetime


@strawberry.type(description="A key of an integrator. Its secret is shown once, when it is made.")
class ApiKey(Node):
    id: strawberry.ID = node_id("ApiKey", relation="api_key")
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None

    is_type_of = instances_of(ApiKeyRow)


@strawberry.type(description="Somebody who may come in. The token is shown once, when it is made.")
class Invitation(Node):
    id: strawberry.ID = node_id("Invitation", relation="invitation")
    email: str
    role: Role
    created_at: datetime
    expires_at: datetime

    is_type_of = instances_of(InvitationRow)


async def _shops(info: Info) -> Any:
    return await shop_queries.shops(info.context.reading(Grant.WORKSPACE_READ))


async def _members(info: Info) -> Any:
    return await queries.members(info.context.reading(Grant.MEMBERS_READ))


async def _api_keys(info: Info) -> Any:
    return await api_keys.keys(info.context.reading(Grant.KEYS_MANAGE))


async def _invitations(info: Info) -> Any:
    return await open_invitations(info.context.reading(Grant.MEMBERS_MANAGE))


@strawberry.type(description="A seller with one shop per site, its people and its keys.")
class Workspace(Node):
    id: strawberry.ID = node_id("Workspace", relation="workspace")
    slug: str
    name: str
    legacy_id: str | None
    seller_profile: SellerProfile
    created_at: datetime
    shops: list[Shop] = strawberry.field(resolver=_shops)
    members: list[Member] = strawberry.field(resolver=_members)
    api_keys: list[ApiKey] = strawberry.field(resolver=_api_keys)
    invitations: list[Invitation] = strawberry.field(
        resolver=_invitations, description="Those that can still be accepted."
    )

    is_type_of = instances_of(WorkspaceRow)


declare(
    {
        "api_key": Relation(
            query=api_keys.keys_by_id, by="id", many=False, grant=Grant.KEYS_MANAGE
        ),
        "invitation": Relation(
            query=invitations_by_id, by="id", many=False, grant=Grant.MEMBERS_MANAGE
        ),
        "workspace": Relation(
            query=queries.workspaces_by_id, by="id", many=False, grant=Grant.WORKSPACE_READ
        ),
    }
)


async def workspace(info: Info) -> Any:
    return await queries.workspace(info.context.reading(Grant.WORKSPACE_READ))


async def workspace_by_legacy_id(info: Info, legacy_id: str) -> Any:
    """The caller's workspace, where that was its id in the former back office."""
    found = await queries.workspace(info.context.reading(Grant.WORKSPACE_READ))
    return found if found is not None and found.legacy_id == legacy_id else None


async def shop_by_legacy_id(info: Info, legacy_id: str) -> Any:
    reader = info.context.reading(Grant.WORKSPACE_READ)
    return await shop_queries.shop_by_legacy_id(reader, legacy_id)


@strawberry.type(description="Who is asking, and what they may do.")
class Viewer:
    kind: PrincipalKind
    role: Role | None
    grants: list[str]
    user: User | None
    workspace: Workspace = strawberry.field(resolver=workspace)


async def viewer(info: Info) -> Viewer:
    principal = info.context.principal
    user = None
    if principal.kind is PrincipalKind.USER:
        reader = info.context.reading(Grant.WORKSPACE_READ)
        user = next(iter(await queries.users_by_id(reader, [principal.id])), None)
    return Viewer(
        kind=principal.kind,
        role=principal.role,
        grants=sorted(grant.value for grant in principal.grants),
        user=user,  # type: ignore[arg-type]
    )


class AuditRow(Row):
    id: UUID
    occurred_at: datetime
    actor_kind: str
    actor_id: UUID
    action: str
    entity_type: str
    entity_id: UUID | None
    before: Any
    after: Any
    request_id: str


_audit: Any = AuditTable.__table__  # type: ignore[attr-defined]
AUDIT = Listing(
    table=_audit,
    row=AuditRow,
    rules={
        "action": _audit.c.action,
        "entity_type": _audit.c.entity_type,
        "actor_kind": _audit.c.actor_kind,
        "occurred_at": _audit.c.occurred_at,
    },
    orders={"OCCURRED_AT": _audit.c.occurred_at},
    default_order=(OrderBy("OCCURRED_AT", descending=True),),
)


def _audit_id(root: strawberry.Parent[AuditRow]) -> strawberry.ID:
    return global_id("AuditEntry", root.id)


def _actor_id(root: strawberry.Parent[AuditRow]) -> strawberry.ID | None:
    if root.actor_kind == PrincipalKind.SYSTEM:
        return None
    kind = "ApiKey" if root.actor_kind == PrincipalKind.API_KEY else "User"
    return global_id(kind, root.actor_id)


def _entity_id(root: strawberry.Parent[AuditRow]) -> strawberry.ID | None:
    return None if root.entity_id is None else global_id(root.entity_type, root.entity_id)


@strawberry.type(description="One change: who, when, with which credential, before and after.")
class AuditEntry:
    id: strawberry.ID = strawberry.field(resolver=_audit_id)
    occurred_at: datetime
    actor_kind: PrincipalKind
    actor_id: strawberry.ID | None = strawberry.field(
        resolver=_actor_id, description="A User or an ApiKey; null for the platform itself."
    )
    action: str
    entity_type: str
    entity_id: strawberry.ID | None = strawberry.field(resolver=_entity_id)
    before: strawberry.scalars.JSON | None
    after: strawberry.scalars.JSON | None
    request_id: str


@strawberry.input(description="Which audit entries; all that is given must hold.")
class AuditWhere:
    action: StringFilter | None = None
    entity_type: StringFilter | None = None
    actor_kind: Filter[PrincipalKind] | None = None
    occurred_at: DateTimeFilter | None = None
    and_: list["AuditWhere"] | None = strawberry.field(name="and", default=None)
    or_: list["AuditWhere"] | None = strawberry.field(name="or", default=None)
    not_: "AuditWhere | None" = strawberry.field(name="not", default=None)


async def audit_log(
    info: Info,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    where: AuditWhere | None = None,
) -> Any:
    return await connect(
        info.context.reading(Grant.AUDIT_READ),
        AUDIT,
        where=condition(where),
        order_by=[],
        window=Window(first=first, after=after, last=last, before=before),
    )


AuditConnection = Connection[AuditEntry]
