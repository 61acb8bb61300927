"""`seller migrate`: bring the tables up to date."""

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from api.command_line.opening import pointed_at_embedded, refuse


def migrate(
    *,
    check: Annotated[
        bool,
        typer.Option("--check", help="Only say whether migrations and models agree."),
    ] = False,
) -> None:
    """Make the roles and run every migration that is missing. Needs DATABASE_URL (the owner).

    Safe to repeat, and to run before the new version serves: migrations never break the version
    that is running. --check asks a database made for that, where DATABASE_URL names none.

    Example: `DATABASE_URL=... APP_DATABASE_URL=... seller migrate`
    """
    from api.settings import load_settings

    settings = load_settings()
    if check:
        _check(settings.database_url.get_secret_value() if settings.database_url else None)
        return
    settings = pointed_at_embedded(settings)
    if settings.database_url is None or settings.app_database_url is None:
        refuse("DATABASE_URL (owner) and APP_DATABASE_URL (role) are needed.")
    _upgrade(settings.database_url.get_secret_value(), settings.app_database_url.get_secret_value())
    typer.echo("The tables are up to date.")


def _upgrade(owner_url: str, app_url: str) -> None:
    import asyncpg
    from alembic.util import CommandError

    from migrations.upgrade import migrate as upgrade

    try:
        asyncio.run(upgrade(owner_url=owner_url, app_url=app_url))
    except (OSError, ValueError, CommandError, asyncpg.PostgresError) as error:
        refuse(f"{type(error).__name__}: {error}")


def _check(owner_url: str | None) -> None:
    from alembic import command
    from alembic.util import CommandError

    from migrations.upgrade import alembic_config

    with contextlib.ExitStack() as stack:
        url = owner_url or _new_database(stack)
        try:
            command.check(alembic_config(url))
        except CommandError as error:
            refuse(f"Migrations and models differ: {error}")
    typer.echo("Migrations and models agree.")


def _new_database(stack: contextlib.ExitStack) -> str:
    """A server of our own with every migration run, gone at the end."""
    from api.embedded.postgres import EmbeddedPostgres

    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="seller-check-"))
    postgres = EmbeddedPostgres(Path(folder), settings={"fsync": "off"})
    stack.callback(postgres.stop)
    postgres.start()
    app_url = postgres.url.replace("//postgres:", "//seller_login:", 1)
    _upgrade(postgres.url, app_url)
    return postgres.url
