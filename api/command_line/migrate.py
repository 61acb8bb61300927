"""`seller migrate`: bring the tables up to date."""

import asyncio
from typing import Annotated

import typer


def migrate(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether tables and models agree.")
    ] = False,
) -> None:
    """Make the roles and run every migration that is missing. Needs DATABASE_URL (the owner)."""
    from alembic import command
    from alembic.util import CommandError

    from api.settings import load_settings
    from migrations.upgrade import alembic_config
    from migrations.upgrade import migrate as upgrade

    settings = load_settings()
    if settings.database_url is None or settings.app_database_url is None:
        typer.secho("DATABASE_URL (owner) and APP_DATABASE_URL (role) are needed.", fg="red")
        raise typer.Exit(2)
    owner = settings.database_url.get_secret_value()
    if check:
        try:
            command.check(alembic_config(owner))
        except CommandError as error:
            typer.secho(f"Tables and models differ: {error}", fg="red")
            raise typer.Exit(1) from None
        return
    asyncio.run(upgrade(owner_url=owner, app_url=settings.app_database_url.get_secret_value()))
    typer.echo("The tables are up to date.")
