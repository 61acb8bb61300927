"""`seller workspace`: open and list workspaces."""

import re
from typing import Annotated, Literal

import typer

from api.command_line.opening import AsJson, email_address, password_given, show, with_parts
from commerce.shops.sites import Site

app = typer.Typer(no_args_is_help=True)
Profile = Literal["FACTORY", "MCN_CREATOR", "SME_BRAND"]
_SLUG = re.compile(r"[a-z0-9](-?[a-z0-9])*")


def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text) or len(text) > 63:  # noqa: PLR2004 - a label of a host name
        raise typer.BadParameter("Use up to 63 of a-z, 0-9 and single hyphens: my-shop.")
    return text


@app.command()
def create(
    slug: Annotated[
        str, typer.Argument(help="Short name for addresses, such as my-shop.", callback=_slug)
    ],
    name: Annotated[str, typer.Argument(help="Name as people read it.")],
    *,
    owner: Annotated[
        str, typer.Option(help="E-mail address of the owner.", callback=email_address)
    ],
    site: Annotated[list[Site], typer.Option(help="Site of a shop; repeat for several.")],
    profile: Annotated[Profile, typer.Option(help="What kind of seller it is.")] = "SME_BRAND",
    legacy_id: Annotated[str | None, typer.Option(help="Id in the former back office.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    password: Annotated[
        str | None,
        typer.Option(hidden=True, envvar="SELLER_NEW_PASSWORD", help="Through the environment."),
    ] = None,
    keep_password: Annotated[
        bool, typer.Option("--keep-password", help="The owner signs in as before.")
    ] = False,
) -> None:
    """Open a workspace with its owner and one shop per site.

    Asks for the owner's password, unless SELLER_NEW_PASSWORD or --password-stdin gives it. An
    owner who has an account already gets the new password; --keep-password leaves the old one.

    Example: `seller workspace create my-shop "My Shop" --owner me@shop.example --site TH --site VN`
    """
    from datetime import UTC, datetime

    from api.parts import Parts
    from commerce.shops.operations import open_shop
    from tenants.database import Writer
    from tenants.grants import Role
    from tenants.identity import system_principal
    from tenants.passwords import hash_password
    from tenants.workspaces import SellerProfile, ensure_user, join, open_workspace

    password_hash = (
        None
        if keep_password
        else hash_password(password_given(from_stdin=password_stdin, given=password))
    )

    async def work(parts: Parts) -> None:
        workspace_id = await open_workspace(
            parts.pool, slug=slug, name=name, profile=SellerProfile(profile), legacy_id=legacy_id
        )
        user_id = await ensure_user(
            parts.pool,
            email=owner,
            name=owner.partition("@")[0],
            password_hash=password_hash,
            at=datetime.now(UTC),
        )

        async def furnish(writer: Writer) -> None:
            await join(writer, user_id, Role.OWNER)
            for one in dict.fromkeys(site):
                await open_shop(writer, site=one, name=f"{name} {one.value}")

        await parts.open_database(system_principal(workspace_id)).change("workspaceOpen", furnish)

    with_parts(work)
    typer.echo(f"Opened {slug}.")


@app.command("list")
def list_all(*, as_json: AsJson = False) -> None:
    """Name every workspace: slug, name, id."""
    from api.parts import Parts
    from tenants.database import platform_door

    async def work(parts: Parts) -> None:
        async with platform_door(parts.pool, "staff") as connection:
            rows = await connection.fetch("SELECT slug, name, id FROM workspaces ORDER BY slug")
        show([dict(row) for row in rows], as_json=as_json)

    with_parts(work)
