"""Changes to orders: reported by a channel, shipped, cancelled, tracked."""

from datetime import UTC, datetime
from typing import Any

import strawberry

from commerce.money import to_micros, to_minor
from commerce.orders import operations
from commerce.orders.ingest import MAX_ORDERS_PER_CALL, IngestOutcome, ingest
from commerce.orders.ingestion import (
    IncomingLine,
    IncomingOrder,
    OrderKind,
    Recipient,
)
from commerce.orders.lifecycle import FulfilmentPath, OrderStatus, TrackingCode
from commerce.pages import BadArgument
from commerce.refusals import InvalidValue
from commerce.shops.sites import Site
from schema.context import Info
from schema.money import CurrencyCode, MoneyInput
from schema.mutations import UserError, entity, perform
from schema.nodes import local_id
from schema.orders import Order
from tenants.database import Writer
from tenants.grants import Grant


@strawberry.type
class OrderPayload:
    order: Order | None = None
    user_errors: list[UserError]


@strawberry.input
class OrderShipInput:
    order_id: strawberry.ID
    package_id: strawberry.ID | None = strawberry.field(
        default=None, description="Needed only where several packages wait."
    )
    carrier: str | None = None
    tracking_number: str | None = None
    expected_version: int | None = None
    idempotency_key: str


@strawberry.input
class OrderCancelInput:
    order_id: strawberry.ID
    reason: str
    expected_version: int | None = None
    idempotency_key: str


@strawberry.input
class PackageTrackInput:
    package_id: strawberry.ID
    code: TrackingCode
    occurred_at: datetime
    description: str = ""
    location: str | None = None


@strawberry.input
class RecipientInput:
    name: str | None = None
    phone: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    district: str | None = None
    postal_code: str | None = None
    address_line: str | None = None


@strawberry.input
class OrderLineInput:
    seller_sku: str
    product_name: str
    quantity: int
    unit_price: MoneyInput
    variation: str | None = None
    external_id: str | None = None
    external_sku_id: str | None = None
    seller_discount: MoneyInput | None = None
    platform_discount: MoneyInput | None = None


@strawberry.input
class IncomingOrderInput:
    external_id: str
    site: Site
    currency_code: CurrencyCode
    placed_at: datetime
    lines: list[OrderLineInput]
    channel: str = "TIKTOK_SHOP"
    status: OrderStatus = OrderStatus.AWAITING_SHIPMENT
    path: FulfilmentPath = FulfilmentPath.TIKTOK_SHIPPING
    paid_at: datetime | None = None
    room_id: str | None = strawberry.field(
        default=None, description="TikTok's room_id of the LIVE the order came from."
    )
    buyer_id: str | None = None
    buyer_nickname: str | None = None
    buyer_message: str | None = None
    payment_method: str | None = None
    recipient: RecipientInput | None = None
    shipping_fee: MoneyInput | None = None
    tax: MoneyInput | None = None


@strawberry.input
class OrderIngestInput:
    orders: list[IncomingOrderInput]


@strawberry.type(description="What became of one order of the call.")
class IngestedOrder:
    external_id: str
    outcome: IngestOutcome
    reason: str | None
    order: Order | None


@strawberry.type
class OrderIngestPayload:
    results: list[IngestedOrder] = strawberry.field(default_factory=list)
    user_errors: list[UserError]


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


async def order_ingest(info: Info, input: OrderIngestInput) -> OrderIngestPayload:
    if not 1 <= len(input.orders) <= MAX_ORDERS_PER_CALL:
        raise BadArgument(
            "input.orders",
            f"holds 1 to {MAX_ORDERS_PER_CALL} orders; this call has {len(input.orders)}.",
        )

    async def work(writer: Writer) -> Any:
        return await ingest(writer, [_incoming(n, o) for n, o in enumerate(input.orders)])

    async def answer(results: Any) -> dict[str, Any]:
        stored = [r.order_id and await info.context.load("order", r.order_id) for r in results]
        return {
            "results": [
                IngestedOrder(
                    external_id=r.external_id, outcome=r.outcome, reason=r.reason, order=row
                )
                for r, row in zip(results, stored, strict=True)
            ]
        }

    return await perform(
        info,
        OrderIngestPayload,
        grant=Grant.ORDERS_MANAGE,
        action="orderIngest",
        work=work,
        answer=answer,
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


def _incoming(number: int, given: IncomingOrderInput) -> IncomingOrder:
    currency = given.currency_code
    to = given.recipient

    def minor(amount: MoneyInput | None, name: str) -> int:
        if amount is None:
            return 0
        if amount.currency_code != currency:
            raise InvalidValue(
                f"The order is in {currency}, this amount in {amount.currency_code}.",
                field=("orders", number, name),
            )
        try:
            return to_minor(amount.amount, currency)
        except ValueError as error:
            raise InvalidValue(str(error), field=("orders", number, name)) from None

    return IncomingOrder(
        channel=given.channel,
        external_id=given.external_id,
        kind=OrderKind.SALE,
        site=given.site,
        status=given.status,
        currency=currency,
        placed_at=_utc(given.placed_at, ("orders", number, "placedAt")),
        paid_at=given.paid_at and _utc(given.paid_at, ("orders", number, "paidAt")),
        path=given.path,
        buyer_id=given.buyer_id,
        buyer_nickname=given.buyer_nickname,
        buyer_message=given.buyer_message,
        payment_method=given.payment_method,
        recipient=Recipient() if to is None else Recipient(**vars(to)),
        shipping_fee_minor=minor(given.shipping_fee, "shippingFee"),
        tax_minor=minor(given.tax, "tax"),
        live_room_id=given.room_id,
        lines=tuple(_line(number, n, line, minor) for n, line in enumerate(given.lines)),
    )


def _line(number: int, place: int, line: OrderLineInput, minor: Any) -> IncomingLine:
    at = f"lines.{place}"
    try:
        price = to_micros(line.unit_price.amount)
    except ValueError as error:
        raise InvalidValue(str(error), field=("orders", number, at, "unitPrice")) from None
    return IncomingLine(
        external_id=line.external_id,
        external_sku_id=line.external_sku_id,
        seller_sku=line.seller_sku,
        product_name=line.product_name,
        variation=line.variation,
        quantity=line.quantity,
        unit_price_micros=price,
        seller_discount_minor=minor(line.seller_discount, f"{at}.sellerDiscount"),
        platform_discount_minor=minor(line.platform_discount, f"{at}.platformDiscount"),
    )


def _utc(moment: datetime, field: tuple[str | int, ...]) -> datetime:
    if moment.tzinfo is None:
        raise InvalidValue("The time has no time zone.", field=field)
    return moment.astimezone(UTC)
