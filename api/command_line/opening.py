"""What most commands begin with: settings, logs, connections."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import typer

if TYPE_CHECKING:
    from api.application import Parts

T = TypeVar("T")


def with_parts(work: "Callable[[Parts], Awaitable[T]]") -> T:
    """Run `work` with open connections; what a person can mend is told without a traceback."""
    import asyncpg

    from api.application import open_parts
    from api.settings import load_settings
    from tenants.pool import UnsafeRoleError

    settings = _pointed_at_embedded(load_settings())

    async def run() -> T:
        async with open_parts(settings) as parts:
            return await work(parts)

    try:
        return asyncio.run(run())
    except (UnsafeRoleError, OSError, asyncpg.PostgresError) as error:
        typer.secho(f"{type(error).__name__}: {error}", fg="red", err=True)
        typer.echo("`seller doctor` says more.", err=True)
        raise typer.Exit(1) from None


async def workspace_id_of(parts: "Parts", slug: str) -> UUID:
    from tenants.database import platform_door

    async with platform_door(parts.pool, "staff") as connection:
        found = await connection.fetchval("SELECT id FROM workspaces WHERE slug = $1", slug)
    if found is None:
        typer.secho(
            f"There is no workspace {slug!r}; `seller workspace list` names them.", fg="red"
        )
        raise typer.Exit(1)
    return found  # type: ignore[no-any-return]


def _pointed_at_embedded(settings: Any) -> Any:
    """Without named servers, the ones that `seller run` keeps in this checkout, if it runs."""
    if settings.app_database_url is not None:
        return settings
    addresses = settings.state / "servers.json"
    if not addresses.exists():
        typer.secho(
            "No servers are named (APP_DATABASE_URL, REDIS_URL) and none run in this checkout; "
            "start them with `make run`.",
            fg="red",
            err=True,
        )
        raise typer.Exit(1)
    import json

    from pydantic import SecretStr

    given = json.loads(addresses.read_text())
    return settings.model_copy(update={name: SecretStr(url) for name, url in given.items()})
