"""The benchmark runs at a tiny size: all who can run answer the same, and figures come of it."""

import json
from pathlib import Path

import pytest

from benchmarks.operations import __main__ as operations
from benchmarks.operations.figures import Figures, Target, figures, targets
from benchmarks.operations.measuring import Window
from benchmarks.operations.node_contenders import FOLDER, MERCURIUS, POSTGRAPHILE
from benchmarks.operations.ours import INTERPRETED, LIMITS, PRODUCT
from benchmarks.operations.questions import OPERATIONS
from benchmarks.operations.rows.world import sizes

OURS = (PRODUCT, INTERPRETED, *LIMITS)
QUICK = (
    "--scale", "0.01", "--rounds", "1", "--seconds", "0.2", "--warm-up", "0.1", "--compared", "2",
    "--questions", "8",
)  # fmt: skip


def run(folder: Path, *contenders: str) -> tuple[str, dict[str, dict[str, dict[str, float]]]]:
    """The page, and figures by operation and contender."""
    folders = ("--state", str(folder / "state"), "--results", str(folder / "results"))

    assert operations.main([*QUICK, *folders, "--contenders", *contenders]) == 0

    told = json.loads((folder / "results" / "operations.json").read_text())
    assert (folder / "results" / "operations.svg").read_text().endswith("</svg>\n")
    return (folder / "results" / "operations.md").read_text(), told["table"]


def test_the_product_and_the_limits_answer_the_same_and_are_measured(tmp_path: Path) -> None:
    page, table = run(tmp_path, *OURS)

    assert table.keys() == OPERATIONS.keys()
    for by_name in table.values():
        assert by_name.keys() == set(OURS)
        assert all(told["requests"] > 0 and told["server"] > 0 for told in by_name.values())
    assert "30 answers were compared" in page  # 2 of each operation, of three with a first
    assert "| Q1 | total CPU, of the limit on Starlette | 1.30 |" in page


@pytest.mark.skipif(
    not (FOLDER / "node_modules" / ".installed").exists(),
    reason="Node's contenders are not installed; `make bench` installs them where npm is",
)
def test_contenders_on_node_answer_as_the_product_does(tmp_path: Path) -> None:
    _, table = run(tmp_path, PRODUCT, MERCURIUS, POSTGRAPHILE)

    assert all(by_name.keys() == {PRODUCT, MERCURIUS, POSTGRAPHILE} for by_name in table.values())


def test_the_full_size_is_the_one_that_was_promised() -> None:
    assert sizes(1).told == {
        "workspaces": 50,
        "products": 100_000,
        "SKUs": 300_000,
        "orders": 200_000,
        "lines": 500_000,
    }


def test_figures_are_of_all_requests_of_all_windows() -> None:
    told = figures([window(requests=1, server=0.002), window(requests=3, server=0.002)])

    assert (told.requests, told.server, told.a_second) == (4, 1_000.0, 2.0)
    assert told.spread == pytest.approx(1.0)


def test_a_target_is_met_up_to_its_figure_and_not_told_without_its_rival() -> None:
    same = {"Q1": {PRODUCT: some(1_000), LIMITS[0]: some(1_000)}}
    met = {target.what: target.met for target in targets(same)}

    assert met["total CPU, of the limit on Starlette"] is True
    assert met["server CPU, of Mercurius"] is None
    assert Target(operation="Q1", what="", at_most=1.0, ratio=1.01).met is False


def window(*, requests: int, server: float) -> Window:
    return Window(
        requests=requests, seconds=1.0, server=server, postgres=0, valkey=0, client=0, size=0,
        microseconds=[1_000] * requests,
    )  # fmt: skip


def some(server: float) -> Figures:
    return Figures(
        requests=1, server=server, postgres=0, valkey=0, client=0, spread=0, a_second=1, p50=1,
        p99=1, bytes=1,
    )  # fmt: skip
