"""`seller run`: the whole platform on this machine, with servers of its own."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Coroutine, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.console import Console

if TYPE_CHECKING:
    from api.settings import Settings

console = Console(highlight=False, soft_wrap=True)
_APP_LOGIN = "seller_login"
_URLS = ("database_url", "app_database_url", "redis_url")
# So that everything has stopped within 10 s: the servers need up to 4 s after us.
_MOST_DRAIN_SECONDS = 3.0


def run(
    *,
    quiet: Annotated[bool, typer.Option(help="Do not play a LIVE room in the demo.")] = False,
) -> None:
    """Start Postgres, Valkey, the demo workspaces, the relay and the server; stop with Ctrl-C.

    Data, signing keys and `demo.json` lie in `.state` (SELLER_STATE names another folder) and
    outlive the run. Where DATABASE_URL, APP_DATABASE_URL and REDIS_URL name servers, those are
    used instead.

    Examples: `PORT=8001 seller run` serves on another port; `seller run --quiet` places no orders.
    """
    started = time.monotonic()
    from api.embedded.servers import AlreadyRunning, make_sure_none_runs
    from api.listening import CannotListenError, listen
    from api.settings import load_settings

    signal.signal(signal.SIGTERM, _stop)
    settings = _with_playground(load_settings())
    try:
        named = _servers_are_named(settings)
        if not named:
            make_sure_none_runs(settings.state)
        # Said before anything is started; the port is taken for good when all is ready.
        with listen(settings.host, settings.port) as probe:
            settings = settings.model_copy(update={"port": probe.getsockname()[1]})
        with ExitStack() as stack:
            if not named:
                settings = _with_servers(stack, settings)
            asyncio.run(_run_all(settings, started, quiet=quiet))
            _finish_undisturbed()
    except (AlreadyRunning, CannotListenError) as error:
        console.print(f"[red]Not started.[/red] {error}")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        pass
    console.print("Stopped.")


def reset(*, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Remove the embedded servers' data, the signing keys and the demo: start afresh.

    Refused while the servers run. `make reset` does the same without asking.
    """
    from api.embedded.servers import AlreadyRunning, remove_state
    from api.settings import load_settings

    state = load_settings().state
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Remove all data in {state}?", abort=True)
    try:
        remove_state(state)
    except AlreadyRunning as error:
        console.print(f"[red]Nothing removed.[/red] {error}")
        raise typer.Exit(1) from None
    console.print(f"Removed {state}.")


def _with_playground(settings: "Settings") -> "Settings":
    """What a production set-up keeps to itself is open here, unless a setting says otherwise."""
    opened = {"introspection", "graphiql", "suggestions"} - settings.model_fields_set
    return settings.model_copy(update=dict.fromkeys(opened, True))


def _servers_are_named(settings: "Settings") -> bool:
    """Whether all three servers are given; one or two of them are a mistake."""
    named = [name.upper() for name in _URLS if getattr(settings, name) is not None]
    missing = [name.upper() for name in _URLS if name.upper() not in named]
    if named and missing:
        console.print(
            f"[red]Not started.[/red] {', '.join(named)} is set, so {', '.join(missing)} has to "
            "be set too (or none of them: then servers of our own are started)."
        )
        raise typer.Exit(2)
    return bool(named)


def _with_servers(stack: ExitStack, settings: "Settings") -> "Settings":
    """Start servers of our own; the settings that point at them."""
    from pydantic import SecretStr

    from api.embedded.servers import embedded_servers
    from tenants.private_file import write_private

    state = settings.state
    servers = stack.enter_context(embedded_servers(state, progress=_say))
    urls = {
        "database_url": servers.owner_url,
        "app_database_url": _app_url(servers.owner_url, state),
        "redis_url": servers.redis_url,
    }
    addresses = state / "servers.json"
    write_private(addresses, json.dumps(urls))  # other commands in this checkout look here
    stack.callback(addresses.unlink, missing_ok=True)
    return settings.model_copy(update={name: SecretStr(url) for name, url in urls.items()})


def _app_url(owner_url: str, state: Path) -> str:
    """The application's own login, with a password kept beside the servers' own."""
    import secrets

    from tenants.private_file import write_private

    file = state / "app-password"
    if not file.exists():
        write_private(file, secrets.token_hex(16))
    place = urlsplit(owner_url)
    return f"postgresql://{_APP_LOGIN}:{file.read_text()}@{place.hostname}:{place.port}{place.path}"


async def _run_all(settings: "Settings", started: float, *, quiet: bool) -> None:
    from api.listening import listen

    _say("Loading the application.")
    from api.command_line.announcement import announce, reachable_url
    from api.command_line.children import kept_running
    from api.demo.workspaces import open_demo, write_tokens
    from api.jobs import build_worker
    from api.logs import set_up_logs
    from api.parts import open_parts
    from api.serving import calm_collector, make_server, when_told_to_stop
    from api.tracing import set_up_tracing

    drain = min(settings.drain_seconds, _MOST_DRAIN_SECONDS)
    settings = settings.model_copy(update={"drain_seconds": drain})
    set_up_logs(style=settings.log_format, level="WARNING")
    set_up_tracing(settings.otlp_endpoint)
    await _migrated(settings)
    async with open_parts(settings) as parts:
        _say("Opening the demo workspaces.")
        file = settings.state / "demo.json"
        url = reachable_url(settings.host, settings.port)
        told = await write_tokens(parts, await open_demo(parts), url=url, to=file)
        server = make_server(parts)
        calm_collector()
        listening = listen(settings.host, settings.port)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        when_told_to_stop(server.drain)
        await _first_of(serving, server.ready.wait())
        commands = [("relay",)] if quiet else [("relay",), ("simulate", "live", "--rate", "0.4")]
        async with (
            kept_running(commands, environment=_environment(settings), tell=_warn),
            build_worker(parts).at_work(),  # in this very process: it has all that jobs need
        ):
            if server.started:
                announce(console, told, file=file, seconds=time.monotonic() - started)
            await _first_of(serving, parts.draining.wait())
        await serving
        if not server.started:
            raise typer.Exit(1)


async def _first_of(serving: "asyncio.Task[None]", event: "Coroutine[Any, Any, Any]") -> None:
    """Wait for the event, or for the server's end if that comes first."""
    waiting = asyncio.create_task(event)
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def _migrated(settings: "Settings") -> None:
    from api.command_line.revisions import is_up_to_date

    assert settings.database_url is not None  # noqa: S101 - run() has seen to it
    assert settings.app_database_url is not None  # noqa: S101
    owner_url = settings.database_url.get_secret_value()
    app_url = settings.app_database_url.get_secret_value()
    if await is_up_to_date(owner_url=owner_url, app_url=app_url):
        return
    _say("Bringing the tables up to date.")
    from migrations.upgrade import migrate

    await migrate(owner_url=owner_url, app_url=app_url)


def _environment(settings: "Settings") -> Mapping[str, str]:
    """What the children are told: our servers, and to log what a person must know only."""
    told: dict[str, Any] = {name.upper(): getattr(settings, name) for name in _URLS}
    urls = {name: secret.get_secret_value() for name, secret in told.items() if secret}
    return {"SELLER_LOG_LEVEL": "WARNING", **os.environ, **urls}


def _say(sentence: str) -> None:
    console.print(f"[dim]{sentence}[/dim]")


def _warn(sentence: str) -> None:
    console.print(f"[yellow]{sentence}[/yellow]")


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _finish_undisturbed() -> None:
    """A second Ctrl-C must not keep the servers from writing their data; they take seconds."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
