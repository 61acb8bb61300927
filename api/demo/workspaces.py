"""Opens the demo workspaces once, and hands out fresh tokens at every start."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from api.demo.cast import WORKSPACES, DemoProduct, DemoWorkspace
from api.parts import Parts
from commerce.catalogue import drafts
from commerce.catalogue import operations as catalogue
from commerce.live.operations import start_room
from commerce.money import to_minor
from commerce.shops.operations import open_shop
from commerce.stock.operations import add_warehouse
from schema.nodes import global_id
from tenants.database import WorkspaceDatabase, Writer, platform_door
from tenants.grants import Role
from tenants.identity import system_principal
from tenants.pool import Row
from tenants.private_file import write_private
from tenants.workspaces import ensure_user, join, open_workspace

_BY_SLUG = "SELECT id, slug FROM workspaces WHERE slug = ANY($1)"
_ROOM = "SELECT id FROM live_rooms WHERE workspace_id = $1 ORDER BY started_at LIMIT 1"
_PEOPLE = "SELECT user_id, role FROM memberships WHERE workspace_id = $1 AND ended_at IS NULL"


class _Id(Row):
    id: UUID
    slug: str


class _Person(Row):
    user_id: UUID
    role: str


async def open_demo(parts: Parts) -> dict[str, UUID]:
    """Make the demo workspaces that are not there yet; ids by slug."""
    slugs = [demo.slug for demo in WORKSPACES]
    async with platform_door(parts.pool, "identity") as connection:
        rows = await connection.fetch(_BY_SLUG, slugs)
    known = {row["slug"]: row["id"] for row in rows}
    for demo in WORKSPACES:
        if demo.slug not in known:
            known[demo.slug] = await _make(parts, demo)
    return {slug: known[slug] for slug in slugs}


async def write_tokens(parts: Parts, workspaces: dict[str, UUID], *, url: str, to: Path) -> Any:
    """A token per workspace and role, into a file that only its owner reads."""
    told = {
        "url": url,
        "workspaces": [await _tell(parts, demo, workspaces[demo.slug]) for demo in WORKSPACES],
    }
    write_private(to, json.dumps(told, indent=2, ensure_ascii=False))
    return told


async def _tell(parts: Parts, demo: DemoWorkspace, workspace_id: UUID) -> dict[str, Any]:
    database = parts.open_database(system_principal(workspace_id))
    try:
        reader = database.reading()
        room = await reader.fetchrow(_ROOM, workspace_id, row=_Id)
        people = await reader.fetch(_PEOPLE, workspace_id, row=_Person)
    finally:
        await database.close()
    lifetime = timedelta(hours=parts.settings.demo_token_hours)
    tokens: dict[str, str] = {}
    by_role = {Role(person.role): person.user_id for person in people}
    for role in Role:
        if role in by_role:
            signed_in = await parts.sessions.open(
                user_id=by_role[role],
                workspace_id=workspace_id,
                role=role,
                at=datetime.now(UTC),
                lifetime=lifetime,
            )
            tokens[role.value] = signed_in.access_token
    return {
        "id": global_id("Workspace", workspace_id),
        "slug": demo.slug,
        "name": demo.name,
        "tokens": tokens,
        "liveRoomId": global_id("LiveRoom", room.id) if room else None,
    }


async def _make(parts: Parts, demo: DemoWorkspace) -> UUID:
    workspace_id = await open_workspace(
        parts.pool, slug=demo.slug, name=demo.name, legacy_id=demo.legacy_id
    )
    database = parts.open_database(system_principal(workspace_id))
    await _people(parts, demo, database)

    async def furnish(writer: Writer) -> None:
        for site in demo.sites:
            name = f"{demo.name} {site.value}"
            await open_shop(writer, site=site, name=name, legacy_id=f"{demo.legacy_id}-{site}")
        warehouse_id = await add_warehouse(writer, name=demo.warehouse)
        for product in demo.products:
            product_id = await catalogue.create(writer, _product(demo, product, warehouse_id))
            await catalogue.activate(writer, product_id, expected_version=None)
        await start_room(
            writer,
            external_id=demo.room_external_id,
            site=demo.sites[0],
            title=demo.room_title,
            host=demo.host,
        )

    await database.change("demoOpen", furnish)
    return workspace_id


async def _people(parts: Parts, demo: DemoWorkspace, database: WorkspaceDatabase) -> None:
    now = datetime.now(UTC)
    for role in Role:
        who = role.value.lower().replace("_", "-")
        user_id = await ensure_user(
            parts.pool,
            email=f"{who}@{demo.slug}.example",
            name=f"{role.value.replace('_', ' ').title()} of {demo.name}",
            password_hash=None,
            at=now,
        )

        async def work(writer: Writer, user_id: UUID = user_id, role: Role = role) -> None:
            await join(writer, user_id, role)

        await database.change("demoOpen", work)


def _product(demo: DemoWorkspace, product: DemoProduct, warehouse_id: UUID) -> drafts.NewProduct:
    from decimal import Decimal

    price = to_minor(Decimal(product.price), demo.currency)
    return drafts.NewProduct(
        title=product.title,
        description=f"{product.title}. Sold by {demo.name}.",
        brand=demo.name,
        category_id=product.category_id,
        skus=tuple(
            drafts.NewSku(
                seller_sku=f"{product.sku_prefix}-{number:02d}",
                price_minor=price,
                currency=demo.currency,
                sales_attributes=(("Variation", variation),),
                stock=(drafts.NewStock(warehouse_id=warehouse_id, available=40 + 15 * number),),
            )
            for number, variation in enumerate(product.variations, 1)
        ),
        translations=tuple(
            drafts.NewTranslation(locale=locale, title=title)
            for locale, title in product.local_titles.items()
        ),
        sites=demo.sites,
    )
