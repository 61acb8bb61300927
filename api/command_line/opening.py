"""What most commands begin with: settings, connections, and refusals told without a traceback."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar
from uuid import UUID

import typer

if TYPE_CHECKING:
    from api.parts import Parts
    from api.settings import Settings
    from tenants.database import WorkspaceDatabase

T = TypeVar("T")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def email_address(text: str) -> str:
    address = text.strip().lower()
    if not _EMAIL.fullmatch(address):
        raise typer.BadParameter(f"{text!r} is no e-mail address.")
    return address


Slug = Annotated[str, typer.Argument(help="Slug of the workspace; `seller workspace list`.")]
Email = Annotated[str, typer.Argument(help="E-mail address.", callback=email_address)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def with_parts(work: "Callable[[Parts], Awaitable[T]]") -> T:
    """Run `work` with open connections; what a person can mend is told without a traceback."""
    import asyncpg
    import uvloop
    from redis.exceptions import RedisError

    from api.parts import open_parts
    from api.settings import load_settings
    from tenants.pool import UnsafeRoleError
    from tenants.workspaces import MembershipRefused

    settings = pointed_at_embedded(load_settings())

    async def run() -> T:
        async with open_parts(settings) as parts:
            return await work(parts)

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(run())
    except MembershipRefused as refused:
        refuse(str(refused))
    except (UnsafeRoleError, OSError, asyncpg.PostgresError, RedisError) as error:
        typer.secho(f"{type(error).__name__}: {error}", fg="red", err=True)
        typer.echo("`seller doctor` says more.", err=True)
        raise typer.Exit(1) from None


@contextlib.asynccontextmanager
async def workspace_opened(parts: "Parts", slug: str) -> "AsyncIterator[WorkspaceDatabase]":
    """The database of the workspace with that slug, as the platform itself."""
    from tenants.identity import system_principal

    workspace_id = await workspace_id_of(parts, slug)
    database = parts.open_database(system_principal(workspace_id), "command-line")
    try:
        yield database
    finally:
        await database.close()


async def workspace_id_of(parts: "Parts", slug: str) -> UUID:
    from tenants.database import platform_door

    async with platform_door(parts.pool, "staff") as connection:
        found = await connection.fetchval("SELECT id FROM workspaces WHERE slug = $1", slug)
    if found is None:
        refuse(f"There is no workspace {slug!r}; `seller workspace list` names them.")
    return found  # type: ignore[no-any-return]


def refuse(sentence: str) -> NoReturn:
    """End the command with a sentence that says what to do."""
    typer.secho(sentence, fg="red", err=True)
    raise typer.Exit(1)


def show(rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """Rows as aligned columns, or as a JSON list."""
    if as_json:
        typer.echo(json.dumps(rows, default=str, ensure_ascii=False, indent=2))
        return
    texts = [["" if value is None else str(value) for value in row.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        typer.echo(line.rstrip())


def password_given(*, from_stdin: bool, given: str | None) -> str:
    """A new password: from standard input, from the environment, or asked for twice."""
    import sys

    from tenants.passwords import MIN_PASSWORD

    if from_stdin:
        given = sys.stdin.readline().rstrip("\n")
    elif given is None:
        given = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    if len(given) < MIN_PASSWORD:
        refuse(f"A password has at least {MIN_PASSWORD} characters.")
    return given


def pointed_at_embedded(settings: "Settings") -> "Settings":
    """Without named servers, the ones that `seller run` keeps in this checkout, or a refusal."""
    settings = embedded_if_running(settings)
    if settings.app_database_url is None:
        refuse(
            "No servers are named (APP_DATABASE_URL, REDIS_URL) and none run in this checkout; "
            "start them with `make run`."
        )
    return settings


def embedded_if_running(settings: "Settings") -> "Settings":
    from api.embedded.servers import is_running

    addresses = settings.state / "servers.json"
    if settings.app_database_url is not None or not addresses.exists():
        return settings
    if not is_running(settings.state):
        return settings  # left behind by a process that was killed
    from pydantic import SecretStr

    given = json.loads(addresses.read_text())
    return settings.model_copy(update={name: SecretStr(url) for name, url in given.items()})
