"""The page of conformance says what failed, and what did not run."""

from dataclasses import replace

from tests.world.audit import SECTIONS, Run, failures, page
from tests.world.conformance import Finding

GOOD = [Finding(section=section, check=f"all {section}", passed=3, of=3) for section in SECTIONS]
RUNS = [Run("Everything", passed=True, told="12 passed in 3.00s")]


def test_where_all_holds_nothing_is_said_to_have_failed() -> None:
    assert failures(RUNS, GOOD) == []
    assert f"{len(GOOD)} checks in 1 runs, 0 failed.\n" in page(RUNS, GOOD)


def test_a_check_that_missed_something_is_counted_and_stands_out() -> None:
    missed = [replace(GOOD[0], check="a|b", passed=1_000, of=1_001), *GOOD[1:]]
    assert failures(RUNS, missed) == ["a|b"]
    text = page(RUNS, missed)
    assert "1 failed: a|b.\n" in text
    assert "| a\\|b | **1,000 of 1,001** |" in text


def test_a_run_that_failed_is_counted_although_its_checks_passed() -> None:
    broken = [*RUNS, Run("Faults", passed=False, told="1 failed, 3 passed in 9.00s")]
    assert failures(broken, GOOD) == ["Faults"]
    assert "| Faults | **failed** | 1 failed, 3 passed in 9.00s |" in page(broken, GOOD)


def test_a_section_of_which_nothing_was_told_has_failed() -> None:
    assert failures(RUNS, GOOD[1:]) == [f"{SECTIONS[0]}: nothing ran"]


def test_other_sections_come_last() -> None:
    text = page(RUNS, [Finding(section="Zoo", check="lions", passed=1, of=1), *GOOD])
    assert text.index("## Zoo") > text.index(f"## {SECTIONS[-1]}")
