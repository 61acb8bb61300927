"""Plays a LIVE room: viewers come and go, orders arrive in bursts, some are shipped or cancelled.

Everything goes through the same operations as the API's own mutations.
"""

import asyncio
import contextlib
import random
import secrets
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from api.demo.cast import BUYERS
from api.parts import Parts
from commerce.live.operations import count_viewers
from commerce.live.queries import LiveRoomRow
from commerce.money import MICROS, minor_digits
from commerce.orders import operations as orders
from commerce.orders.ingest import IngestOutcome, ingest
from commerce.orders.ingestion import IncomingLine, IncomingOrder, Recipient
from commerce.orders.lifecycle import Actor, FulfilmentPath, OrderStatus, TransitionRefused
from commerce.shops.sites import SITES, Site
from tenants.database import Writer
from tenants.identity import system_principal
from tenants.pool import Row

log = structlog.get_logger()

_ROOM = "SELECT * FROM live_rooms WHERE workspace_id = $1 AND id = $2"
_ON_SALE = """
SELECT s.seller_sku, s.price_minor, s.currency, s.sales_attributes, p.title
  FROM skus s JOIN products p ON p.workspace_id = s.workspace_id AND p.id = s.product_id
 WHERE s.workspace_id = $1 AND p.workspace_id = $1 AND p.status = 'ACTIVATE'
"""


class _OnSale(Row):
    seller_sku: str
    price_minor: int
    currency: str
    sales_attributes: list[dict[str, str]]
    title: str


@dataclass
class LiveRoomPlay:
    """`rate` is the mean number of orders a second; `seed` makes a play repeatable."""

    parts: Parts
    workspace_id: UUID
    room_id: UUID
    rate: float = 0.5
    seed: int | None = None
    placed: int = 0
    viewers: int = 120
    _open: deque[UUID] = field(default_factory=deque)

    async def play(self, *, orders: int | None = None) -> int:
        """Until that many orders were placed (None: until cancelled); returns how many were."""
        chance = random.Random(self.seed)  # noqa: S311 - a play, not a secret
        database = self.parts.open_database(system_principal(self.workspace_id))
        reader = database.reading()
        room = await reader.fetchrow(_ROOM, self.workspace_id, self.room_id, row=LiveRoomRow)
        on_sale = await reader.fetch(_ON_SALE, self.workspace_id, row=_OnSale)
        await database.close()
        if room is None or not on_sale:
            raise ValueError("There is no such LIVE room with products on sale.")
        while orders is None or self.placed < orders:
            burst = chance.choices((1, 2, 3, 5), (70, 18, 8, 4))[0]
            if orders is not None:
                burst = min(burst, orders - self.placed)
            try:
                work = self._burst(chance, room, on_sale, burst)
                stored = await database.change("simulateLive", work)
                self.placed += len(stored)
                self._open.extend(stored)
                await self._aftermath(database, chance)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("simulate.waiting", reason=f"{type(error).__name__}: {error}")
                await asyncio.sleep(1)
            await asyncio.sleep(chance.expovariate(self.rate / burst))
        return self.placed

    def _burst(
        self, chance: random.Random, room: LiveRoomRow, on_sale: list[_OnSale], size: int
    ) -> Any:
        batch = [_order(chance, room, on_sale) for _ in range(size)]
        self.viewers = max(20, self.viewers + chance.randint(-12, 15))

        async def work(writer: Writer) -> list[UUID]:
            results = await ingest(writer, batch)
            await count_viewers(writer, self.room_id, self.viewers)
            stored = [r.order_id for r in results if r.outcome is IngestOutcome.STORED]
            return [order_id for order_id in stored if order_id is not None]

        return work

    async def _aftermath(self, database: Any, chance: random.Random) -> None:
        """Now and then an earlier order is shipped, or its buyer thinks better of it."""
        while len(self._open) > 5 and chance.random() < 0.6:  # noqa: PLR2004
            order_id = self._open.popleft()
            work = _cancel(order_id) if chance.random() < 0.15 else _ship(order_id, chance)  # noqa: PLR2004
            with contextlib.suppress(TransitionRefused):  # whoever looks on was quicker
                await database.change("simulateLive", work)


def _cancel(order_id: UUID) -> Any:
    async def work(writer: Writer) -> None:
        await orders.cancel(writer, order_id, reason="buyer_changed_mind", by=Actor.BUYER)

    return work


def _ship(order_id: UUID, chance: random.Random) -> Any:
    async def work(writer: Writer) -> None:
        number = f"TT{chance.randrange(10**11, 10**12)}"
        await orders.ship(writer, order_id, carrier="J&T Express", tracking_number=number)

    return work


def _order(chance: random.Random, room: LiveRoomRow, on_sale: list[_OnSale]) -> IncomingOrder:
    chosen = chance.sample(on_sale, k=min(len(on_sale), chance.choice((1, 1, 1, 2))))
    now = datetime.now(UTC)
    currency = chosen[0].currency
    return IncomingOrder(
        channel="TIKTOK_SHOP",
        # Not of the play's chance: the same play may run again in the same workspace.
        external_id=str(576_000_000_000_000_000 + secrets.randbelow(10**15)),
        site=Site(room.site),
        status=OrderStatus.AWAITING_SHIPMENT,
        currency=currency,
        placed_at=now,
        paid_at=now,
        ship_by=now + timedelta(days=2),
        path=FulfilmentPath.TIKTOK_SHIPPING,
        buyer_nickname=chance.choice(BUYERS),
        recipient=Recipient(
            name="A buyer of the demo",
            phone="+66 2 000 0000",
            country=room.site,
            city=str(SITES[Site(room.site)].time_zone).rpartition("/")[2],
            address_line="1 Demo Road",
        ),
        live_room_id=room.external_id,
        lines=tuple(
            IncomingLine(
                seller_sku=sku.seller_sku,
                product_name=sku.title,
                variation=sku.sales_attributes[0]["value"] if sku.sales_attributes else None,
                quantity=chance.choice((1, 1, 1, 2, 3)),
                unit_price_micros=sku.price_minor * MICROS // 10 ** minor_digits(currency),
            )
            for sku in chosen
        ),
    )
