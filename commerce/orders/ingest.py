"""Store orders that a channel reports, many in a few statements, each exactly once.

An order is known by its channel and external id. A later report of a known order moves it on
(rules.is_ahead says what is later) and changes nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from commerce.live.queries import live_rooms_by_external_id
from commerce.orders.events import OrderEventKind, tell
from commerce.orders.ingestion import IncomingOrder
from commerce.orders.lifecycle import OrderStatus
from commerce.orders.moving_on import Move, move_on
from commerce.orders.rules import is_ahead, problem_with
from commerce.orders.storing import NewOrder, store_new
from tenants.database import Writer
from tenants.ids import new_id
from tenants.pool import Row

MAX_ORDERS_PER_CALL = 500


class IngestOutcome(StrEnum):
    """What became of a reported order.

    STORED: it is new. UPDATED: it was known, and its status moved on. ALREADY_KNOWN: it was known
    and the report says nothing later, or another report of the same call counts. REJECTED: it
    cannot be stored; nothing of it was.
    """

    STORED = "STORED"
    UPDATED = "UPDATED"
    ALREADY_KNOWN = "ALREADY_KNOWN"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """What became of one order; `order_id` is set unless it was rejected, with `reason`."""

    external_id: str
    outcome: IngestOutcome
    order_id: UUID | None = None
    reason: str | None = None


_Key = tuple[str, str]


class _Known(Row):
    id: UUID
    channel: str
    external_id: str
    status: str


_KNOWN = """
SELECT o.id, o.channel, o.external_id, o.status FROM orders o
  JOIN unnest($2::text[], $3::text[]) AS k(channel, external_id)
    ON o.channel = k.channel AND o.external_id = k.external_id
 WHERE o.workspace_id = $1
"""


async def ingest(writer: Writer, orders: Sequence[IncomingOrder]) -> list[IngestResult]:
    """Store what is new, move on what is known, and say what became of each, in their sequence.

    Of several reports of one order in a call the one that is furthest along counts. A bad order
    is rejected with the reason and stops no other. At most 16 statements, however many orders.
    """
    rooms = await _rooms(writer, orders)
    reasons = [_reason(order, rooms) for order in orders]
    chosen = _furthest(orders, reasons)
    fresh = {key: (new_id(), orders[n]) for key, n in chosen.items()}
    stored = await store_new(writer, list(fresh.values()), rooms)
    known = await _known(writer, [key for key in fresh if fresh[key][0] not in stored])
    reports = {
        row.id: fresh[key][1]
        for key, row in known.items()
        if is_ahead(fresh[key][1].status, OrderStatus(row.status))
    }
    moves = await move_on(writer, reports)
    _report(writer, [item for item in fresh.values() if item[0] in stored], moves, rooms)
    ids = {key: known[key].id if key in known else order_id for key, (order_id, _) in fresh.items()}
    outcomes = dict.fromkeys(stored, IngestOutcome.STORED)
    outcomes |= dict.fromkeys((move.order_id for move in moves), IngestOutcome.UPDATED)
    results = []
    for n, order in enumerate(orders):
        order_id = ids[_key(order)] if reasons[n] is None else None
        outcome = IngestOutcome.REJECTED if order_id is None else IngestOutcome.ALREADY_KNOWN
        if order_id is not None and chosen[_key(order)] == n:
            outcome = outcomes.get(order_id, outcome)
        results.append(
            IngestResult(
                external_id=order.external_id,
                outcome=outcome,
                order_id=order_id,
                reason=reasons[n],
            )
        )
    return results


def _key(order: IncomingOrder) -> _Key:
    return order.channel, order.external_id


def _reason(order: IncomingOrder, rooms: dict[str, UUID]) -> str | None:
    reason = problem_with(order)
    if reason is None and order.live_room_id and order.live_room_id not in rooms:
        return f"There is no LIVE room {order.live_room_id!r} in this workspace."
    return reason


def _furthest(orders: Sequence[IncomingOrder], reasons: Sequence[str | None]) -> dict[_Key, int]:
    """The place of the report that counts, for each order that can be stored."""
    chosen: dict[_Key, int] = {}
    for n, order in enumerate(orders):
        if reasons[n] is None:
            best = chosen.setdefault(_key(order), n)
            if is_ahead(order.status, orders[best].status):
                chosen[_key(order)] = n
    return chosen


async def _rooms(writer: Writer, orders: Sequence[IncomingOrder]) -> dict[str, UUID]:
    named = {order.live_room_id for order in orders if order.live_room_id}
    wanted = sorted(room for room in named if room.isprintable() and room.isascii())
    if not wanted:
        return {}
    return {room.external_id: room.id for room in await live_rooms_by_external_id(writer, wanted)}


async def _known(writer: Writer, keys: list[_Key]) -> dict[_Key, _Known]:
    if not keys:
        return {}
    channels, external_ids = [key[0] for key in keys], [key[1] for key in keys]
    rows = await writer.fetch(_KNOWN, writer.workspace_id, channels, external_ids, row=_Known)
    return {(row.channel, row.external_id): row for row in rows}


def _report(
    writer: Writer, stored: Sequence[NewOrder], moves: Sequence[Move], rooms: dict[str, UUID]
) -> None:
    """One event an order; one audit entry for what is new, and one for each order that moved."""
    changes = writer.changes
    for order_id, order in stored:
        tell(
            changes,
            OrderEventKind.ORDER_PLACED,
            order_id,
            status=order.status.value,
            version=1,
            live_room_id=rooms.get(order.live_room_id) if order.live_room_id else None,
        )
    changes.audit("OrderBatch", None, after={"stored": [str(order_id) for order_id, _ in stored]})
    for move in moves:
        tell(
            changes,
            OrderEventKind.ORDER_STATUS_CHANGE,
            move.order_id,
            status=move.after.value,
            version=move.version,
            live_room_id=move.live_room_id,
        )
        changes.audit(
            "Order",
            move.order_id,
            before={"status": move.before, "version": move.version - 1},
            after={"status": move.after, "version": move.version},
        )
