"""The schema: every question, change and stream a client can ask for, by name."""

import functools
from datetime import datetime
from decimal import Decimal

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter

import schema.enums
import schema.relations
from commerce.orders.gmv import HOURS_OF_WEEK
from schema.bulk_queries import BulkQueryRunPayload, bulk_query_run
from schema.costs import cost, list_size
from schema.gmv import HourlyGmv, hourly_gmv
from schema.inputs import read_by_plan
from schema.jobs import JobConnection, JobPayload, job_cancel, jobs
from schema.live_rooms import LiveRoom, LiveRoomConnection, live_room, live_rooms
from schema.money import CURRENCY_CODE, CurrencyCode
from schema.mutations import Refused, TransitionRefused, VersionConflict
from schema.nodes import Node, find_node
from schema.order_figures import OrderLineFigures, order_line_figures
from schema.order_ingest import OrderIngestPayload, order_ingest
from schema.order_mutations import OrderPayload, order_cancel, order_ship, package_track
from schema.order_stream import live_orders, order_updates
from schema.orders import Order, OrderConnection, order, orders
from schema.product_mutations import (
    ProductPayload,
    product_activate,
    product_create,
    product_deactivate,
    product_update,
)
from schema.products import (
    Category,
    Product,
    ProductConnection,
    Sku,
    categories,
    product,
    products,
    sku,
)
from schema.scalars import DATE_TIME, DECIMAL, DOCUMENT, Document
from schema.stock import Warehouse, warehouses
from schema.workspace_mutations import (
    ApiKeyCreatePayload,
    DonePayload,
    MemberInvitePayload,
    api_key_create,
    api_key_revoke,
    member_change_role,
    member_invitation_revoke,
    member_invite,
    member_part,
)
from schema.workspaces import (
    AuditConnection,
    Shop,
    Viewer,
    Workspace,
    audit_log,
    shop_by_legacy_id,
    viewer,
    workspace,
    workspace_by_legacy_id,
)

assert schema.enums  # noqa: S101 - imported for what they register
assert schema.relations  # noqa: S101


@strawberry.type(description="What can be asked; every answer comes from one snapshot.")
class Query:
    viewer: Viewer = strawberry.field(
        resolver=viewer, description="Who is asking, and what they may do."
    )
    workspace: Workspace = strawberry.field(
        resolver=workspace,
        description="The workspace of your credential; there is no other to see.",
    )
    workspace_by_legacy_id: Workspace | None = strawberry.field(
        resolver=workspace_by_legacy_id,
        description="This workspace, looked up by its id in the former back office (W5).",
    )
    shop_by_legacy_id: Shop | None = strawberry.field(
        resolver=shop_by_legacy_id, description="A shop by its id in the former back office."
    )
    audit_log: AuditConnection = strawberry.field(
        resolver=audit_log,
        description="What was changed, by whom; newest first. For OWNER and ADMIN.",
    )
    node: Node | None = strawberry.field(
        resolver=find_node,
        description="Anything by its global id; null where this workspace has nothing by that id.",
    )
    product: Product | None = strawberry.field(
        resolver=product, description="One product; null where there is none."
    )
    products: ProductConnection = strawberry.field(
        resolver=products,
        description="Newest first unless `orderBy` says otherwise. 20 a page, at most 100.",
    )
    sku: Sku | None = strawberry.field(
        resolver=sku, description="One SKU; null where there is none."
    )
    categories: list[Category] = strawberry.field(
        resolver=categories, description="The platform's category tree, top first."
    )
    warehouses: list[Warehouse] = strawberry.field(
        resolver=warehouses, description="All warehouses of the workspace, by name."
    )
    order: Order | None = strawberry.field(
        resolver=order, description="One order; null where there is none."
    )
    orders: OrderConnection = strawberry.field(
        resolver=orders,
        description="Orders, newest first unless `orderBy` says otherwise. 20 a page, at most 100.",
    )
    order_line_figures: list[OrderLineFigures] = strawberry.field(
        resolver=order_line_figures,
        description="Exact sums over order lines, one entry a currency.",
        directives=cost(20),
    )
    gmv_by_hour_of_week: list[HourlyGmv] = strawberry.field(
        resolver=hourly_gmv,
        description="Where in the week GMV is made, by site: a heat map. Unpaid and cancelled "
        "orders are left out, and hours without orders.",
        directives=[*cost(20), *list_size(HOURS_OF_WEEK)],
    )
    live_room: LiveRoom | None = strawberry.field(
        resolver=live_room, description="One LIVE room; null where there is none."
    )
    live_rooms: LiveRoomConnection = strawberry.field(
        resolver=live_rooms, description="LIVE rooms, newest first. 20 a page, at most 100."
    )
    jobs: JobConnection = strawberry.field(
        resolver=jobs, description="Background work, newest first. 20 a page, at most 100."
    )


