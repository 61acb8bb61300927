"""`seller import`: files of other systems."""

import asyncio
import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.command_line.opening import with_parts, workspace_id_of

if TYPE_CHECKING:
    from rich.console import Console

    from api.parts import Parts
    from commerce.orders.files.entries import Remark
    from commerce.orders.files.mapping import Mapping
    from commerce.orders.imports import ImportReport, RefusedLine

app = typer.Typer(no_args_is_help=True)

_SHOWN_REFUSALS = 20
_SHOWN_REMARKS = 5
_HEADINGS = ("line", "order_id", "column", "value", "reason")


@app.callback()
def _import() -> None:
    """Read files of other systems into a workspace."""


@app.command()
def orders(
    file: Annotated[Path, typer.Argument(help="CSV, gzipped CSV or XLSX.", metavar="FILE")],
    *,
    workspace: Annotated[str, typer.Option(help="Slug of the workspace.")],
    site: Annotated[
        str | None, typer.Option(help="Of a TikTok Shop export: its shop's site, such as TH.")
    ] = None,
    mapping: Annotated[
        str | None,
        typer.Option(help="Of any other table: a mapping file (TOML), or `online-retail`."),
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(help="Where rejected lines go. Default: FILE's name + .rejected.csv, here."),
    ] = None,
) -> None:
    """Store the orders of a file: TikTok Shop's own export, or a table a mapping describes.

    An order that is known already is not stored twice; where the file knows a later status, the
    stored order moves on. An import that was interrupted is simply run again.

    The exit code is 0 also where lines were rejected (they are told, and written to a CSV file with
    line numbers and reasons), 1 where the file or mapping was refused, 2 for a wrong option.
    """
    from commerce.orders.files.entries import FileRefused
    from commerce.orders.files.mapping import MappingRefused
    from commerce.orders.imports import import_orders
    from commerce.shops.sites import Site
    from tenants.identity import system_principal

    if (site is None) == (mapping is None):
        raise typer.BadParameter("give either --site (a TikTok Shop export) or --mapping")
    if site is not None and site.upper() not in Site.__members__:
        raise typer.BadParameter(f"{site!r} is no site; there are {', '.join(Site)}")
    if rejects is not None and not rejects.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {rejects.parent} for --rejects")
    refused_to = rejects or Path(f"{file.name}.rejected.csv")

    async def work(parts: "Parts") -> None:
        database = parts.open_database(
            system_principal(await workspace_id_of(parts, workspace)), "command-line"
        )
        with _told(file.name) as (console, progress), _rejects(refused_to, console) as refuse:
            report = await import_orders(
                database,
                file,
                site=Site(site.upper()) if site else None,
                mapping=_mapping(mapping) if mapping else None,
                on_refused=refuse,
                on_remark=_first_remarks(console),
                on_progress=progress,
            )
        _summarize(console, report, refused_to)

    try:
        with_parts(work)
    except (FileRefused, MappingRefused) as refusal:
        typer.secho(f"{file.name} was refused: {refusal}", fg="red", err=True)
        raise typer.Exit(1) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.secho(
            "Interrupted. What is stored stays; run the same command again to go on.", err=True
        )
        raise typer.Exit(130) from None


def _mapping(name_or_path: str) -> "Mapping":
    """A mapping that comes with us, by its name, or somebody's own file."""
    from commerce.orders import files
    from commerce.orders.files.mapping import load_mapping

    bundled = Path(files.__file__).parent / "mappings" / f"{name_or_path}.toml"
    ours = name_or_path.replace("-", "").isalnum() and bundled.is_file()
    return load_mapping(bundled if ours else Path(name_or_path))


@contextmanager
def _told(name: str) -> Iterator["tuple[Console, Callable[[ImportReport], None]]"]:
    """A progress bar on standard error, where that is a terminal; and the console above it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("lines  {task.fields[rate]}"),
        Remaining(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"Reading {name}", total=None, rate="")

        def show(report: "ImportReport") -> None:
            rate = f"{bar.tasks[task].speed or 0:,.0f}/s"
            bar.update(task, total=report.last_line, completed=report.line, rate=rate)

        yield console, show


@contextmanager
def _rejects(path: Path, console: "Console") -> Iterator["Callable[[RefusedLine], None]"]:
    """Writes rejected lines to `path`, which is made with the first one; shows the first 20."""
    from contextlib import ExitStack

    with ExitStack() as opened:
        rows: list[Callable[[tuple[object, ...]], object]] = []  # the writer, once it is needed
        count = 0

        def refuse(line: "RefusedLine") -> None:
            nonlocal count
            if not rows:
                target = opened.enter_context(path.open("w", encoding="utf-8", newline=""))
                rows.append(csv.writer(target).writerow)
                rows[0](_HEADINGS)
            cells = (line.order_id or "", line.column, line.value, line.reason)
            rows[0]((line.line, *map(_harmless, cells)))
            count += 1
            if count <= _SHOWN_REFUSALS:
                place = f"Line {line.line:,}" + (f", {line.column}" if line.column else "")
                written = f" ({line.value!r})" if line.value else ""
                console.print(f"{place}: {line.reason}{written}", style="yellow", markup=False)
            elif count == _SHOWN_REFUSALS + 1:
                console.print(f"More rejected lines are in {path}.", style="yellow", markup=False)

        yield refuse


def _first_remarks(console: "Console") -> "Callable[[Remark], None]":
    count = 0

    def show(remark: "Remark") -> None:
        nonlocal count
        count += 1
        if count <= _SHOWN_REMARKS:
            fault = remark.fault
            place = f"Line {fault.line:,}" + (f", {fault.column}" if fault.column else "")
            console.print(f"{place}: {fault.reason}; stored nevertheless.", markup=False)

    return show


def _harmless(cell: str) -> str:
    """Text that a spreadsheet does not run as a formula: the file's cells are anybody's."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell


def _summarize(console: "Console", report: "ImportReport", refused_to: Path) -> None:
    console = type(console)(file=sys.stdout, highlight=False, soft_wrap=True)
    console.print(
        f"Stored {report.stored:,} orders ({report.stored_lines:,} lines); "
        f"{report.updated:,} known ones moved on, {report.known:,} were known already."
    )
    if report.rejected_lines:
        console.print(
            f"Rejected {report.rejected:,} orders ({report.rejected_lines:,} lines); every line "
            f"with its reason is in {refused_to}.",
            style="yellow",
            markup=False,
        )
    else:
        console.print("No line was rejected.")
    if report.remarks:
        console.print(f"{report.remarks:,} oddities in orders that are taken nevertheless.")
