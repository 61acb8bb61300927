"""`seller simulate`: life for a demo, or load for a test."""

import asyncio
import contextlib
from typing import Annotated

import typer

from api.command_line.opening import refuse, with_parts, workspace_opened

app = typer.Typer(no_args_is_help=True)
_NEWEST_ROOM = "SELECT id FROM live_rooms WHERE workspace_id = $1 ORDER BY started_at DESC LIMIT 1"


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
    """Play the workspace's newest LIVE room: viewers, orders in bursts, cancellations, shipments.

    Example: `seller simulate live --workspace my-shop --rate 20 --orders 1000`
    """
    from api.demo.live import LiveRoomPlay
    from api.logs import set_up_logs
    from api.parts import Parts
    from tenants.pool import Row

    set_up_logs(level="WARNING")

    async def work(parts: Parts) -> None:
        async with workspace_opened(parts, workspace) as database:
            workspace_id = database.principal.workspace_id
            room = await database.reading().fetchrow(_NEWEST_ROOM, workspace_id, row=Row)
        if room is None:
            refuse(f"{workspace} has no LIVE room; start one with the mutation liveRoomStart.")
        play = LiveRoomPlay(parts, workspace_id, room["id"], rate=rate, seed=seed)
        placed = await play.play(orders=orders)
        typer.echo(f"{placed} orders were placed.")

    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        with_parts(work)
