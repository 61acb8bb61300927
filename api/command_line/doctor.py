"""`seller doctor`: what is wrong with a set-up, and how to mend it."""

import asyncio
from typing import TYPE_CHECKING

import typer

from api.command_line.opening import AsJson, show

if TYPE_CHECKING:
    from api.command_line.checks.finding import Finding
    from api.settings import Settings


def doctor(*, as_json: AsJson = False) -> None:
    """Check Python, packages, settings, Postgres, its role and tables, Redis, relay, keys, disk.

    Says for each thing what is wrong and how to mend it. Ends with code 1 when something is
    broken, 0 when all is well or only doubtful. Changes nothing.

    Example: `APP_DATABASE_URL=... REDIS_URL=... DATABASE_URL=... seller doctor`
    """
    from api.command_line.checks.finding import Verdict
    from api.settings import load_settings

    settings = load_settings()
    findings = asyncio.run(_findings(settings))
    if as_json:
        rows = [
            {"what": f.what, "verdict": f.verdict.value, "said": f.said, "mend": f.mend}
            for f in findings
        ]
        show(rows, as_json=True)
    else:
        _print_table(findings)
    if any(f.verdict is Verdict.FAIL for f in findings):
        raise typer.Exit(1)


async def _findings(settings: "Settings") -> "list[Finding]":
    from api.command_line.checks.finding import doubtful, fine
    from api.command_line.checks.machine import check_machine
    from api.command_line.checks.postgres import check_postgres
    from api.command_line.checks.redis import check_redis
    from api.command_line.opening import embedded_if_running

    findings = [fine("settings", "all can be read"), *check_machine(settings)]
    settings = embedded_if_running(settings)
    if settings.app_database_url is None or settings.redis_url is None:
        mend = "`make run` starts its own; or name DATABASE_URL, APP_DATABASE_URL and REDIS_URL."
        findings.append(doubtful("servers", "none are named and none run in this checkout", mend))
        return findings
    owner = settings.database_url.get_secret_value() if settings.database_url else None
    app = settings.app_database_url.get_secret_value()
    findings += [finding async for finding in check_postgres(owner, app)]
    redis = settings.redis_url.get_secret_value()
    return findings + [finding async for finding in check_redis(redis)]


def _print_table(findings: "list[Finding]") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    colours = {"ok": "green", "warn": "yellow", "fail": "red"}
    table = Table(box=None, pad_edge=False, show_header=False)
    for finding in findings:
        verdict = f"[{colours[finding.verdict]}]{finding.verdict.value}[/]"
        mend = f"\n[bold]-> {escape(finding.mend)}[/bold]" if finding.mend else ""
        table.add_row(verdict, finding.what, escape(finding.said) + mend)
    Console(highlight=False).print(table)
