"""`seller token`: access tokens from the command line."""

from typing import Annotated

import typer

from api.command_line.opening import with_parts, workspace_id_of

app = typer.Typer(no_args_is_help=True)


@app.command()
def issue(
    workspace: Annotated[str, typer.Argument(help="Slug of the workspace.")],
    email: Annotated[str, typer.Argument(help="Address of a member.")],
    *,
    minutes: Annotated[int, typer.Option(min=1, max=7 * 24 * 60)] = 15,
) -> None:
    """Print an access token for a member, with the member's own role."""
    from datetime import UTC, datetime, timedelta

    from api.application import Parts
    from tenants.grants import Role
    from tenants.identity import system_principal
    from tenants.workspaces import members

    async def work(parts: Parts) -> None:
        workspace_id = await workspace_id_of(parts, workspace)
        database = parts.open_database(system_principal(workspace_id), "command-line")
        found = [m for m in await members(database.reading()) if m.email == email.lower()]
        await database.close()
        if not found:
            typer.secho(f"{email} is no member of {workspace}.", fg="red")
            raise typer.Exit(1)
        signed_in = await parts.sessions.open(
            user_id=found[0].user_id,
            workspace_id=workspace_id,
            role=Role(found[0].role),
            at=datetime.now(UTC),
            lifetime=timedelta(minutes=minutes),
        )
        typer.echo(signed_in.access_token)

    with_parts(work)


@app.command("rotate-keys")
def rotate_keys() -> None:
    """Sign with a new key from now on; tokens of the three keys before stay good until they end.

    Running servers read the keys at their start: restart them afterwards.
    """
    from api.application import signing_keys
    from api.settings import load_settings

    keys = signing_keys(load_settings())
    keys.rotate()
    typer.echo(f"A new key signs; the set is in {keys.path}.")
