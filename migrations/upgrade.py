"""Bring a database to the newest revision, and make the role the application runs as."""

import asyncio
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg
from alembic import command
from alembic.config import Config

from migrations.walls import APP_ROLE

HERE = Path(__file__).parent


def alembic_config(owner_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("file_template", "%%(year)d%%(month).2d%%(day).2d_%%(slug)s")
    config.attributes["url"] = owner_url
    return config


async def migrate(*, owner_url: str, app_url: str) -> None:
    """Roles first (the grants need them), then every revision that is missing."""
    await make_roles(owner_url=owner_url, app_url=app_url)
    await asyncio.to_thread(command.upgrade, alembic_config(owner_url), "head")


async def make_roles(*, owner_url: str, app_url: str) -> None:
    """Create the group role that holds the grants, and the login of `app_url` in it."""
    login = urlsplit(app_url)
    name, password = unquote(login.username or ""), unquote(login.password or "")
    if not name:
        raise ValueError("APP_DATABASE_URL names no user; add one, for example seller_login.")
    connection = await asyncpg.connect(owner_url)
    try:
        if name == await connection.fetchval("SELECT current_user"):
            raise ValueError(
                "APP_DATABASE_URL and DATABASE_URL connect as the same user. The application "
                "needs a role of its own that owns no table; name another user."
            )
        await _ensure_role(connection, APP_ROLE, "NOLOGIN")
        secret = f"LOGIN PASSWORD {await _literal(connection, password)}"
        await _ensure_role(connection, name, secret if password else "LOGIN")
        await connection.execute(f'GRANT {APP_ROLE} TO "{name.replace(chr(34), "")}"')
    finally:
        await connection.close()


async def _ensure_role(connection: asyncpg.Connection, name: str, options: str) -> None:
    safe = name.replace('"', "")
    options = f"NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS {options}"
    known = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name)
    if not known:
        await connection.execute(f'CREATE ROLE "{safe}" {options}')


async def _literal(connection: asyncpg.Connection, value: str) -> str:
    return str(await connection.fetchval("SELECT quote_literal($1::text)", value))
