"""`make audit`: run every check of protocols, clients, limits, isolation and faults, and write
docs/CONFORMANCE.md from what they counted."""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

from tests.world.conformance import FILE, Finding

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "CONFORMANCE.md"
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
SECTIONS = ("Protocols", "Clients", "Limits", "Isolation", "Roles", "Faults", "Fuzzing")
RUNS = {
    "Protocols, limits and clients": (*PYTEST, "tests/api", "tests/clients", "tests/schema"),
    "Isolation and roles": (*PYTEST, "tests/isolation", "tests/journeys"),
    "Fuzzers": (*PYTEST, "-m", "fuzz", "tests/fuzz"),
    "Faults": (*PYTEST, "-m", "faults", "tests/faults"),
    "What holds the event loop": (sys.executable, "-m", "benchmarks.held_loop"),
    "A noisy neighbour": (sys.executable, "-m", "benchmarks.noisy_neighbour"),
}
OURS = ("strawberry-graphql", "graphql-core", "starlette", "uvicorn", "asyncpg", "redis")


@dataclass(frozen=True)
class Run:
    name: str
    passed: bool
    told: str


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "findings.jsonl"
        file.touch()
        runs = [_run(name, command, file) for name, command in RUNS.items()]
        findings = [Finding(**json.loads(line)) for line in file.read_text().splitlines()]
    PAGE.write_text(page(runs, findings), encoding="utf-8")
    failed = failures(runs, findings)
    print(f"{PAGE.relative_to(CHECKOUT)}: {len(findings)} checks, {len(failed)} failed:", *failed)  # noqa: T201
    return bool(failed)


def failures(runs: Iterable[Run], findings: list[Finding]) -> list[str]:
    """Runs and checks that failed, and sections of which nothing was told: what did not run has
    not held."""
    told = {finding.section for finding in findings}
    return [
        *(run.name for run in runs if not run.passed),
        *(finding.check for finding in findings if finding.passed != finding.of),
        *(f"{section}: nothing ran" for section in SECTIONS if section not in told),
    ]


def page(runs: list[Run], findings: list[Finding]) -> str:
    """The page, in Markdown. What names no known section comes last, under its own."""
    failed = failures(runs, findings)
    lines = [
        "# Conformance",
        "",
        "Written by `make audit`, which runs every check below; not edited by hand.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in OURS)
        + f". {len(findings)} checks in {len(runs)} runs, {len(failed)} failed"
        + (f": {'; '.join(failed)}." if failed else "."),
        "",
        "*Control* is what the same check found where it has to find something.",
        "",
        "| Run | Outcome | What it said |",
        "| --- | --- | --- |",
        *(f"| {r.name} | {'passed' if r.passed else '**failed**'} | {r.told} |" for r in runs),
    ]
    order = {name: number for number, name in enumerate(SECTIONS)}

    def place(finding: Finding) -> tuple[int, str]:
        return order.get(finding.section, len(order)), finding.section

    for (_, section), group in groupby(sorted(findings, key=place), place):
        lines += ["", f"## {section}", "", "| Check | Passed | Control | Versions and notes |"]
        lines += ["| --- | --- | --- | --- |", *map(_row, group)]
    return "\n".join(lines) + "\n"


def _row(finding: Finding) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in finding.versions.items())
    notes = "; ".join(part for part in (versions, finding.note) if part)
    count = f"{finding.passed:,} of {finding.of:,}"
    told = count if finding.passed == finding.of else f"**{count}**"
    cells = (finding.check, told, finding.control, notes)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _run(name: str, command: tuple[str, ...], file: Path) -> Run:
    print(f"== {name}", flush=True)  # noqa: T201
    done = subprocess.run(
        command,
        cwd=CHECKOUT,
        env=os.environ | {FILE: str(file)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout)  # noqa: T201
    last = (done.stdout.strip().splitlines() or [""])[-1].strip("= ")
    counted = re.search(r"\d+ (passed|failed).*", last)
    return Run(name, not done.returncode, counted[0] if counted else last[:200])


if __name__ == "__main__":
    sys.exit(main())
