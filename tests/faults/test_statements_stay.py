"""Statements of an operation do not grow with its lists; tests/schema/test_statements.py says how
many each field costs."""

import pytest

from tests.faults.breakable import Breakable
from tests.schema.test_statements import COSTS, stocked
from tests.world import TestWorkspace
from tests.world.conformance import Finding, tell

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]

SHORT, LONG = 1, 12
_ONE = "query One($id: ID!) { product(id: $id) { title skus { sellerSku } } }"


async def test_statements_are_the_same_for_short_and_for_long_lists(platform: Breakable) -> None:
    short, long = [await stocked(platform.world, rows) for rows in (SHORT, LONG)]
    before, after = [await _spent(workspace) for workspace in (short, long)]
    same = [name for name in COSTS if before[name] == after[name]]

    assert same == list(COSTS)
    # The control: a client that asks for each product by itself.
    control = [await _one_by_one(workspace) for workspace in (short, long)]
    assert control[0] < control[1]
    tell(
        Finding(
            section="Faults",
            check="statements of every list field are constant in the list's size",
            passed=len(same),
            of=len(COSTS),
            control=f"products asked for one by one: {control[0]} statements for {SHORT}, "
            f"{control[1]} for {LONG}",
            note=f"lists of {SHORT} and of {LONG}",
        )
    )


async def _spent(workspace: TestWorkspace) -> dict[str, int]:
    spent = {}
    for name, (query, _) in COSTS.items():
        answer = await workspace.ask(f"{{ {query} }}")
        assert answer.errors == [], name
        spent[name] = answer.statements
    return spent


async def _one_by_one(workspace: TestWorkspace) -> int:
    products = (await workspace.ask("{ products(first: 50) { nodes { id } } }")).data["products"]
    answers = [await workspace.ask(_ONE, {"id": node["id"]}) for node in products["nodes"]]
    assert all(answer.data["product"]["skus"] for answer in answers)
    return sum(answer.statements for answer in answers)
