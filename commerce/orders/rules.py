"""What an incoming order must hold to be stored."""

from commerce.orders.ingestion import IncomingLine, IncomingOrder, OrderKind

MAX_LINES = 2_000
MAX_TEXT = 1_000
_MAX_INT = 2**31 - 1
_MAX_BIGINT = 2**62


def problem_with(order: IncomingOrder) -> str | None:
    """Why an order cannot be stored, as a sentence; None where it can."""
    if not order.external_id or len(order.external_id) > MAX_TEXT:
        return f"An order's external id has 1 to {MAX_TEXT} characters."
    if not 1 <= len(order.lines) <= MAX_LINES:
        return f"An order has 1 to {MAX_LINES:,} lines; this one has {len(order.lines):,}."
    if order.placed_at.tzinfo is None:
        return "The time of placement has no time zone."
    if _has_nul(order):
        return "A text of the order holds a NUL character, which no database stores."
    for number, line in enumerate(order.lines, 1):
        reason = _problem_with_line(line, order.kind)
        if reason:
            return f"Line {number}: {reason}"
    return None


def _problem_with_line(line: IncomingLine, kind: OrderKind) -> str | None:
    if not line.seller_sku:
        return "the seller SKU is missing."
    if line.quantity == 0 or abs(line.quantity) > _MAX_INT:
        return f"the quantity {line.quantity} cannot be: it is zero or too large."
    if abs(line.unit_price_micros * line.quantity) > _MAX_BIGINT:
        return "quantity times unit price is too large to be kept exactly."
    if kind is OrderKind.SALE and (
        line.seller_discount_minor < 0 or line.platform_discount_minor < 0
    ):
        return "a discount is an amount of zero or more."
    return None


def _has_nul(order: IncomingOrder) -> bool:
    texts = [
        order.channel, order.external_id, order.buyer_id, order.buyer_nickname,
        order.buyer_message, order.seller_note, order.payment_method, order.cancel_reason,
        order.recipient.name, order.recipient.phone, order.recipient.country,
        order.recipient.region, order.recipient.city, order.recipient.district,
        order.recipient.postal_code, order.recipient.address_line,
    ]  # fmt: skip
    for line in order.lines:
        texts += [line.seller_sku, line.product_name, line.variation, line.external_id]
    return any("\x00" in text for text in texts if text)
