"""`seller simulate`: life for a demo, or load for a test."""

import asyncio
import contextlib
from typing import Annotated

import typer

from api.command_line.opening import with_parts, workspace_id_of

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _simulate() -> None:
    """Play what would happen on TikTok."""


@app.command()
def live(
    *,
    workspace: Annotated[str, typer.Option(help="Slug of the workspace.")] = "bangkok-breeze",
    rate: Annotated[float, typer.Option(min=0.001, help="Orders a second, on average.")] = 0.5,
    orders: Annotated[int | None, typer.Option(min=1, help="Stop after that many.")] = None,
    seed: Annotated[int | None, typer.Option(help="Play the same again.")] = None,
) -> None:
    """Play the workspace's newest LIVE room: viewers, orders in bursts, cancellations, shipments."""
    from api.application import Parts
    from api.demo.live import LiveRoomPlay
    from api.logs import set_up_logs
    from tenants.identity import system_principal
    from tenants.pool import Row

    set_up_logs(level="WARNING")

    async def work(parts: Parts) -> None:
        workspace_id = await workspace_id_of(parts, workspace)
        database = parts.open_database(system_principal(workspace_id))
        room = await database.reading().fetchrow(
            "SELECT id FROM live_rooms WHERE workspace_id = $1 ORDER BY started_at DESC LIMIT 1",
            workspace_id,
            row=Row,
        )
        await database.close()
        if room is None:
            typer.secho(f"{workspace} has no LIVE room.", fg="red")
            raise typer.Exit(1)
        play = LiveRoomPlay(parts, workspace_id, room["id"], rate=rate, seed=seed)
        placed = await play.play(orders=orders)
        typer.echo(f"{placed} orders were placed.")

    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        with_parts(work)
