"""`seller migrate`: bring the tables up to date."""

import asyncio
from typing import Annotated

import typer

from api.command_line.opening import pointed_at_embedded, refuse


def migrate(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether tables and models agree.")
    ] = False,
) -> None:
    """Make the roles and run every migration that is missing. Needs DATABASE_URL (the owner).

    Safe to repeat, and to run before the new version serves: migrations never break the version
    that is running. Example: `DATABASE_URL=... APP_DATABASE_URL=... seller migrate`
    """
    import asyncpg
    from alembic import command
    from alembic.util import CommandError

    from api.settings import load_settings
    from migrations.upgrade import alembic_config
    from migrations.upgrade import migrate as upgrade

    settings = pointed_at_embedded(load_settings())
    if settings.database_url is None or settings.app_database_url is None:
        refuse("DATABASE_URL (owner) and APP_DATABASE_URL (role) are needed.")
    owner = settings.database_url.get_secret_value()
    try:
        if check:
            command.check(alembic_config(owner))
            typer.echo("Tables and models agree.")
            return
        asyncio.run(upgrade(owner_url=owner, app_url=settings.app_database_url.get_secret_value()))
    except CommandError as error:
        refuse(f"Tables and models differ: {error}")
    except (OSError, ValueError, asyncpg.PostgresError) as error:
        refuse(f"{type(error).__name__}: {error}")
    typer.echo("The tables are up to date.")
