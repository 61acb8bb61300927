"""Opening a shop."""

from uuid import UUID

from commerce.shops.sites import Site
from tenants.database import Writer
from tenants.ids import new_id

_INSERT = """
INSERT INTO shops (workspace_id, id, site, name, external_id, legacy_id, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


async def open_shop(
    writer: Writer,
    *,
    site: Site,
    name: str,
    external_id: str | None = None,
    legacy_id: str | None = None,
) -> UUID:
    """The workspace's one shop on a site."""
    shop_id = new_id()
    await writer.execute(
        _INSERT, writer.workspace_id, shop_id, site.value, name, external_id, legacy_id,
        writer.changes.at,
    )  # fmt: skip
    writer.changes.audit("Shop", shop_id, after={"site": site, "name": name})
    return shop_id
