"""`seller member`: people in a workspace."""

from typing import TYPE_CHECKING, Annotated

import typer

from api.command_line.opening import (
    AsJson,
    Email,
    Slug,
    password_given,
    refuse,
    show,
    with_parts,
    workspace_opened,
)
from tenants.grants import Role

if TYPE_CHECKING:
    from tenants.database import WorkspaceDatabase
    from tenants.workspaces import MemberRow

app = typer.Typer(no_args_is_help=True)
ItsRole = Annotated[Role, typer.Argument(help="What the person may do; see docs/API.md.")]


@app.command("list")
def list_all(workspace: Slug, *, as_json: AsJson = False) -> None:
    """Name the members: role, e-mail address, name."""
    from api.parts import Parts
    from tenants.workspaces import members

    async def work(parts: Parts) -> None:
        async with workspace_opened(parts, workspace) as database:
            rows = await members(database.reading())
        people = [{"role": m.role, "email": m.email, "name": m.name} for m in rows]
        show(people, as_json=as_json)

    with_parts(work)


@app.command()
def invite(workspace: Slug, email: Email, role: ItsRole) -> None:
    """Print an invitation's token: for POST /auth/accept-invitation.

    Example: `seller member invite my-shop ploy@shop.example ORDERS`
    """
    from datetime import timedelta

    from api.parts import Parts
    from tenants.invitations import invite as invite_person

    async def work(parts: Parts) -> None:
        lifetime = timedelta(days=parts.settings.invitation_days)
        async with workspace_opened(parts, workspace) as database:
            invited = await database.change(
                "memberInvite",
                lambda writer: invite_person(writer, email=email, role=role, lifetime=lifetime),
            )
        typer.echo(invited.token)

    with_parts(work)


@app.command()
def add(
    workspace: Slug,
    email: Email,
    role: ItsRole,
    *,
    name: Annotated[str | None, typer.Option(help="Default: the address before its @.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Set a password, read from standard input.")
    ] = False,
) -> None:
    """Make somebody a member at once, without an invitation; an earlier member's role changes.

    Without --password-stdin the person has no password, or keeps the one there is.

    Example: `seller member add my-shop ploy@shop.example ORDERS --name Ploy`
    """
    from datetime import UTC, datetime

    from api.parts import Parts
    from tenants.passwords import hash_password
    from tenants.workspaces import change_role, ensure_user, join

    password = password_given(from_stdin=True, given=None) if password_stdin else None

    async def work(parts: Parts) -> None:
        async with workspace_opened(parts, workspace) as database:
            user_id = await ensure_user(
                parts.pool,
                email=email,
                name=name or email.partition("@")[0],
                password_hash=hash_password(password) if password else None,
                at=datetime.now(UTC),
            )
            known = await _member(database, email)
            # `join` alone would let the last OWNER become something else.
            act = change_role if known else join
            await database.change("memberAdd", lambda writer: act(writer, user_id, role))
        typer.echo(f"{email} is {role.value} of {workspace}.")

    with_parts(work)


@app.command()
def part(workspace: Slug, email: Email) -> None:
    """End a membership; its tokens are refused from now on. The last OWNER cannot part."""
    from api.parts import Parts
    from tenants.workspaces import part as part_with

    async def work(parts: Parts) -> None:
        async with workspace_opened(parts, workspace) as database:
            member = await required_member(database, workspace, email)
            await database.change("memberPart", lambda writer: part_with(writer, member.user_id))
        typer.echo(f"{email} is no member of {workspace} any more.")

    with_parts(work)


async def required_member(database: "WorkspaceDatabase", workspace: str, email: str) -> "MemberRow":
    found = await _member(database, email)
    if found is None:
        refuse(f"{email} is no member of {workspace}; `seller member list {workspace}` names them.")
    return found


async def _member(database: "WorkspaceDatabase", email: str) -> "MemberRow | None":
    from tenants.workspaces import members

    found = [m for m in await members(database.reading()) if m.email == email]
    await database.close()
    return found[0] if found else None
