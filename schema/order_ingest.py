"""Orders as a channel reports them: 1 to 500 a call, each with its own result."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry

from commerce.money import to_micros, to_minor
from commerce.orders.ingest import MAX_ORDERS_PER_CALL, IngestOutcome, IngestResult, ingest
from commerce.orders.ingestion import (
    IncomingLine,
    IncomingOrder,
    OrderKind,
    Recipient,
)
from commerce.orders.lifecycle import FulfilmentPath, OrderStatus
from commerce.pages import BadArgument
from commerce.refusals import InvalidValue
from commerce.shops.sites import Site
from schema.context import Info
from schema.money import CurrencyCode, MoneyInput
from schema.mutations import UserError, perform
from schema.orders import Order
from tenants.database import Writer
from tenants.grants import Grant


@strawberry.input(description="Where an incoming order goes.")
class RecipientInput:
    name: str | None = None
    phone: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    district: str | None = None
    postal_code: str | None = None
    address_line: str | None = None


@strawberry.input(
    description="A line of an incoming order; its amounts are in the order's currency."
)
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


@strawberry.input(
    description="An order as its channel reports it. Known by `channel` and `externalId`."
)
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
    ship_by: datetime | None = strawberry.field(
        default=None, description="Until when it has to be handed over: TikTok's rts_sla."
    )
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


@strawberry.input(description="1 to 500 orders.")
class OrderIngestInput:
    orders: list[IncomingOrderInput]


@strawberry.type(description="What became of one order of the call.")
class IngestedOrder:
    external_id: str
    outcome: IngestOutcome
    reason: str | None
    order: Order | None


@strawberry.type(description="A result for each order, in the order of the input.")
class OrderIngestPayload:
    results: list[IngestedOrder] = strawberry.field(default_factory=list)
    user_errors: list[UserError]


async def order_ingest(info: Info, input: OrderIngestInput) -> OrderIngestPayload:
    if not 1 <= len(input.orders) <= MAX_ORDERS_PER_CALL:
        raise BadArgument(
            "input.orders",
            f"holds 1 to {MAX_ORDERS_PER_CALL} orders; this call has {len(input.orders)}.",
        )

    async def work(writer: Writer) -> list[IngestResult]:
        read = [_read(order) for order in input.orders]
        results = iter(await ingest(writer, [r for r in read if isinstance(r, IncomingOrder)]))
        return [next(results) if isinstance(r, IncomingOrder) else r for r in read]

    async def answer(results: list[IngestResult]) -> dict[str, Any]:
        return {"results": await asyncio.gather(*(_result(info, r) for r in results))}

    return await perform(
        info,
        OrderIngestPayload,
        grant=Grant.ORDERS_MANAGE,
        action="orderIngest",
        work=work,
        answer=answer,
    )


async def _result(info: Info, result: IngestResult) -> IngestedOrder:
    return IngestedOrder(
        external_id=result.external_id,
        outcome=result.outcome,
        reason=result.reason,
        order=await info.context.load_where_allowed("order", result.order_id),
    )


def _read(given: IncomingOrderInput) -> IncomingOrder | IngestResult:
    """The order, or its rejection: one bad amount stops no other order."""
    try:
        return _incoming(given)
    except InvalidValue as error:
        return IngestResult(
            external_id=given.external_id,
            outcome=IngestOutcome.REJECTED,
            reason=f"{'.'.join(map(str, error.field))}: {error.message}",
        )


def _incoming(given: IncomingOrderInput) -> IncomingOrder:
    currency, to = given.currency_code, given.recipient
    return IncomingOrder(
        channel=given.channel,
        external_id=given.external_id,
        kind=OrderKind.SALE,
        site=given.site,
        status=given.status,
        currency=currency,
        placed_at=given.placed_at,
        paid_at=given.paid_at,
        ship_by=given.ship_by,
        path=given.path,
        buyer_id=given.buyer_id,
        buyer_nickname=given.buyer_nickname,
        buyer_message=given.buyer_message,
        payment_method=given.payment_method,
        recipient=Recipient() if to is None else Recipient(**vars(to)),
        shipping_fee_minor=_minor(given.shipping_fee, currency, "shippingFee"),
        tax_minor=_minor(given.tax, currency, "tax"),
        live_room_id=given.room_id,
        lines=tuple(_line(n, line, currency) for n, line in enumerate(given.lines)),
    )


def _line(place: int, line: OrderLineInput, currency: str) -> IncomingLine:
    at = ("lines", place)
    return IncomingLine(
        external_id=line.external_id,
        external_sku_id=line.external_sku_id,
        seller_sku=line.seller_sku,
        product_name=line.product_name,
        variation=line.variation,
        quantity=line.quantity,
        unit_price_micros=_exact(line.unit_price, currency, to_micros, *at, "unitPrice"),
        seller_discount_minor=_minor(line.seller_discount, currency, *at, "sellerDiscount"),
        platform_discount_minor=_minor(line.platform_discount, currency, *at, "platformDiscount"),
    )


def _minor(amount: MoneyInput | None, currency: str, *field: str | int) -> int:
    if amount is None:
        return 0
    return _exact(amount, currency, lambda exact: to_minor(exact, currency), *field)


def _exact(
    amount: MoneyInput, currency: str, read: Callable[[Decimal], int], *field: str | int
) -> int:
    """An amount of an order, which has to be in the order's one currency."""
    if amount.currency_code != currency:
        message = f"The order is in {currency}, this amount in {amount.currency_code}."
        raise InvalidValue(message, field=field)
    try:
        return read(amount.amount)
    except ValueError as error:
        raise InvalidValue(str(error), field=field) from None
