"""`seller key`: API keys for integrators."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from api.command_line.opening import with_parts, workspace_id_of

app = typer.Typer(no_args_is_help=True)
Slug = Annotated[str, typer.Argument(help="Slug of the workspace.")]


@app.command()
def create(
    workspace: Slug,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    *,
    scope: Annotated[list[str], typer.Option(help="Such as orders:read; repeat for several.")],
    expires: Annotated[datetime | None, typer.Option(help="In UTC.")] = None,
) -> None:
    """Make a key and print it, once."""
    from datetime import UTC

    from api.application import Parts
    from tenants.api_keys import create_key
    from tenants.grants import Grant
    from tenants.identity import system_principal

    try:
        scopes = [Grant(one) for one in scope]
    except ValueError as error:
        known = ", ".join(grant.value for grant in Grant)
        typer.secho(f"{error}; the scopes are: {known}.", fg="red")
        raise typer.Exit(2) from None
    until = expires.replace(tzinfo=UTC) if expires else None

    async def work(parts: Parts) -> None:
        database = parts.open_database(
            system_principal(await workspace_id_of(parts, workspace)), "command-line"
        )
        _, key = await database.change(
            "apiKeyCreate",
            lambda writer: create_key(writer, name=name, scopes=scopes, expires_at=until),
        )
        typer.echo(key)

    with_parts(work)


@app.command("list")
def list_all(workspace: Slug) -> None:
    """Name the keys that are good, with their scopes and last use."""
    from api.application import Parts
    from tenants.api_keys import ApiKeyRow
    from tenants.identity import system_principal

    async def work(parts: Parts) -> None:
        workspace_id = await workspace_id_of(parts, workspace)
        database = parts.open_database(system_principal(workspace_id), "command-line")
        rows = await database.reading().fetch(
            "SELECT * FROM api_keys WHERE workspace_id = $1 AND revoked_at IS NULL "
            "ORDER BY created_at",
            workspace_id,
            row=ApiKeyRow,
        )
        await database.close()
        for row in rows:
            used = row.last_used_at.isoformat() if row.last_used_at else "never used"
            typer.echo(f"{row.id}  {row.name:<30} {used:<32} {' '.join(row.scopes)}")

    with_parts(work)


@app.command()
def revoke(workspace: Slug, key_id: UUID) -> None:
    """End a key at once."""
    from api.application import Parts
    from tenants.api_keys import revoke_key
    from tenants.identity import system_principal

    async def work(parts: Parts) -> None:
        database = parts.open_database(
            system_principal(await workspace_id_of(parts, workspace)), "command-line"
        )
        done = await database.change("apiKeyRevoke", lambda writer: revoke_key(writer, key_id))
        typer.echo("Revoked." if done else "There is no such key that is still good.")

    with_parts(work)
