"""Orders of one LIVE room, placed as integrators place them: by the product's own `ingest`.

`python -m benchmarks.live_room.orders WORKSPACE ROOM FIRST COUNT BATCH RATE`: COUNT orders numbered
from FIRST, BATCH a transaction and RATE a second (0: at once). Prints when each was committed, in
nanoseconds of the machine's clock.
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from uuid import UUID

from api.logs import set_up_logs
from api.parts import Parts, open_parts
from api.settings import load_settings
from commerce.orders.ingest import ingest
from commerce.orders.ingestion import IncomingLine, IncomingOrder
from commerce.orders.lifecycle import OrderStatus
from commerce.shops.sites import Site
from tenants.database import WorkspaceDatabase, Writer
from tenants.identity import system_principal


async def place(
    parts: Parts, workspace: UUID, room: str, numbers: range, *, batch: int, rate: float
) -> dict[int, int]:
    """When each order was committed."""
    committed: dict[int, int] = {}
    began, placing = time.monotonic(), []
    for n in range(0, len(numbers), batch):
        if rate:
            await asyncio.sleep(max(0.0, began + n / rate - time.monotonic()))
        few = numbers[n : n + batch]
        placing.append(asyncio.create_task(_place(parts, workspace, room, few, committed)))
    await asyncio.gather(*placing)
    return committed


async def _place(
    parts: Parts, workspace: UUID, room: str, numbers: range, committed: dict[int, int]
) -> None:
    orders = [_order(number, room) for number in numbers]

    async def work(writer: Writer) -> None:
        for result in await ingest(writer, orders):
            assert result.order_id is not None, result.reason

    database: WorkspaceDatabase = parts.open_database(system_principal(workspace), "benchmark")
    await database.change("orderIngest", work)
    at = time.monotonic_ns()
    committed.update(dict.fromkeys(numbers, at))


def _order(number: int, room: str) -> IncomingOrder:
    line = IncomingLine(
        seller_sku="TH-00001-XS", product_name="A thing", quantity=1, unit_price_micros=590_000_000
    )
    return IncomingOrder(
        channel="TIKTOK_SHOP", external_id=str(number), site=Site.TH, currency="THB",
        status=OrderStatus.AWAITING_SHIPMENT, placed_at=datetime.now(UTC), live_room_id=room,
        lines=(line,),
    )  # fmt: skip


async def main(workspace: str, room: str, first: str, count: str, batch: str, rate: str) -> None:
    set_up_logs(style="json", level="ERROR")
    numbers = range(int(first), int(first) + int(count))
    async with open_parts(load_settings()) as parts:
        committed = await place(
            parts, UUID(workspace), room, numbers, batch=int(batch), rate=float(rate)
        )
    print(json.dumps({"committed": committed, "own_cpu": time.process_time()}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