@strawberry.type(
    description="What can be changed; each is one transaction, and refusals are `userErrors`."
)
class Mutation:
    product_create: ProductPayload = strawberry.mutation(
        resolver=product_create,
        description="Create a product in DRAFT, with its SKUs and their stock.",
    )
    product_update: ProductPayload = strawberry.mutation(
        resolver=product_update,
        description="Change a product's texts; what is left out stays as it is.",
    )
    product_activate: ProductPayload = strawberry.mutation(
        resolver=product_activate,
        description="Put a product on sale on every site it is listed for.",
    )
    product_deactivate: ProductPayload = strawberry.mutation(
        resolver=product_deactivate, description="Take a product off sale on every site."
    )
    order_ingest: OrderIngestPayload = strawberry.mutation(
        resolver=order_ingest,
        description="Report 1 to 500 orders of a channel; a repeated report changes nothing.",
    )
    order_ship: OrderPayload = strawberry.mutation(
        resolver=order_ship, description="Hand a package of an order over to its carrier."
    )
    order_cancel: OrderPayload = strawberry.mutation(
        resolver=order_cancel, description="Call an order off, with all of its packages."
    )
    package_track: OrderPayload = strawberry.mutation(
        resolver=package_track,
        description="Note what a carrier reports; package and order move on accordingly.",
    )
    member_invite: MemberInvitePayload = strawberry.mutation(
        resolver=member_invite,
        description="Invite somebody by e-mail address; the token is shown once.",
    )
    member_invitation_revoke: DonePayload = strawberry.mutation(
        resolver=member_invitation_revoke,
        description="End an invitation that was not accepted yet.",
    )
    member_change_role: DonePayload = strawberry.mutation(
        resolver=member_change_role,
        description="Give a member another role; their tokens are refused from now on.",
    )
    member_part: DonePayload = strawberry.mutation(
        resolver=member_part, description="End a membership; its tokens are refused from now on."
    )
    api_key_create: ApiKeyCreatePayload = strawberry.mutation(
        resolver=api_key_create, description="Make an API key; it is shown once."
    )
    api_key_revoke: DonePayload = strawberry.mutation(
        resolver=api_key_revoke, description="End an API key at once."
    )
    bulk_query_run: BulkQueryRunPayload = strawberry.mutation(
        resolver=bulk_query_run,
        description="Have a connection read to its end, into a file of a line of JSON for each "
        "of its nodes.",
    )
    job_cancel: JobPayload = strawberry.mutation(
        resolver=job_cancel, description="End a job; one that runs stops at its next step."
    )


@strawberry.type(description="What is told as it happens.")
class Subscription:
    live_orders = strawberry.subscription(resolver=live_orders)
    order_updates = strawberry.subscription(resolver=order_updates)


class RememberedNames(NameConverter):
    """Strawberry works out the name of a field anew for every object of an input."""

    apply_naming_config = functools.cache(NameConverter.apply_naming_config)


SCHEMA = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[Refused, TransitionRefused, VersionConflict],
    config=StrawberryConfig(
        name_converter=RememberedNames(),
        scalar_map={
            CurrencyCode: CURRENCY_CODE,
            datetime: DATE_TIME,
            Decimal: DECIMAL,
            Document: DOCUMENT,
        },
    ),
)
read_by_plan(SCHEMA)


def printed() -> str:
    """The schema as committed in schema/schema.graphql."""
    return SCHEMA.as_str() + "\n"
