"""One workspace against another: ten thousand attempts, generated from the schema, find nothing."""

import asyncio
import time

from tenants.grants import Grant
from tests.isolation import actors, crowds, examination
from tests.isolation.actors import Actor
from tests.isolation.eavesdropping import at_work, eavesdropping
from tests.isolation.neighbourhood import Neighbourhood
from tests.world.conformance import Finding, tell

WANTED = 10_000
SECONDS = 90  # for all of it, on a machine that does nothing else
CONTROL = "each wall taken down in turn is noticed (tests/isolation/test_harness.py)"
_KEYS = [
    frozenset(Grant),
    frozenset({Grant.CATALOGUE_READ, Grant.CATALOGUE_MANAGE}),
    frozenset({Grant.ORDERS_READ, Grant.ORDERS_MANAGE, Grant.LIVE_READ}),
]


_spent: list[float] = []


async def said(here: Neighbourhood, check: str, tried: int, found: list[str], since: float) -> None:
    """Tell what was counted, the log and the statements of all of it included."""
    found += await examination.statements(here) + examination.logged(here)
    _spent.append(time.monotonic() - since)
    version = await here.ground.owner.fetchval("SHOW server_version")
    tell(
        Finding(
            section="Isolation",
            check=check,
            passed=tried - len(found),
            of=tried,
            versions={"PostgreSQL": version.split()[0]},
            control=CONTROL,
            note=f"{_spent[-1]:.0f} s",
        )
    )
    assert found == []


async def test_ten_thousand_attempts_with_what_is_of_b_find_nothing(here: Neighbourhood) -> None:
    since = time.monotonic()
    found = await examination.walls(here)
    found += await examination.reading(here, here.attempts("query"))
    found += await examination.changing(here)

    await said(here, "attempts of one workspace against another", here.walk.counted, found, since)
    assert here.walk.counted >= WANTED


async def test_what_is_tried_against_b_is_there_for_b(here: Neighbourhood) -> None:
    """The denials were no accident: every slot finds something for who owns the value."""
    assert await examination.idle(here) == []


async def test_subscriptions_tell_a_nothing_of_what_b_does_meanwhile(here: Neighbourhood) -> None:
    since = time.monotonic()
    async with at_work(here) as url:
        found, tried = await eavesdropping(here, url)

    await said(here, "subscriptions with ids of another workspace", tried, found, since)
    assert tried > 100


async def test_members_of_every_role_and_keys_find_no_more(here: Neighbourhood) -> None:
    since, before = time.monotonic(), here.walk.counted
    some = crowds.a_few(here)
    asking = [*here.members[1:], *await actors.keys(here.a, _KEYS)]
    for n, actor in enumerate(asking):
        await here.walk.run(actor, some[n % 10 :: 10])
    queries = [attempt for attempt in some if attempt.place.operation == "query"]
    by_get, found = await crowds.by_get(here, queries[::5])

    tried = here.walk.counted - before + by_get
    found += here.walk.taken()
    await said(here, f"attempts of {len(asking)} other members and keys", tried, found, since)
    assert tried > 100 * len(asking)


async def test_whoever_is_good_no_more_is_turned_away_whatever_is_asked(
    here: Neighbourhood,
) -> None:
    since, before = time.monotonic(), here.walk.counted
    asking = await actors.no_longer_good(here.a)
    rows = await crowds.kept_rows(here, here.a)
    found = await crowds.turned_away(here, asking)
    some = crowds.a_few(here)
    for n, actor in enumerate(asking):
        await here.walk.run(actor, some[n::15])
    found += here.walk.taken()
    found += [
        f"somebody turned away changed {table}"
        for table in crowds.lost(rows, await crowds.kept_rows(here, here.a))
    ]

    tried = here.walk.counted - before
    await said(here, "attempts with expired, revoked and ended credentials", tried, found, since)
    assert tried > 60 * len(asking)


async def test_both_at_once_on_one_connection_find_nothing(here: Neighbourhood) -> None:
    """What one transaction leaves behind, the next one of the other workspace would see."""
    since = time.monotonic()
    async with crowds.on_connections(here, 1) as endpoint:
        mine, theirs = await crowds.both_ways(here, endpoint)
        async with asyncio.TaskGroup() as group:
            for walk, actor, some in (mine, theirs):
                group.create_task(walk.together(actor, some, tasks=4))

    await _said_of_both(here, "attempts both ways on one pooled connection", mine, theirs, since)


async def test_both_at_once_while_both_are_busy_find_nothing(here: Neighbourhood) -> None:
    since = time.monotonic()
    before = [await crowds.kept_rows(here, side) for side in (here.a, here.b)]
    mine, theirs = await crowds.both_ways(here, here.endpoint)
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for side in (here.a, here.b):
            group.create_task(crowds.busy(side, over))
        async with asyncio.TaskGroup() as trying:
            for walk, actor, some in (mine, theirs):
                trying.create_task(walk.together(actor, some, tasks=8))
        over.set()
    for side, was in zip((here.a, here.b), before, strict=True):
        lost = crowds.lost(was, await crowds.kept_rows(here, side))
        mine[0].findings += [f"a row of {table} of {side.canary} changed" for table in lost]

    await _said_of_both(here, "attempts both ways, both workspaces busy", mine, theirs, since)


async def _said_of_both(
    here: Neighbourhood, check: str, mine: crowds.Attack, theirs: crowds.Attack, since: float
) -> None:
    tried = mine[0].counted + theirs[0].counted
    found = mine[0].taken() + theirs[0].taken()
    await said(here, check, tried, found, since)
    assert tried > 1_000
    assert isinstance(mine[1], Actor)


async def test_what_b_has_named_is_free_to_be_named_by_a(here: Neighbourhood) -> None:
    """Last: from here on A holds texts of B that it wrote itself."""
    since, before = time.monotonic(), here.walk.counted
    found = await examination.naming(here)

    tried = here.walk.counted - before
    await said(here, "changes with names that another workspace has", tried, found, since)
    assert tried > 500
    _tell_how_long()


def _tell_how_long() -> None:
    """Told and not asserted: a busy machine takes longer."""
    tell(
        Finding(
            section="Isolation",
            check=f"the {len(_spent)} runs of attempts above in under {SECONDS} s",
            passed=int(sum(_spent) < SECONDS),
            of=1,
            note=f"{sum(_spent):.0f} s",
        )
    )
