"""The checks that follow every fault are shown to fail where something is amiss."""

import asyncio
from uuid import UUID

import pytest

from tests.faults.aftermath import all_numbered, broken, left_behind
from tests.faults.breakable import Breakable, until
from tests.faults.customers import customers
from tests.world import an_order
from tests.world.conformance import Finding, tell

pytestmark = [pytest.mark.faults, pytest.mark.timeout(60)]

_SAME_ENTITY = """
UPDATE outbox_events SET entity_id = (
  SELECT entity_id FROM outbox_events WHERE workspace_id = $1 AND sequence = 1)
 WHERE workspace_id = $1 AND sequence = 2
"""
# What is done to the rows, and what has to be said of them. `$1` is the workspace.
DAMAGES = [
    (
        "UPDATE outbox_events SET sequence = NULL WHERE workspace_id = $1 AND sequence = 3",
        {"1 events without a sequence", "1 workspaces whose events have gaps or repeats"},
    ),
    (
        "DELETE FROM outbox_events WHERE workspace_id = $1 AND sequence = 2",
        {"1 workspaces whose events have gaps or repeats", "1 orders not told of exactly once"},
    ),
    (
        "UPDATE outbox_events SET sequence = sequence + 100 WHERE workspace_id = $1",
        {"1 workspaces whose events have gaps or repeats"},
    ),
    (_SAME_ENTITY, {"2 orders not told of exactly once"}),
    ("DELETE FROM order_lines WHERE workspace_id = $1", {"3 orders without lines"}),
    (
        "UPDATE orders SET external_id = 'the same' WHERE workspace_id = $1",
        {"1 orders that share an external id", "3 acknowledged orders that do not exist"},
    ),
]
_UNGUARDED = """
DO $$ DECLARE guard record; BEGIN
  FOR guard IN SELECT conname, conrelid::regclass AS held FROM pg_constraint
    WHERE conrelid IN ('orders'::regclass, 'outbox_events'::regclass) AND contype = 'u'
  LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', guard.held, guard.conname); END LOOP;
END $$
"""


async def test_every_damage_to_the_rows_is_noticed(platform: Breakable) -> None:
    workspace = await platform.world.workspace()
    results = await workspace.ingest([an_order() for _ in range(3)])
    promised = {workspace.id: [result.external_id for result in results]}
    await until(lambda: all_numbered(platform), within=30)

    noticed = [
        await _said_of(platform, workspace.id, damage, promised) == said for damage, said in DAMAGES
    ]

    assert all(noticed), noticed
    async with platform.looking() as owner:
        assert await broken(owner, promised) == []
    tell(
        Finding(
            section="Faults",
            check="what is checked after every fault notices each damage to the rows",
            passed=sum(noticed),
            of=len(DAMAGES),
            control="this is the control: rows are damaged in a transaction that is rolled back",
        )
    )


async def test_connections_that_are_not_given_back_are_noticed(platform: Breakable) -> None:
    worker = await platform.start_worker()
    async with customers(platform, [worker]) as those, platform.looking() as owner:
        assert await left_behind(platform, [worker]) == []
        async with owner.transaction():
            await owner.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
            held_up = asyncio.create_task(those.look())
            await until(lambda: _waits(platform), within=10)
            found = await left_behind(platform, [worker])
        await held_up

    assert [words.split(" ", 1)[1] for words in found] == [
        "of 1 connections are checked out",
        "connections are idle in a transaction",
    ]
    tell(
        Finding(
            section="Faults",
            check="what is checked after every fault notices a connection that is not given back, "
            "and one idle in a transaction",
            passed=2,
            of=2,
            control="this is the control: a query is held up by a lock",
        )
    )


async def _said_of(
    platform: Breakable, workspace_id: UUID, damage: str, promised: dict[UUID, list[str]]
) -> set[str]:
    async with platform.looking() as owner:
        transaction = owner.transaction()
        await transaction.start()
        try:
            await owner.execute(_UNGUARDED)
            await owner.execute(damage, workspace_id)
            return set(await broken(owner, promised))
        finally:
            await transaction.rollback()


async def _waits(platform: Breakable) -> bool:
    return bool(await platform.value("SELECT count(*) FROM pg_locks WHERE NOT granted"))
