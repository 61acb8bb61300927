"""`seller member`: people in a workspace."""

from typing import Annotated

import typer

from api.command_line.opening import with_parts, workspace_id_of

app = typer.Typer(no_args_is_help=True)
Slug = Annotated[str, typer.Argument(help="Slug of the workspace.")]


@app.command("list")
def list_all(workspace: Slug) -> None:
    """Name the members and their roles."""
    from api.application import Parts
    from tenants.identity import system_principal
    from tenants.workspaces import members

    async def work(parts: Parts) -> None:
        database = parts.open_database(
            system_principal(await workspace_id_of(parts, workspace)), "command-line"
        )
        for member in await members(database.reading()):
            typer.echo(f"{member.role:<12} {member.email:<40} {member.name}")
        await database.close()

    with_parts(work)


@app.command()
def invite(
    workspace: Slug,
    email: str,
    role: Annotated[str, typer.Argument(help="OWNER, ADMIN, CATALOG, ORDERS, ...")],
) -> None:
    """Print an invitation's token: for POST /auth/accept-invitation."""
    from datetime import timedelta

    from api.application import Parts
    from tenants.grants import Role
    from tenants.identity import system_principal
    from tenants.workspaces import invite as invite_person

    async def work(parts: Parts) -> None:
        database = parts.open_database(
            system_principal(await workspace_id_of(parts, workspace)), "command-line"
        )
        lifetime = timedelta(days=parts.settings.invitation_days)
        invited = await database.change(
            "memberInvite",
            lambda writer: invite_person(writer, email=email, role=Role(role), lifetime=lifetime),
        )
        typer.echo(invited.token)

    with_parts(work)


@app.command()
def part(workspace: Slug, email: str) -> None:
    """End a membership; its tokens are refused from now on."""
    from api.application import Parts
    from tenants.identity import system_principal
    from tenants.workspaces import MembershipRefused, members
    from tenants.workspaces import part as part_with

    async def work(parts: Parts) -> None:
        database = parts.open_database(
            system_principal(await workspace_id_of(parts, workspace)), "command-line"
        )
        found = [m for m in await members(database.reading()) if m.email == email.lower()]
        if not found:
            typer.secho(f"{email} is no member of {workspace}.", fg="red")
            raise typer.Exit(1)
        try:
            await database.change("memberPart", lambda writer: part_with(writer, found[0].user_id))
        except MembershipRefused as error:
            typer.secho(str(error), fg="red")
            raise typer.Exit(1) from None

    with_parts(work)
