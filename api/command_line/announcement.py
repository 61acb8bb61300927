"""What `seller run` says once everything runs."""

from pathlib import Path
from typing import Any

from rich.console import Console

from api.settings import CHECKOUT

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def reachable_url(host: str, port: int) -> str:
    """The address for a browser on this machine."""
    name = _EVERYWHERE.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def announce(console: Console, told: dict[str, Any], *, file: Path, seconds: float) -> None:
    """Addresses, a token per workspace and role, and what to do next. `told` is demo.json."""
    url = told["url"]
    console.print(f"\n[bold green]Seller Center runs[/bold green] (after {seconds:.1f} s).")
    for workspace in told["workspaces"]:
        console.print(f"\n[bold]{workspace['name']}[/bold]  ({workspace['slug']})")
        console.print(f"  LIVE room  {workspace['liveRoomId']}")
        for role, token in workspace["tokens"].items():
            console.print(f"  {role:<10} Bearer {token}")
    # Last, because it is what stays in sight below the long tokens.
    console.print()
    with_pages = (CHECKOUT / "web" / "dist" / "index.html").exists()
    for name, address in (
        *([("GraphiQL", f"{url}/")] if with_pages else []),
        ("GraphQL", f"{url}/graphql"),
        ("WebSocket", f"{url.replace('http', 'ws', 1)}/graphql  (graphql-transport-ws)"),
        ("SSE", f"{url}/graphql  (Accept: text/event-stream)"),
        ("Health", f"{url}/ready"),
    ):
        console.print(f"  {name:<10} {address}")
    if with_pages:
        console.print(
            f"\nNext: open [bold]{url}/[/bold] in a browser; a token is filled in already."
        )
    else:
        console.print("\nNext: try the curl of the README. GraphiQL was not built: it needs npm.")
    console.print(f"Tokens and ids are also in {file}. Stop with Ctrl-C.\n")
