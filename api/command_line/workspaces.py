"""`seller workspace`: open and list workspaces."""

from typing import Annotated

import typer

from api.command_line.opening import with_parts

app = typer.Typer(no_args_is_help=True)


@app.command()
def create(
    slug: Annotated[str, typer.Argument(help="Short name for addresses, such as `my-shop`.")],
    name: Annotated[str, typer.Argument(help="Name as people read it.")],
    *,
    owner: Annotated[str, typer.Option(help="E-mail address of the owner.")],
    site: Annotated[list[str], typer.Option(help="Site of a shop; repeat for several.")],
    profile: Annotated[str, typer.Option(help="FACTORY, MCN_CREATOR or SME_BRAND.")] = "SME_BRAND",
    legacy_id: Annotated[str | None, typer.Option(help="Id in the former back office.")] = None,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
) -> None:
    """Open a workspace with its owner and one shop per site."""
    from datetime import UTC, datetime

    from api.application import Parts
    from commerce.shops.operations import open_shop
    from commerce.shops.sites import Site
    from tenants.database import Writer
    from tenants.grants import Role
    from tenants.identity import system_principal
    from tenants.sessions import hash_password
    from tenants.workspaces import (
        MembershipRefused,
        SellerProfile,
        ensure_user,
        join,
        open_workspace,
    )

    async def work(parts: Parts) -> None:
        sites = [Site(one) for one in site]
        workspace_id = await open_workspace(
            parts.pool,
            slug=slug,
            name=name,
            profile=SellerProfile(profile),
            legacy_id=legacy_id,
        )
        user_id = await ensure_user(
            parts.pool,
            email=owner,
            name=owner.partition("@")[0],
            password_hash=hash_password(password),
            at=datetime.now(UTC),
        )

        async def furnish(writer: Writer) -> None:
            await join(writer, user_id, Role.OWNER)
            for one in sites:
                await open_shop(writer, site=one, name=f"{name} {one.value}")

        await parts.open_database(system_principal(workspace_id)).change("workspaceOpen", furnish)

    try:
        with_parts(work)
    except (MembershipRefused, ValueError) as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"Opened {slug}.")


@app.command("list")
def list_all() -> None:
    """Name every workspace."""
    from api.application import Parts
    from tenants.database import platform_door

    async def work(parts: Parts) -> None:
        async with platform_door(parts.pool, "staff") as connection:
            rows = await connection.fetch("SELECT slug, name FROM workspaces ORDER BY slug")
        for row in rows:
            typer.echo(f"{row['slug']:<30} {row['name']}")

    with_parts(work)
