"""Pages of a list by keyset: stable under inserts, one index range however deep the page lies.

The last order column is always followed by the row's id, so that every row has one place. Cursors
are opaque to clients and carry no workspace: the statement names it, whatever a cursor says.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Table,
    and_,
    bindparam,
    func,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import asyncpg as postgresql

from commerce.conditions import EVERYTHING, Condition, Rule, Shape, split, to_sql
from tenants.database import Reader
from tenants.pool import Row

R = TypeVar("R", bound=Row)
MAX_PAGE = 100
DEFAULT_PAGE = 20
MAX_ORDER = 5


class BadArgument(ValueError):
    """An argument cannot be used; `argument` names it."""

    code = "BAD_USER_INPUT"

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(f"`{argument}` {message}")
        self.argument = argument


@dataclass(frozen=True, slots=True)
class OrderBy:
    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which part of the list: `first` after a cursor, or `last` before one."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Listing(Generic[R]):
    """What can be listed: `rules` says what `where` may name, `orders` what `orderBy` may.

    Order columns are never null. `default_order` applies where none is asked for.
    """

    table: Table
    row: type[R]
    rules: Mapping[str, Rule]
    orders: Mapping[str, ColumnElement[Any]]
    default_order: tuple[OrderBy, ...]
    tie_break: str = "id"


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    rows: list[R]
    order: tuple[OrderBy, ...]
    listing: Listing[R]
    has_next: bool
    has_previous: bool

    def cursor(self, row: R) -> str:
        names = [self.listing.orders[o.field].key for o in self.order]
        values = [row[str(name)] for name in (*names, self.listing.tie_break)]
        return _encode([_signature(self.order), *values])


async def page(
    reader: Reader,
    listing: Listing[R],
    *,
    where: Condition = EVERYTHING,
    order_by: tuple[OrderBy, ...] = (),
    window: Window,
) -> Page[R]:
    """One page; a bad cursor or page size is `BadArgument`."""
    order = order_by or listing.default_order
    _check_order(order)
    size, backward, cursor = _bounds(window)
    shape, values = split(where)
    edge: list[Any] = []
    if cursor is not None:
        edge = _decode(cursor, order, listing, "before" if backward else "after")
    statement = _page_statement(listing, shape, order, backward, bool(edge))
    given = {"workspace": reader.workspace_id, "limit": size + 1, **values}
    given |= {f"e{n}": value for n, value in enumerate(edge)}
    rows = await reader.fetch(statement.text, *statement.arguments(given), row=listing.row)
    more = len(rows) > size
    rows = rows[:size]
    if backward:
        return Page(rows[::-1], order, listing, has_next=bool(edge), has_previous=more)
    return Page(rows, order, listing, has_next=more, has_previous=bool(edge))


async def count(reader: Reader, listing: Listing[R], *, where: Condition = EVERYTHING) -> int:
    shape, values = split(where)
    statement = _count_statement(listing, shape)
    given = {"workspace": reader.workspace_id, **values}
    return int(await reader.fetchval(statement.text, *statement.arguments(given)))


@dataclass(frozen=True, slots=True)
class Statement:
    """Composed SQL: `$1`-style text, the names of its parameters in order, and the values of
    those that the composition itself brought along."""

    text: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        return [values[n] if n in values else self.constants[n] for n in self.names]


def compiled(query: Select[Any]) -> Statement:
    result = query.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
    constants = {name: value for name, value in result.params.items() if value is not None}
    return Statement(str(result), tuple(result.positiontup or ()), constants)


@lru_cache(maxsize=2_000)
def _page_statement(
    listing: Listing[R],
    shape: Shape,
    order: tuple[OrderBy, ...],
    backward: bool,  # noqa: FBT001 - part of the cache key
    edge: bool,  # noqa: FBT001
) -> Statement:
    columns = [listing.orders[o.field] for o in order] + [listing.table.c[listing.tie_break]]
    falling = [o.descending for o in order] + [order[-1].descending]
    falling = [flag != backward for flag in falling]
    query = select(listing.table).where(_in_workspace(listing), to_sql(shape, listing.rules))
    if edge:
        query = query.where(_beyond(columns, falling))
    ordered = [c.desc() if f else c.asc() for c, f in zip(columns, falling, strict=True)]
    return compiled(query.order_by(*ordered).limit(bindparam("limit", type_=BigInteger())))


@lru_cache(maxsize=2_000)
def _count_statement(listing: Listing[R], shape: Shape) -> Statement:
    query = select(func.count()).select_from(listing.table)
    return compiled(query.where(_in_workspace(listing), to_sql(shape, listing.rules)))


def _in_workspace(listing: Listing[R]) -> ColumnElement[bool]:
    column = listing.table.c.workspace_id
    return column == bindparam("workspace", type_=column.type)


def _beyond(columns: list[ColumnElement[Any]], falling: list[bool]) -> ColumnElement[bool]:
    """Rows after the edge: one row comparison where the direction is one, else its expansion."""
    edge = [bindparam(f"e{n}", type_=column.type) for n, column in enumerate(columns)]
    if len(set(falling)) == 1:
        left, right = tuple_(*columns), tuple_(*edge)
        return left < right if falling[0] else left > right
    cases = []
    for n, (column, down) in enumerate(zip(columns, falling, strict=True)):
        level = [c == e for c, e in zip(columns[:n], edge[:n], strict=True)]
        cases.append(and_(*level, column < edge[n] if down else column > edge[n]))
    return or_(*cases)


def _bounds(window: Window) -> tuple[int, bool, str | None]:
    backward = window.last is not None
    if backward and (window.first is not None or window.after is not None):
        raise BadArgument("last", "goes with `before`; it cannot be mixed with `first` or `after`.")
    if not backward and window.before is not None:
        raise BadArgument("before", "goes with `last`: say how many rows before it you want.")
    name = "last" if backward else "first"
    size = (window.last if backward else window.first) or 0
    if window.first is None and window.last is None:
        size = DEFAULT_PAGE
    if not 1 <= size <= MAX_PAGE:
        raise BadArgument(name, f"must lie between 1 and {MAX_PAGE}; it was {size}.")
    return size, backward, window.before if backward else window.after


def _check_order(order: tuple[OrderBy, ...]) -> None:
    fields = [o.field for o in order]
    if len(order) > MAX_ORDER:
        raise BadArgument("orderBy", f"names at most {MAX_ORDER} fields; it named {len(order)}.")
    if len(set(fields)) < len(fields):
        raise BadArgument("orderBy", f"names a field twice: {', '.join(fields)}.")


def _signature(order: tuple[OrderBy, ...]) -> str:
    return ",".join(f"{'-' if o.descending else ''}{o.field}" for o in order)


def _encode(values: list[Any]) -> str:
    plain = [v.isoformat() if isinstance(v, datetime) else v for v in values]
    text = json.dumps(plain, default=str, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(
    cursor: str, order: tuple[OrderBy, ...], listing: Listing[Any], argument: str
) -> list[Any]:
    try:
        signature, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise _no_cursor(argument) from None
    if not isinstance(signature, str):
        raise _no_cursor(argument)
    if signature != _signature(order):
        raise BadArgument(argument, "comes from a list in another order; start that list anew.")
    columns = [listing.orders[o.field] for o in order] + [listing.table.c[listing.tie_break]]
    try:
        return [_typed(v, c) for v, c in zip(values, columns, strict=True)]
    except (ValueError, TypeError, OverflowError):
        raise _no_cursor(argument) from None


def _no_cursor(argument: str) -> BadArgument:
    return BadArgument(
        argument, "is not a cursor of this list; pass one from pageInfo or edges unchanged."
    )


def _typed(value: Any, column: ColumnElement[Any]) -> Any:
    kind = column.type.python_type
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return moment.astimezone(UTC)  # OverflowError at the ends of the calendar
    if kind is UUID:
        return UUID(value)
    if (
        kind is int
        and isinstance(value, int)
        and not isinstance(value, bool)
        and abs(value) < 2**63
    ):
        return value
    if kind is str and isinstance(value, str) and "\x00" not in value:
        value.encode()  # half a surrogate pair is a ValueError
        return value
    raise ValueError(f"not a {kind}")
