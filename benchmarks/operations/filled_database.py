"""The database that is measured on: embedded, migrated as the product's is, full of rows, and kept
between runs.

It lies in a state folder of its own. A database is built anew where the code that fills it, or a
migration, is another one than when it was built.
"""

import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from api.embedded.machine import exclusive
from api.embedded.postgres import EmbeddedPostgres
from api.embedded.valkey import EmbeddedValkey
from api.settings import CHECKOUT
from benchmarks.operations.rows.catalogue import catalogue
from benchmarks.operations.rows.orders import orders
from benchmarks.operations.rows.world import Drawer, Sizes, Table
from commerce.shops.sites import SITES
from migrations.upgrade import migrate

LOGIN, PASSWORD = "seller_benchmark", "benchmark"
# Nothing is kept that could not be made again, and everything fits into memory.
POSTGRES_SETTINGS = {
    "shared_buffers": "1GB",
    "max_connections": "250",
    "max_wal_size": "4GB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}
_MADE_FROM = (CHECKOUT / "migrations" / "versions", Path(__file__).parent / "rows")
# Q5 of a contender that publishes tables and functions. In a schema of its own: ours has none.
_FUNCTION = """
CREATE SCHEMA contenders;
CREATE FUNCTION contenders.gmv_by_hour_of_week(since timestamptz, until timestamptz)
RETURNS TABLE (site text, hour_of_week int, gmv_minor bigint, currency text, orders bigint)
LANGUAGE sql STABLE AS $$
  SELECT site, (date_part('isodow', timezone(zone, began_at))::int - 1) * 24
           + date_part('hour', timezone(zone, began_at))::int,
         sum(minor)::bigint, currency, sum(orders)::bigint
    FROM (SELECT o.site, o.currency, sum(o.total_minor) AS minor, count(*) AS orders,
                 date_bin('15 minutes', o.placed_at, timestamptz '2000-01-01 00:00+00') AS began_at
            FROM public.orders o
           WHERE o.workspace_id = nullif(current_setting('app.workspace_id', true), '')::uuid
             AND o.kind = 'SALE' AND o.status NOT IN ('UNPAID', 'CANCELLED')
             AND o.placed_at >= since AND o.placed_at < until
           GROUP BY o.site, o.currency, began_at) q
    JOIN (VALUES {clocks}) AS c (at_site, zone) ON at_site = site
   GROUP BY site, currency, 2 ORDER BY site, currency, 2
$$;
GRANT USAGE ON SCHEMA contenders TO seller_app;
GRANT EXECUTE ON FUNCTION contenders.gmv_by_hour_of_week TO seller_app
"""


@dataclass(frozen=True)
class Servers:
    """Postgres and Valkey at work, as their owner and as the application."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    database: str

    @property
    def owner_url(self) -> str:
        return urlsplit(self.postgres.url)._replace(path=f"/{self.database}").geturl()

    @property
    def app_url(self) -> str:
        at = urlsplit(self.postgres.url)
        return f"postgresql://{LOGIN}:{PASSWORD}@{at.hostname}:{at.port}/{self.database}"


@contextmanager
def servers(state: Path, *, scale: float) -> Iterator[Servers]:
    """Both servers while the block runs; call from the main thread. A second run waits for the
    first: they would measure one another."""
    state.mkdir(parents=True, exist_ok=True)
    with exclusive(state / "run.lock"):
        yield from _servers(state, scale)


def _servers(state: Path, scale: float) -> Iterator[Servers]:
    postgres = EmbeddedPostgres(
        state / "postgres", settings=POSTGRES_SETTINGS, start_seconds=60, stop_seconds=60
    )
    valkey = EmbeddedValkey(state / "valkey")
    try:
        postgres.start()
        valkey.start()
        yield Servers(postgres, valkey, f"benchmark_{scale:g}".replace(".", "_"))
    finally:
        valkey.stop()
        postgres.stop()


async def ensure_filled(
    at: Servers, of: Sizes, *, say: Callable[[str], None] = print
) -> list[UUID]:
    """Build the database unless it is there already; the ids of its workspaces."""
    fingerprint = f"{_fingerprint()} {of}"
    if await _built_from(at) != fingerprint:
        started = time.monotonic()
        say(f"Building {at.database}, which is done once: {of.told}")
        await _build(at, of, say=say)
        async with _connected(at.owner_url) as owner:
            await owner.execute(f"COMMENT ON DATABASE {at.database} IS '{fingerprint}'")
        say(f"Built in {time.monotonic() - started:.0f} s.")
    async with _connected(at.owner_url) as owner:
        rows = await owner.fetch("SELECT id FROM workspaces ORDER BY slug")
    return [row["id"] for row in rows]


async def _built_from(at: Servers) -> str | None:
    async with _connected(at.postgres.url) as owner:
        told: str | None = await owner.fetchval(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1",
            at.database,
        )
        return told


async def _build(at: Servers, of: Sizes, *, say: Callable[[str], None]) -> None:
    async with _connected(at.postgres.url) as owner:
        await owner.execute(f"DROP DATABASE IF EXISTS {at.database} WITH (FORCE)")
        await owner.execute(f"CREATE DATABASE {at.database}")
    await migrate(owner_url=at.owner_url, app_url=at.app_url)
    async with _connected(at.owner_url) as owner:
        for number in range(of.workspaces):
            for table in _tables(Drawer(number, of)):
                await owner.copy_records_to_table(
                    table.name, columns=table.columns, records=table.rows
                )
            if number % 10 == 9:
                say(f"{number + 1} of {of.workspaces} workspaces are filled.")
        await owner.execute(_FUNCTION.format(clocks=_clocks()))
        await owner.execute("VACUUM (ANALYZE, FREEZE)")


def _tables(drawer: Drawer) -> Iterator[Table]:
    of = catalogue(drawer)
    opened = of.skus[0].created_at
    slug = f"bench-{drawer.number:03d}"
    columns = ("id", "slug", "name", "seller_profile", "created_at", "updated_at", "version")
    row = (drawer.workspace_id, slug, f"Seller {drawer.number}", "SME_BRAND", opened, opened, 1)
    yield Table("workspaces", columns, [row])
    yield from _owner(drawer, opened)
    yield from of.tables
    yield from orders(drawer, of)


def _owner(drawer: Drawer, opened: datetime) -> Iterator[Table]:
    """Whom the product's requests come from; where they signed in is made anew at each run."""
    user = (drawer.id_at(opened), f"owner@bench-{drawer.number:03d}.example", "Owner", opened)
    yield Table("users", ("id", "email", "name", "created_at"), [user])
    yield drawer.table(
        "memberships", "user_id role created_at updated_at version",
        [(user[0], "OWNER", opened, opened, 1)],
    )  # fmt: skip


def _clocks() -> str:
    return ", ".join(f"('{site}', '{facts.time_zone.key}')" for site, facts in SITES.items())


def _fingerprint() -> str:
    digest = hashlib.sha256(_FUNCTION.encode())
    for folder in _MADE_FROM:
        for file in sorted(folder.glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url, command_timeout=900)
    try:
        yield connection
    finally:
        await connection.close()
