"""Which revision the code wants and which a database has, without loading Alembic."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

VERSIONS = Path(__file__).resolve().parents[2] / "migrations" / "versions"
_NAMED = re.compile(
    r"""^(revision|down_revision)\b[^=]*=\s*(?:["']([^"']+)["']|None)""", re.MULTILINE
)


def wanted_revision(versions: Path = VERSIONS) -> str:
    """The newest revision: the one that no other builds upon."""
    known: set[str] = set()
    built_upon: set[str] = set()
    for file in versions.glob("*.py"):
        names = dict(_NAMED.findall(file.read_text(encoding="utf-8")))
        if "revision" in names:
            known.add(names["revision"])
            built_upon.add(names.get("down_revision", ""))
    heads = known - built_upon
    if len(heads) != 1:
        raise ValueError(f"{versions} has to end in one revision; it ends in {sorted(heads)}.")
    return heads.pop()


async def applied_revision(connection: "Connection") -> str | None:
    """What the database has; None where nothing was migrated yet. Asks as the owner."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return revision


async def is_up_to_date(*, owner_url: str, app_url: str) -> bool:
    """Whether there is nothing to migrate and the application can sign in: asked at each start,
    because Alembic takes a second to answer the same."""
    try:
        owner = await asyncpg.connect(owner_url, timeout=10)
        try:
            if await applied_revision(owner) != wanted_revision():
                return False
        finally:
            await owner.close()
        app = await asyncpg.connect(app_url, timeout=10)
        try:
            member: bool = await app.fetchval("SELECT pg_has_role('seller_app', 'USAGE')")
        finally:
            await app.close()
    except (asyncpg.PostgresError, OSError):
        return False
    return member
