"""How much there is, and what every file of rows draws from: the same at each build.

Sizes at scale 1 are those of 50 workspaces that do well: 100,000 products, 300,000 SKUs, 200,000
orders and 500,000 lines.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from commerce.shops.sites import SITES, Site

NOW = datetime(2026, 11, 1, tzinfo=UTC)  # the last order is a little older
SKUS_OF_A_PRODUCT = (1, 2, 3, 4, 5)  # in turn, so 3 on average
LINES_OF_AN_ORDER = (1, 2, 3, 4)  # likewise, 2.5
_SELLING = (Site.TH, Site.VN, Site.MY, Site.PH, Site.SG, Site.GB, Site.US)
_SMALLEST_CATALOGUE = 120  # two pages and more
_SMALLEST_CIRCLE = 4


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Workspaces, and products and orders of each."""

    workspaces: int
    products: int
    orders: int

    @property
    def told(self) -> dict[str, int]:
        products, orders = self.workspaces * self.products, self.workspaces * self.orders
        return {
            "workspaces": self.workspaces,
            "products": products,
            "SKUs": products * 3,
            "orders": orders,
            "lines": orders * 5 // 2,
        }


def sizes(scale: float) -> Sizes:
    products = max(_SMALLEST_CATALOGUE, round(2_000 * scale))
    products -= products % len(SKUS_OF_A_PRODUCT)
    return Sizes(
        workspaces=max(_SMALLEST_CIRCLE, round(50 * scale)), products=products, orders=products * 2
    )


@dataclass(frozen=True)
class Table:
    """Rows to be copied into a table."""

    name: str
    columns: tuple[str, ...]
    rows: list[tuple[object, ...]]


class Drawer:
    """One workspace's chance: whatever is drawn, is drawn again at the next build."""

    def __init__(self, number: int, of: Sizes) -> None:
        self.number = number
        self.sizes = of
        self.site = _SELLING[number % len(_SELLING)]
        self.currency = SITES[self.site].currency
        self.chance = random.Random(f"seller-center-{number}")
        self.workspace_id = self.id_at(datetime(2024, 1, 1, tzinfo=UTC))

    def id_at(self, moment: datetime) -> UUID:
        """A UUIDv7, as `tenants/ids.py` makes them, of a given moment."""
        value = int(moment.timestamp() * 1000) << 80 | self.chance.getrandbits(80)
        value &= ~(0xF << 76) & ~(0b11 << 62)
        return UUID(int=value | 0x7 << 76 | 0b10 << 62)

    def table(self, name: str, columns: str, rows: Iterable[tuple[object, ...]]) -> Table:
        """Each row begins with the workspace."""
        named = ("workspace_id", *columns.split())
        return Table(name, named, [(self.workspace_id, *row) for row in rows])
