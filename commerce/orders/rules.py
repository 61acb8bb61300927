"""What an incoming order must hold to be stored, and which reports move a stored order on.

Whatever passes here Postgres takes: one order that it refused would take its whole batch along.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from babel.numbers import is_currency

from commerce.money import MICROS, minor_digits
from commerce.orders.ingestion import IncomingLine, IncomingOrder, OrderKind
from commerce.orders.lifecycle import TRANSITIONS, OrderStatus

MAX_LINES = 2_000
MAX_PACKAGES = 200
MAX_ID = 200  # two ids of 4-byte characters must fit one index entry (2,704 bytes)
MAX_TEXT = 10_000
MAX_AMOUNT = 2**53  # minor units; sums over 1,000 orders of that size still fit a bigint
_MAX_INT = 2**31 - 1
_MAX_MICROS = 2**62
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def problem_with(order: IncomingOrder) -> str | None:
    """Why an order cannot be stored, as a sentence; None where it can."""
    return next(_problems(order), None)


def is_ahead(reported: OrderStatus, known: OrderStatus) -> bool:
    """Whether a report moves an order on: the state machine leads from `known` to `reported`.

    A channel reports now and then, so states may have been passed in between. What is over
    (COMPLETED, CANCELLED) stays as it is, and a report that is behind came late.
    """
    return reported in _AHEAD[known]


def _later(status: OrderStatus) -> frozenset[OrderStatus]:
    found: set[OrderStatus] = set()
    waiting = [status]
    while waiting:
        here = waiting.pop()
        moves = {move[here] for move in TRANSITIONS.values() if here in move}
        waiting += moves - found
        found |= moves
    return frozenset(found - {status})


_AHEAD = {status: _later(status) for status in OrderStatus}


def _problems(order: IncomingOrder) -> Iterator[str]:
    if not 1 <= len(order.external_id) <= MAX_ID:
        yield f"An order's external id has 1 to {MAX_ID} characters."
    if not 1 <= len(order.channel) <= MAX_ID:
        yield f"A channel has 1 to {MAX_ID} characters."
    if not 1 <= len(order.lines) <= MAX_LINES:
        yield f"An order has 1 to {MAX_LINES:,} lines; this one has {len(order.lines):,}."
    if not is_currency(order.currency):
        yield f"{order.currency!a} is no currency; write its ISO 4217 code, such as THB."
    yield from _time_problems(order)
    for number, line in enumerate(order.lines, 1):
        reason = _problem_with_line(line, order.kind)
        if reason:
            yield f"Line {number}: {reason}"
    yield from _package_problems(order)
    yield from _text_problems(order)
    if _worth(order) > MAX_AMOUNT:
        yield "The amounts of the order are too large to be kept exactly."


def _time_problems(order: IncomingOrder) -> Iterator[str]:
    if order.placed_at.tzinfo is None:
        yield "The time of placement has no time zone."
    times = (
        order.placed_at, order.paid_at, order.ready_to_ship_at, order.ship_by,
        order.shipped_at, order.delivered_at, order.cancelled_at,
    )  # fmt: skip
    for time in times:
        if time is None:
            continue
        if time.tzinfo is None:
            yield f"The time {time.isoformat()} has no time zone."
        elif not _EARLIEST <= time < _LATEST:
            yield f"The time {time.isoformat()} is not between {_EARLIEST:%Y} and {_LATEST:%Y}."


def _problem_with_line(line: IncomingLine, kind: OrderKind) -> str | None:
    if not line.seller_sku:
        return "the seller SKU is missing."
    if line.quantity == 0 or abs(line.quantity) > _MAX_INT:
        return f"the quantity {line.quantity} cannot be: it is zero or too large."
    if abs(line.unit_price_micros * line.quantity) > _MAX_MICROS:
        return "quantity times unit price is too large to be kept exactly."
    if kind is OrderKind.CREDIT_NOTE and line.quantity > 0:
        return f"a credit note takes goods back, so {line.quantity} must be negative."
    if kind is OrderKind.SALE and (
        line.seller_discount_minor < 0 or line.platform_discount_minor < 0
    ):
        return "a discount is an amount of zero or more."
    return None


def _package_problems(order: IncomingOrder) -> Iterator[str]:
    if not order.packages and not any(line.package_external_id for line in order.lines):
        return
    listed = {package.external_id for package in order.packages}
    if len(order.packages) > MAX_PACKAGES:
        yield f"An order has at most {MAX_PACKAGES} packages; this has {len(order.packages):,}."
    if len(listed) < len(order.packages):
        yield "A package is listed twice."
    for number, line in enumerate(order.lines, 1):
        if line.package_external_id and line.package_external_id not in listed:
            yield f"Line {number}: the package {line.package_external_id!a} is not listed."


def _text_problems(order: IncomingOrder) -> Iterator[str]:
    ids = [order.channel, order.buyer_id, order.live_room_id]
    texts = [order.external_id, *_free_texts(order)]
    for line in order.lines:
        ids += [line.seller_sku, line.external_id, line.external_sku_id]
        texts += [line.product_name, line.variation]
    for package in order.packages:
        ids += [package.external_id, package.carrier, package.tracking_number]
    if any(len(text) > MAX_ID for text in ids if text):
        yield f"An id, a SKU or a tracking number has more than {MAX_ID} characters."
    if any(len(text) > MAX_TEXT for text in texts if text):
        yield f"A text of the order has more than {MAX_TEXT:,} characters."
    whole = "".join(filter(None, ids + texts))
    if "\x00" in whole:
        yield "A text of the order holds a NUL character, which no database stores."
    try:
        whole.encode()
    except UnicodeEncodeError:
        yield "A text of the order holds half a character (a lone surrogate)."


def _free_texts(order: IncomingOrder) -> list[str | None]:
    to = order.recipient
    return [
        order.buyer_nickname, order.buyer_message, order.seller_note, order.payment_method,
        order.cancel_reason, to.name, to.phone, to.country, to.region, to.city, to.district,
        to.postal_code, to.address_line,
    ]  # fmt: skip


def _worth(order: IncomingOrder) -> int:
    """An upper bound of every amount that is made of this order, in minor units."""
    scale = 10 ** minor_digits(order.currency)
    worth = abs(order.shipping_fee_minor) + abs(order.tax_minor)
    for line in order.lines:
        worth += abs(line.quantity * line.unit_price_micros) * scale // MICROS + 1
        worth += abs(line.seller_discount_minor) + abs(line.platform_discount_minor)
    return worth
