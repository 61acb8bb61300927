"""`seller staff`: the people who work for the platform, apart from sellers."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import typer

from api.command_line.opening import AsJson, Email, pointed_at_embedded, refuse, show

app = typer.Typer(no_args_is_help=True)


@app.command()
def add(email: Email) -> None:
    """Make somebody who has an account a member of the platform's staff.

    Needs DATABASE_URL (the owner): the application itself cannot make staff.
    """
    from tenants.staff import make_staff

    _as_owner(lambda owner: make_staff(owner, email=email, at=datetime.now(UTC)))


@app.command()
def end(email: Email) -> None:
    """End it; their staff tokens are refused from now on."""
    from tenants.staff import end_staff

    _as_owner(lambda owner: end_staff(owner, email=email, at=datetime.now(UTC)))


@app.command("list")
def list_all(*, as_json: AsJson = False) -> None:
    """Name the platform's staff."""
    from tenants.staff import staff

    rows = _as_owner(staff)
    show([dict(row) for row in rows], as_json=as_json)


def _as_owner(work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Run `work` with a connection as the tables' owner."""
    import asyncpg

    from api.settings import load_settings
    from tenants.staff import StaffRefused

    settings = pointed_at_embedded(load_settings())
    if settings.database_url is None:
        refuse("DATABASE_URL (the owner of the tables) is needed.")
    url = settings.database_url.get_secret_value()

    async def run() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await work(connection)
        finally:
            await connection.close()

    try:
        return asyncio.run(run())
    except (StaffRefused, OSError, asyncpg.PostgresError) as error:
        refuse(str(error))
