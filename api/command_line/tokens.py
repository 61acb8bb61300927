"""`seller token`: access tokens from the command line."""

from typing import Annotated

import typer

from api.command_line.members import required_member
from api.command_line.opening import Email, Slug, with_parts, workspace_opened

app = typer.Typer(no_args_is_help=True)


@app.command()
def issue(
    workspace: Slug,
    email: Email,
    *,
    minutes: Annotated[int, typer.Option(min=1, max=7 * 24 * 60, help="How long it is good.")] = 15,
) -> None:
    """Print an access token for a member, with the member's own role.

    Example: `curl -H "Authorization: Bearer $(seller token issue my-shop me@shop.example)" ...`
    """
    from datetime import UTC, datetime, timedelta

    from api.parts import Parts
    from tenants.grants import Role

    async def work(parts: Parts) -> None:
        async with workspace_opened(parts, workspace) as database:
            member = await required_member(database, workspace, email)
            signed_in = await parts.sessions.open(
                user_id=member.user_id,
                workspace_id=database.principal.workspace_id,
                role=Role(member.role),
                at=datetime.now(UTC),
                lifetime=timedelta(minutes=minutes),
            )
        typer.echo(signed_in.access_token)

    with_parts(work)


@app.command("rotate-keys")
def rotate_keys() -> None:
    """Sign with a new key from now on; tokens of the three keys before stay good until they end.

    Running servers read the keys at their start: restart them afterwards. Where several share a
    key file (SELLER_SIGNING_KEYS), bring the new file to all of them first.
    """
    from api.parts import signing_keys
    from api.settings import load_settings

    keys = signing_keys(load_settings())
    keys.rotate()
    typer.echo(f"A new key signs; the set is in {keys.path}. Restart the servers.")
