"""`seller import`: files of other systems."""

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _import() -> None:
    """Read files of other systems into a workspace."""
