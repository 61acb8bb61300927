"""Changes to orders by their seller: shipped, cancelled, tracked."""

from datetime import datetime
from typing import Any

import strawberry

from commerce.orders import operations
from commerce.orders.lifecycle import TrackingCode
from schema.context import Info
from schema.mutations import UserError, entity, perform
from schema.nodes import local_id
from schema.orders import Order
from tenants.database import Writer
from tenants.grants import Grant


@strawberry.type(description="The order as it is after the change.")
class OrderPayload:
    order: Order | None = None
    user_errors: list[UserError]


@strawberry.input(description="Which package is handed over, and to whom.")
class OrderShipInput:
    order_id: strawberry.ID
    package_id: strawberry.ID | None = strawberry.field(
        default=None, description="Needed only where several packages wait."
    )
    carrier: str | None = None
    tracking_number: str | None = None
    expected_version: int | None = None
    idempotency_key: str


@strawberry.input(description="Which order is called off, and why.")
class OrderCancelInput:
    order_id: strawberry.ID
    reason: str
    expected_version: int | None = None
    idempotency_key: str


@strawberry.input(description="What a carrier reports of a package.")
class PackageTrackInput:
    package_id: strawberry.ID
    code: TrackingCode
    occurred_at: datetime
    description: str = ""
    location: str | None = None


async def order_ship(info: Info, input: OrderShipInput) -> OrderPayload:
    order_id = local_id("Order", input.order_id, argument="orderId")
    package_id = (
        None
        if input.package_id is None
        else local_id("Package", input.package_id, argument="packageId")
    )

    async def work(writer: Writer) -> str:
        shipped = await operations.ship(
            writer,
            order_id,
            package_id=package_id,
            carrier=input.carrier,
            tracking_number=input.tracking_number,
            expected_version=input.expected_version,
        )
        return str(shipped)

    return await _once(info, "orderShip", input, work)


async def order_cancel(info: Info, input: OrderCancelInput) -> OrderPayload:
    order_id = local_id("Order", input.order_id, argument="orderId")

    async def work(writer: Writer) -> str:
        cancelled = await operations.cancel(
            writer, order_id, reason=input.reason, expected_version=input.expected_version
        )
        return str(cancelled)

    return await _once(info, "orderCancel", input, work)


async def package_track(info: Info, input: PackageTrackInput) -> OrderPayload:
    package_id = local_id("Package", input.package_id, argument="packageId")
    tracking = operations.Tracking(
        code=input.code,
        occurred_at=input.occurred_at,
        description=input.description,
        location=input.location,
    )
    return await perform(
        info,
        OrderPayload,
        grant=Grant.ORDERS_MANAGE,
        action="packageTrack",
        work=lambda writer: operations.track(writer, package_id, tracking),
        answer=entity(info, "order"),
    )


async def _once(info: Info, action: str, input: Any, work: Any) -> OrderPayload:
    return await perform(
        info,
        OrderPayload,
        grant=Grant.ORDERS_MANAGE,
        action=action,
        work=work,
        key=input.idempotency_key,
        request=input,
        answer=entity(info, "order"),
    )
