"""`seller run`: the whole platform on this machine, with servers of its own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console

console = Console(highlight=False, soft_wrap=True)
_APP_LOGIN = "seller_login"


def run(
    *,
    quiet: Annotated[bool, typer.Option(help="Do not play a LIVE room in the demo.")] = False,
) -> None:
    """Start Postgres, Valkey, the demo workspaces, the relay and the server; stop with Ctrl-C.

    Where DATABASE_URL, APP_DATABASE_URL and REDIS_URL name servers, those are used instead.
    """
    from api.embedded.servers import AlreadyRunning
    from api.settings import load_settings

    started = time.monotonic()
    signal.signal(signal.SIGTERM, _stop)
    settings = load_settings()
    try:
        with ExitStack() as stack:
            _provide_servers(stack, settings.state)
            load_settings.cache_clear()
            asyncio.run(_run_all(started, quiet=quiet))
    except AlreadyRunning as error:
        console.print(f"[red]Not started.[/red] {error}")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        pass
    console.print("Stopped.")


def reset(*, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Remove the embedded servers' data, the signing keys and the demo: start afresh."""
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


def _provide_servers(stack: ExitStack, state: Path) -> None:
    """Point the environment of this process and its children at running servers."""
    from api.embedded.servers import embedded_servers

    named = [
        name for name in ("DATABASE_URL", "APP_DATABASE_URL", "REDIS_URL") if name in os.environ
    ]
    if named:
        missing = {"DATABASE_URL", "APP_DATABASE_URL", "REDIS_URL"} - set(named)
        if missing:
            console.print(
                f"[red]Not started.[/red] {', '.join(named)} is set, so "
                f"{', '.join(sorted(missing))} has to be set too (or none of them)."
            )
            raise typer.Exit(2)
        return
    servers = stack.enter_context(embedded_servers(state, progress=_say))
    os.environ["DATABASE_URL"] = servers.owner_url
    os.environ["APP_DATABASE_URL"] = _app_url(servers.owner_url, state)
    os.environ["REDIS_URL"] = servers.redis_url
    _leave_addresses(stack, state)


def _leave_addresses(stack: ExitStack, state: Path) -> None:
    """Let other commands in this checkout find the servers while they run."""
    names = ("DATABASE_URL", "APP_DATABASE_URL", "REDIS_URL")
    addresses = state / "servers.json"
    with os.fdopen(os.open(addresses, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        json.dump({name.lower(): os.environ[name] for name in names}, file)
    stack.callback(addresses.unlink, missing_ok=True)


def _app_url(owner_url: str, state: Path) -> str:
    """The application's own login, with a password kept beside the servers' own."""
    import secrets
    from urllib.parse import urlsplit

    file = state / "app-password"
    if not file.exists():
        descriptor = os.open(file, os.O_CREAT | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(secrets.token_hex(16))
    place = urlsplit(owner_url)
    return f"postgresql://{_APP_LOGIN}:{file.read_text()}@{place.hostname}:{place.port}{place.path}"


async def _run_all(started: float, *, quiet: bool) -> None:
    from api.application import open_parts
    from api.demo.workspaces import open_demo, write_tokens
    from api.logs import set_up_logs
    from api.serving import make_server, port_is_free
    from api.settings import load_settings
    from migrations.upgrade import migrate

    settings = load_settings()
    set_up_logs(style=settings.log_format, level="WARNING")
    if not port_is_free(settings.host, settings.port):
        console.print(
            f"[red]Not started.[/red] Port {settings.port} is in use; choose another with "
            "PORT=8001 make run."
        )
        raise typer.Exit(1)
    assert settings.database_url is not None
    assert settings.app_database_url is not None
    _say("Bringing the tables up to date.")
    await migrate(
        owner_url=settings.database_url.get_secret_value(),
        app_url=settings.app_database_url.get_secret_value(),
    )
    async with open_parts(settings) as parts:
        _say("Opening the demo workspaces.")
        workspaces = await open_demo(parts)
        url = f"http://{settings.host}:{settings.port}"
        told = await write_tokens(parts, workspaces, url=url, to=settings.state / "demo.json")
        children = [_Child("relay")]
        if not quiet:
            children.append(_Child("simulate", "live", "--rate", "0.4"))
        server = make_server(parts)
        watching = asyncio.create_task(_watch(children))
        serving = asyncio.create_task(server.serve())
        try:
            while not server.started and not serving.done():
                await asyncio.sleep(0.02)
            if server.started:
                _announce(told, seconds=time.monotonic() - started)
            await serving
        finally:
            watching.cancel()
            for child in children:
                child.end()


def _announce(told: dict[str, Any], *, seconds: float) -> None:
    url = told["url"]
    console.print(f"\n[bold green]Seller Center runs[/bold green] (after {seconds:.1f} s).\n")
    for name, address in (
        ("GraphiQL", f"{url}/"),
        ("GraphQL", f"{url}/graphql"),
        ("WebSocket", f"{url.replace('http', 'ws', 1)}/graphql  (graphql-transport-ws)"),
        ("SSE", f"{url}/graphql  (Accept: text/event-stream)"),
        ("Health", f"{url}/ready"),
    ):
        console.print(f"  {name:<10} {address}")
    for workspace in told["workspaces"]:
        console.print(f"\n[bold]{workspace['name']}[/bold]  ({workspace['slug']})")
        console.print(f"  LIVE room  {workspace['liveRoomId']}")
        for role, token in workspace["tokens"].items():
            console.print(f"  {role:<10} Bearer {token}")
    console.print("\nThe same is in .state/demo.json. Stop with Ctrl-C.\n")


class _Child:
    """A command of ours in a process of its own, started again when it falls over."""

    def __init__(self, *words: str) -> None:
        self._words = words
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-P", "-m", "api.command_line", *self._words],
            stdin=subprocess.DEVNULL,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
            start_new_session=True,
        )

    def fell_over(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def end(self) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


async def _watch(children: list[_Child]) -> None:
    while True:
        await asyncio.sleep(1)
        for child in children:
            if child.fell_over():
                child.start()


def _die_with_parent() -> None:
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG


def _say(sentence: str) -> None:
    console.print(f"[dim]{sentence}[/dim]")


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
