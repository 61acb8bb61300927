"""Postgres: reachable, new enough, migrated; the role harmless; the walls up; the relay at work."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

from api.command_line.checks.finding import Finding, broken, doubtful, fine
from api.command_line.revisions import applied_revision, wanted_revision

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

_OLDEST = 150_000
_PATIENCE = 5.0
_MOST_SKEW = 5.0
_RELAY_LATE = 10.0
_ROLE = """
SELECT current_user AS name, r.rolsuper, r.rolbypassrls,
       (SELECT count(*) FROM pg_class c WHERE c.relowner = r.oid AND c.relkind IN ('r', 'p'))
         AS owned
  FROM pg_roles r WHERE r.rolname = current_user
"""
# `workspaces` is its own tenant; the others carry workspace_id.
_OPEN_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
   AND (c.relname IN ('workspaces', 'users') OR EXISTS (
         SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'workspace_id'
            AND NOT a.attisdropped))
   AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
 ORDER BY c.relname
"""
_WAITING = """
SELECT count(*) AS events,
       coalesce(extract(epoch FROM clock_timestamp() - min(occurred_at)), 0)::float8 AS age
  FROM (SELECT occurred_at FROM outbox_events WHERE sent_at IS NULL LIMIT 100000) AS unsent
"""


async def check_postgres(owner_url: str | None, app_url: str) -> AsyncIterator[Finding]:
    """As the application first; what only the owner sees is left out where it is not named."""
    app = await _connected("APP_DATABASE_URL", app_url)
    if isinstance(app, Finding):
        yield app
    else:
        try:
            yield await _version(app)
            yield await _clock(app)
            yield await _role(app)
            async for finding in _tables(app):
                yield finding
        finally:
            await app.close()
    yield await _migrated(owner_url)


async def _connected(name: str, url: str) -> "Connection | Finding":
    place = urlsplit(url)
    where = f"{place.hostname}:{place.port or 5432}{place.path}"
    try:
        return await asyncpg.connect(url, timeout=_PATIENCE)
    except asyncpg.InvalidPasswordError:
        mend = f"Correct the password in {name}. `seller migrate` makes the application's role."
        return broken("postgres", f"{name}: {where} refuses the password", mend)
    except asyncpg.InvalidCatalogNameError:
        mend = f"createdb {place.path.lstrip('/')}, then `seller migrate`."
        return broken("postgres", f"{name}: there is no database {where}", mend)
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as e:
        mend = f"Start Postgres there, or correct host and port in {name}."
        return broken("postgres", f"{name}: {where}: {type(e).__name__}: {e}".rstrip(": "), mend)


async def _version(connection: "Connection") -> Finding:
    number = int(await connection.fetchval("SELECT current_setting('server_version_num')"))
    said = f"Postgres {number // 10_000}.{number % 10_000}"
    if number < _OLDEST:
        return broken("postgres", said, "Postgres 15 or newer is needed.")
    return fine("postgres", said)


async def _clock(connection: "Connection") -> Finding:
    before = datetime.now(UTC)
    there = await connection.fetchval("SELECT clock_timestamp()")
    half_way = before + (datetime.now(UTC) - before) / 2
    apart = abs((there - half_way).total_seconds())
    if apart > _MOST_SKEW:
        said = f"{apart:.0f} s apart from Postgres's"
        return doubtful(
            "clock", said, "Let both machines keep time (NTP): tokens and days hang on it."
        )
    return fine("clock", f"{apart:.1f} s apart from Postgres's")


async def _role(connection: "Connection") -> Finding:
    role = await connection.fetchrow(_ROLE)
    assert role is not None  # noqa: S101 - every session has a role
    if role["rolsuper"] or role["rolbypassrls"]:
        said = f"APP_DATABASE_URL is {role['name']!r}, a superuser or with BYPASSRLS: no wall holds"
    elif role["owned"]:
        said = f"APP_DATABASE_URL is {role['name']!r}, which owns {role['owned']} tables"
    else:
        return fine("role", f"{role['name']!r} owns nothing and cannot pass the walls")
    mend = (
        "Name another user in APP_DATABASE_URL; `seller migrate` makes it, with the right grants."
    )
    return broken("role", said, mend)


async def _tables(connection: "Connection") -> AsyncIterator[Finding]:
    if await connection.fetchval("SELECT to_regclass('public.workspaces')") is None:
        yield broken("tables", "there are none", "Run `seller migrate`.")
        return
    open_tables = [row["relname"] for row in await connection.fetch(_OPEN_TABLES)]
    if open_tables:
        said = f"row security is not forced on {', '.join(open_tables)}"
        mend = "ALTER TABLE ... ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, at once."
        yield broken("walls", said, mend)
    else:
        yield fine("walls", "row security is forced on every tenant table")
    yield await _relay(connection)


async def _relay(connection: "Connection") -> Finding:
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL app.door = 'relay'")
            row = await connection.fetchrow(_WAITING)
    except asyncpg.InsufficientPrivilegeError:
        mend = "Run `seller migrate` with this APP_DATABASE_URL: it gives the role its grants."
        return broken("relay", "the application's role may not read the outbox", mend)
    assert row is not None  # noqa: S101 - an aggregate always has a row
    if row["age"] > _RELAY_LATE:
        said = f"{row['events']} events wait, the oldest for {row['age']:.0f} s"
        return doubtful("relay", said, "Start `seller relay`, or look into its log.")
    return fine("relay", f"{row['events']} events wait")


async def _migrated(owner_url: str | None) -> Finding:
    if owner_url is None:
        mend = "Name DATABASE_URL (the owner) to have this checked."
        return doubtful("migrations", "not checked", mend)
    owner = await _connected("DATABASE_URL", owner_url)
    if isinstance(owner, Finding):
        return owner
    try:
        applied = await applied_revision(owner)
    finally:
        await owner.close()
    wanted = wanted_revision()
    if applied != wanted:
        said = f"the tables are at {applied or 'nothing'}, the code wants {wanted}"
        return broken("migrations", said, "Run `seller migrate`.")
    return fine("migrations", f"at {applied}, the newest")
