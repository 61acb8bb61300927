"""`seller key`: API keys for integrators."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from api.command_line.opening import AsJson, Slug, refuse, show, with_parts, workspace_opened
from tenants.grants import Grant

app = typer.Typer(no_args_is_help=True)


@app.command()
def create(
    workspace: Slug,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    *,
    scope: Annotated[list[Grant], typer.Option(help="What it may do; repeat for several.")],
    expires: Annotated[datetime | None, typer.Option(help="In UTC; default: never.")] = None,
) -> None:
    """Make a key and print it, once: only its hash is stored.

    Example: `seller key create my-shop "Warehouse" --scope orders:read --scope orders:manage`
    """
    from datetime import UTC

    from api.parts import Parts
    from tenants.api_keys import create_key

    until = expires.replace(tzinfo=UTC) if expires else None
    if until is not None and until <= datetime.now(UTC):
        refuse(f"--expires {until:%Y-%m-%d %H:%M} UTC is past.")

    async def work(parts: Parts) -> None:
        async with workspace_opened(parts, workspace) as database:
            _, key = await database.change(
                "apiKeyCreate",
                lambda writer: create_key(writer, name=name, scopes=scope, expires_at=until),
            )
        typer.echo(key)

    with_parts(work)


@app.command("list")
def list_all(workspace: Slug, *, as_json: AsJson = False) -> None:
    """Name the keys that are not revoked: id, name, last use, expiry, scopes."""
    from api.parts import Parts
    from tenants.api_keys import keys

    async def work(parts: Parts) -> None:
        async with workspace_opened(parts, workspace) as database:
            rows = await keys(database.reading())
        told = [
            {
                "id": row.id,
                "name": row.name,
                "lastUsedAt": row.last_used_at.isoformat() if row.last_used_at else None,
                "expiresAt": row.expires_at.isoformat() if row.expires_at else None,
                "scopes": row.scopes if as_json else " ".join(row.scopes),
            }
            for row in rows
        ]
        show(told, as_json=as_json)

    with_parts(work)


@app.command()
def revoke(
    workspace: Slug, key_id: Annotated[UUID, typer.Argument(help="Id; `seller key list`.")]
) -> None:
    """End a key at once."""
    from api.parts import Parts
    from tenants.api_keys import revoke_key

    async def work(parts: Parts) -> None:
        async with workspace_opened(parts, workspace) as database:
            done = await database.change("apiKeyRevoke", lambda writer: revoke_key(writer, key_id))
        if not done:
            refuse(f"{workspace} has no key {key_id} that is still good.")
        typer.echo("Revoked.")

    with_parts(work)
