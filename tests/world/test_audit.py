"""The page of conformance says what failed, and what did not run."""

from dataclasses import replace

from tests.world.audit import RUNS, SECTIONS, Run, failures, page
from tests.world.conformance import Finding

FINDINGS = [
    Finding(section=section, check=f"all {section}", passed=3, of=3) for section in SECTIONS
]
GOOD = [
    Run(name, passed=True, told="12 passed in 3.00s", at="2026-11-25 01:00 UTC", on="abc1234")
    for name in RUNS
]
GOOD[0] = replace(GOOD[0], findings=FINDINGS)


def with_first(**changed: object) -> list[Run]:
    return [replace(GOOD[0], **changed), *GOOD[1:]]  # type: ignore[arg-type]


def test_where_all_holds_nothing_is_said_to_have_failed() -> None:
    assert failures(GOOD) == []
    text = page(GOOD)
    assert f"{len(FINDINGS)} checks in {len(RUNS)} runs, 0 failed.\n" in text
    assert "| Faults | passed | 12 passed in 3.00s | 2026-11-25 01:00 UTC, abc1234 |" in text


def test_a_check_that_missed_something_is_counted_and_stands_out() -> None:
    missed = replace(FINDINGS[0], check="a|b", passed=1_000, of=1_001)
    runs = with_first(findings=[missed, *FINDINGS[1:]])
    assert failures(runs) == ["a|b"]
    assert "1 failed: a|b.\n" in page(runs)
    assert "| a\\|b | **1,000 of 1,001** |" in page(runs)


def test_a_run_that_failed_is_counted_although_its_checks_passed() -> None:
    runs = with_first(passed=False, told="1 failed, 3 passed in 9.00s")
    assert failures(runs) == [GOOD[0].name]
    assert "| **failed** | 1 failed, 3 passed in 9.00s |" in page(runs)


def test_what_did_not_run_has_failed() -> None:
    assert failures(GOOD[:-1]) == [f"{GOOD[-1].name}: did not run"]
    assert failures(with_first(findings=FINDINGS[1:])) == [f"{SECTIONS[0]}: nothing ran"]


def test_other_sections_come_last() -> None:
    lions = Finding(section="Zoo", check="lions", passed=1, of=1)
    text = page(with_first(findings=[lions, *FINDINGS]))
    assert text.index("## Zoo") > text.index(f"## {SECTIONS[-1]}")
