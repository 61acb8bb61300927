"""`make audit`: run every check of protocols, clients, limits, isolation and faults, and write
docs/CONFORMANCE.md from what they counted.

All of it takes half an hour. `make audit ARGS=faults` runs again those of which the name holds
that, and keeps what the others told last; the page says of each when it ran, and on what.
"""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

from tests.world.conformance import FILE, Finding

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "CONFORMANCE.md"
KEPT = CHECKOUT / ".state" / "audit"
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
    """What a run told last. `at` is when it ended, `on` the revision that it ran on."""

    name: str
    passed: bool
    told: str
    at: str
    on: str
    findings: list[Finding] = field(default_factory=list)


def main(names: Sequence[str]) -> int:
    for name, command in RUNS.items():
        if not names or any(part.lower() in name.lower() for part in names):
            _keep(_run(name, command))
    runs = list(_kept())
    PAGE.write_text(page(runs), encoding="utf-8")
    failed = failures(runs)
    print(f"{PAGE.relative_to(CHECKOUT)}: {len(failed)} failed", *failed, sep="\n")  # noqa: T201
    return bool(failed)


def failures(runs: Sequence[Run]) -> list[str]:
    """Runs and checks that failed, and what did not run: that has not held either."""
    findings = _findings(runs)
    made, told = {run.name for run in runs}, {finding.section for finding in findings}
    return [
        *(run.name for run in runs if not run.passed),
        *(finding.check for finding in findings if finding.passed != finding.of),
        *(f"{name}: did not run" for name in RUNS if name not in made),
        *(f"{section}: nothing ran" for section in SECTIONS if section not in told),
    ]


def page(runs: Sequence[Run]) -> str:
    """The page, in Markdown. What names no known section comes last, under its own."""
    failed, findings = failures(runs), _findings(runs)
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
        "| Run | Outcome | What it said | When, and on what |",
        "| --- | --- | --- | --- |",
        *(
            f"| {r.name} | {'passed' if r.passed else '**failed**'} | {r.told} | {r.at}, {r.on} |"
            for r in runs
        ),
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


def _findings(runs: Sequence[Run]) -> list[Finding]:
    return [finding for run in runs for finding in run.findings]


def _file(name: str) -> Path:
    return KEPT / f"{re.sub('[^a-z]+', '-', name.lower())}.json"


def _keep(run: Run) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    _file(run.name).write_text(json.dumps(asdict(run)), encoding="utf-8")


def _kept() -> Iterator[Run]:
    for name in RUNS:
        if _file(name).exists():
            told = json.loads(_file(name).read_text(encoding="utf-8"))
            findings = [Finding(**one) for one in told.pop("findings")]
            yield Run(**told, findings=findings)


def _run(name: str, command: tuple[str, ...]) -> Run:
    print(f"== {name}", flush=True)  # noqa: T201
    revision = _revision()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "findings.jsonl"
        file.touch()
        done = _ended(*command, environment=os.environ | {FILE: str(file)})
        findings = [Finding(**json.loads(line)) for line in file.read_text().splitlines()]
    if done.returncode:
        print(done.stdout)  # noqa: T201
    last = (done.stdout.strip().splitlines() or [""])[-1].strip("= ")
    counted = re.search(r"\d+ (passed|failed).*", last)
    told = counted[0] if counted else last[:200]
    at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return Run(name, not done.returncode, told, at, revision, findings)


def _revision() -> str:
    """Of the sources; with a plus where they are not quite that."""
    changed = _ended("git", "status", "--porcelain", "--", ".", ":!docs").stdout.strip()
    revision = _ended("git", "rev-parse", "--short", "HEAD").stdout.strip() or "no revision"
    return revision + ("+" if changed else "")


def _ended(
    *command: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
