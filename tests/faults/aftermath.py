"""What has to hold after every fault: nothing acknowledged is lost, and nothing is left behind."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from uuid import UUID

import asyncpg

from tests.faults.breakable import Breakable, Worker

# For as long as a connection may be on its way back; one that leaked never comes.
PATIENCE = 20.0

_BROKEN = {
    "events without a sequence": "SELECT count(*) FROM outbox_events WHERE sequence IS NULL",
    "workspaces whose events have gaps or repeats": """
        SELECT count(*) FROM (
          SELECT workspace_id, count(*) AS events, count(DISTINCT sequence) AS distinct_ones,
                 max(sequence) AS newest FROM outbox_events GROUP BY workspace_id) AS e
          LEFT JOIN event_counters c USING (workspace_id)
         WHERE (e.events, e.distinct_ones) IS DISTINCT FROM (e.newest, e.newest)
            OR e.newest IS DISTINCT FROM c.last_sequence""",
    "orders that share an external id": """
        SELECT count(*) FROM (SELECT 1 FROM orders GROUP BY workspace_id, channel, external_id
                              HAVING count(*) > 1) AS repeated""",
    "orders not told of exactly once": """
        SELECT count(*) FROM orders o WHERE 1 <> (
          SELECT count(*) FROM outbox_events e WHERE e.workspace_id = o.workspace_id
             AND e.entity_id = o.id AND e.kind = 'ORDER_PLACED')""",
    "orders without lines": """
        SELECT count(*) FROM orders o WHERE NOT EXISTS (
          SELECT 1 FROM order_lines l WHERE l.workspace_id = o.workspace_id AND l.order_id = o.id)
    """,
}
_MISSING = """
SELECT count(*) FROM unnest($2::text[]) AS told(external_id) WHERE NOT EXISTS (
  SELECT 1 FROM orders o WHERE o.workspace_id = $1 AND o.external_id = told.external_id)
"""
_IDLE = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND state LIKE 'idle in transaction%'
"""
_SCAN = "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off"


async def broken(
    owner: asyncpg.Connection, promised: Mapping[UUID, list[str]] | None = None
) -> list[str]:
    """What does not hold, in words. `promised` are external ids of orders by workspace.

    Run in a transaction of its own, or in one whose changes are to be judged.
    """
    async with owner.transaction():
        await owner.execute(_SCAN)  # a unique index would find what it should prove
        found = {name: await owner.fetchval(question) for name, question in _BROKEN.items()}
        missing = [await owner.fetchval(_MISSING, *each) for each in (promised or {}).items()]
    found["acknowledged orders that do not exist"] = sum(missing)
    return [f"{count} {name}" for name, count in found.items() if count]


async def left_behind(platform: Breakable, workers: Iterable[Worker]) -> list[str]:
    """What was not given back: connections by their worker, and transactions by Postgres."""
    found = []
    for worker in workers:
        series = await worker.metrics()
        opened = int(series['seller_pool_connections{state="open"}'])
        idle = int(series['seller_pool_connections{state="idle"}'])
        if idle < opened:
            found.append(f"{opened - idle} of {opened} connections are checked out")
        if opened > worker.pool_size:
            found.append(f"{opened} connections are open, of {worker.pool_size} allowed")
    if waiting := await platform.value(_IDLE):
        found.append(f"{waiting} connections are idle in a transaction")
    return found


async def everything_holds(platform: Breakable) -> None:
    """Fails where something does not hold, or is not given back soon. Needs a relay at work.

    What clients left behind may still run, and its events may still wait for the relay.
    """
    await _until_none(lambda: _broken(platform))
    await _until_none(lambda: left_behind(platform, platform.workers))
    assert await _broken(platform) == [], "it held, and then it did not"
    for process in platform.processes:
        bugs = [line for line in process.said() if line.get("level") in {"error", "critical"}]
        assert bugs == [], f"{process.log.name} logged bugs: {bugs[:3]}"


async def _broken(platform: Breakable) -> list[str]:
    async with platform.looking() as owner:
        return await broken(owner, platform.promised)


async def _until_none(look: Callable[[], Awaitable[list[str]]]) -> None:
    end = time.monotonic() + PATIENCE
    while found := await look():
        assert time.monotonic() < end, found
        await asyncio.sleep(0.1)


async def all_numbered(platform: Breakable) -> bool:
    return not await platform.value(_BROKEN["events without a sequence"])
