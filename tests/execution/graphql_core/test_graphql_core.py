"""graphql-core's own tests hold for plans, but for those that `left_out.toml` names."""

import json
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.execution.graphql_core.fetching import CHECKOUT, OutOfReach, fetched

HERE = Path(__file__).parent
_WAIT = 60  # seconds for a test
_ASKED = ("tests/execution", "tests/test_star_wars_query.py", "tests/test_user_registry.py")
_INCREMENTAL = "tests/execution/incremental"  # executes by functions of its own


@dataclass(frozen=True)
class Ran:
    """Outcomes by test, and how often each way of executing was gone, by its name."""

    outcomes: dict[str, str]
    ways: dict[str, int]

    def those(self, outcome: str) -> set[str]:
        return {test for test, told in self.outcomes.items() if told == outcome}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    try:
        place = fetched()
    except OutOfReach as reason:
        pytest.skip(f"graphql-core's tests are not to be had: {reason}")
    folder = tmp_path_factory.mktemp("graphql_core")
    (folder / "pytest.ini").write_text("[pytest]\npython_classes = PyTest*\nmarkers = slow: slow\n")
    told = folder / "told.json"
    process = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", *_ASKED, "--ignore", _INCREMENTAL),
            *("-c", str(folder / "pytest.ini"), "--rootdir", str(place), "-q", "--tb=line"),
            *("-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "through_plans"),
            *("--timeout", str(_WAIT)),
            *(f"--deselect={test}" for test in left_out(hangs=True)),
        ],
        cwd=place,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (place / "plugins", HERE, CHECKOUT))),
            "THROUGH_PLANS_TOLD": str(told),
        },
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert told.exists(), process.stdout + process.stderr
    return Ran(**json.loads(told.read_text()))


def left_out(*, hangs: bool) -> set[str]:
    listed = tomllib.loads((HERE / "left_out.toml").read_text())["left_out"]
    assert all(entry["reason"] for entry in listed)
    return {
        test for entry in listed if entry.get("hangs", False) == hangs for test in entry["tests"]
    }


def test_all_that_are_not_left_out_pass(ran: Ran) -> None:
    assert ran.those("failed") - left_out(hangs=False) == set()
    assert len(ran.those("passed")) > 400


def test_none_that_passes_is_left_out(ran: Ran) -> None:
    assert left_out(hangs=False) == ran.those("failed")


def test_most_operations_go_through_plans(ran: Ran) -> None:
    assert ran.ways["plan"] > 280, ran.ways
