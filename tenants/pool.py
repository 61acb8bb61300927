"""The connections to Postgres: how they are opened, and the proof that row security binds them."""

import asyncio
import contextlib
import inspect
import json
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import asyncpg
import orjson

from tenants.access_check import ACCESS_CHECKS


class Row(asyncpg.Record):
    """A row whose columns read as attributes: those that a subclass declares, at a tenth of what
    any other costs."""

    def __init_subclass__(cls) -> None:
        for name in cls.declared():
            setattr(cls, name, property(itemgetter(name)))

    @classmethod
    def declared(cls) -> tuple[str, ...]:
        """The columns that the class itself declares."""
        return tuple(inspect.get_annotations(cls))

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


if TYPE_CHECKING:
    _Pool = asyncpg.Pool[Row]
    _Connection = asyncpg.Connection[Row]
else:  # asyncpg's classes are generic for type checkers only
    _Pool = asyncpg.Pool
    _Connection = asyncpg.Connection


class Pool(_Pool):
    """A pool whose callers wait `acquire_timeout` seconds at most for a connection."""

    acquire_timeout: float = 5.0

    def acquire(self, *, timeout: float | None = None) -> Any:
        return super().acquire(timeout=self.acquire_timeout if timeout is None else timeout)

    async def one(self) -> Any:
        """A connection, as by `acquire` but without the task that asyncpg's time limit takes."""
        async with asyncio.timeout(self.acquire_timeout):
            return await super().acquire(timeout=None)

    @property
    def exhausted(self) -> bool:
        """Whether whoever wants a connection now has to wait for another one's."""
        return self.get_size() - self.get_idle_size() >= self.get_max_size()


class TenantConnection(_Connection):
    """A connection that keeps no session state but what is prepared when it is opened, so that
    giving it back costs no round trip.

    Everything we set is set LOCAL to a transaction; tests/tenants/test_database.py proves that
    nothing survives into the next checkout.
    """

    def get_reset_query(self) -> str:
        return ""


Connection = TenantConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """Connections per process, and the time-outs in seconds after which Postgres gives up."""

    size: int = 16
    acquire_timeout: float = 5.0
    connect_timeout: float = 5.0
    statement_timeout: float = 10.0
    lock_timeout: float = 5.0
    idle_in_transaction_timeout: float = 30.0


async def open_pool(url: str, *, limits: PoolLimits, name: str = "seller-center") -> Pool:
    pool = Pool(
        url,
        min_size=1,
        max_size=limits.size,
        max_queries=50_000,
        max_inactive_connection_lifetime=300.0,
        timeout=limits.connect_timeout,
        command_timeout=limits.statement_timeout + 5,
        record_class=Row,
        connection_class=TenantConnection,
        connect=_opened,
        init=_prepared,
        loop=None,
        server_settings={
            "application_name": name,
            "jit": "off",
            "statement_timeout": _milliseconds(limits.statement_timeout),
            "lock_timeout": _milliseconds(limits.lock_timeout),
            "idle_in_transaction_session_timeout": _milliseconds(
                limits.idle_in_transaction_timeout
            ),
        },
    )
    pool.acquire_timeout = limits.acquire_timeout
    await pool
    return pool


async def _opened(*where: Any, **how: Any) -> Any:
    """A new connection, opened to its end even where whoever waits for it is cancelled: asyncpg,
    given up in mid-handshake, leaves behind a failure that asyncio logs as an error."""
    opening = asyncio.ensure_future(asyncpg.connect(*where, **how))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_thrown_away)
        raise


def _thrown_away(opening: "asyncio.Future[Any]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().terminate()


class UnsafeRoleError(RuntimeError):
    """The database role could see through the walls between workspaces."""


_ROLE = """
SELECT r.rolname, r.rolsuper, r.rolbypassrls,
       (SELECT array_agg(c.relname::text) FROM pg_class c
         JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
          AND pg_has_role(r.oid, c.relowner, 'MEMBER')) AS owned
  FROM pg_roles r WHERE r.rolname = current_user
"""


async def check_role(pool: Pool) -> None:
    """Refuse to serve with a role that row security does not bind."""
    role = await pool.fetchrow(_ROLE)
    assert role is not None  # noqa: S101 - every session has a role
    if role.rolsuper or role.rolbypassrls:
        raise UnsafeRoleError(
            f"APP_DATABASE_URL connects as {role.rolname!r}, which is a superuser or has BYPASSRLS "
            "and reads every workspace. Use a role made with NOSUPERUSER NOBYPASSRLS; "
            "`seller migrate` makes one."
        )
    if role.owned:
        raise UnsafeRoleError(
            f"APP_DATABASE_URL connects as {role.rolname!r}, which owns tables "
            f"({', '.join(sorted(role.owned)[:3])}, ...) and could switch row security off. "
            "Use a role that owns nothing; `seller migrate` makes one."
        )


async def _prepared(connection: Any) -> None:
    with contextlib.suppress(asyncpg.UndefinedTableError):  # a database without our tables as yet
        await connection.execute(ACCESS_CHECKS)
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_to_json, decoder=orjson.loads, format="text"
    )


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))
