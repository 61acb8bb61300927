"""Connections: pages of a list, as Relay describes them, with `nodes` for those who want less."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import strawberry

from commerce.conditions import Condition
from commerce.pages import Listing, OrderBy, Page, Window, count, page
from schema.costs import cost
from tenants.database import Reader
from tenants.pool import Row

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListedPage:
    """What a connection is resolved from."""

    page: Page[Any]
    reader: Reader
    where: Condition


def _edges(root: strawberry.Parent[ListedPage]) -> Any:
    return [_ListedEdge(row, root.page) for row in root.page.rows]


def _nodes(root: strawberry.Parent[ListedPage]) -> Any:
    return root.page.rows


def _page_info(root: strawberry.Parent[ListedPage]) -> "PageInfo":
    rows, cursor = root.page.rows, root.page.cursor
    return PageInfo(
        has_next_page=root.page.has_next,
        has_previous_page=root.page.has_previous,
        start_cursor=cursor(rows[0]) if rows else None,
        end_cursor=cursor(rows[-1]) if rows else None,
    )


async def _total_count(root: strawberry.Parent[ListedPage]) -> int:
    return await count(root.reader, root.page.listing, where=root.where)


@dataclass(frozen=True, slots=True)
class _ListedEdge:
    node: Row
    page: Page[Any]


def _cursor(root: strawberry.Parent[_ListedEdge]) -> str:
    return root.page.cursor(root.node)


@strawberry.type(
    description="Where a page lies in its list; the cursors go into `after` and `before`."
)
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="A row and its place in the list.")
class Edge(Generic[T]):
    node: T
    cursor: str = strawberry.field(resolver=_cursor)


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(resolver=_edges)
    nodes: list[T] = strawberry.field(resolver=_nodes)
    page_info: PageInfo = strawberry.field(resolver=_page_info)
    total_count: int = strawberry.field(
        resolver=_total_count,
        description="Counted only when asked for; costs a statement.",
        directives=cost(5),
    )


async def connect(
    reader: Reader,
    listing: Listing[Any],
    *,
    where: Condition,
    order_by: Sequence[OrderBy],
    window: Window,
) -> ListedPage:
    found = await page(reader, listing, where=where, order_by=tuple(order_by), window=window)
    return ListedPage(found, reader, where)
