"""One change per key, however often and however simultaneously it is asked for."""

import asyncio
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from commerce.shops.sites import Site
from tenants.database import Writer
from tenants.idempotency import KeyReused, _digest, once
from tests.world import TestWorkspace, World


async def ask(workspace: TestWorkspace, key: str, request: Any, ran: list[Any]) -> Any:
    async def change(writer: Writer) -> Any:
        async def work() -> Any:
            ran.append(request)
            await asyncio.sleep(0.02)
            if request == "refuse":
                raise ValueError("refused")
            writer.changes.audit("Workspace", workspace.id, after={"made": request})
            return {"number": len(ran)}

        return await once(writer, key, request=request, work=work)

    return await workspace.system().change("numbered", change)


async def test_simultaneous_requests_with_one_key_are_one_change(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    ran: list[Any] = []

    answers = await asyncio.gather(*(ask(workspace, "k", "same", ran) for _ in range(6)))

    assert answers == [{"number": 1}] * 6
    assert ran == ["same"]
    entries = "SELECT count(*) FROM audit_entries WHERE workspace_id = $1 AND action = 'numbered'"
    assert await owner.fetchval(entries, workspace.id) == 1


async def test_the_same_key_for_another_input_is_refused_and_nothing_runs(world: World) -> None:
    workspace = await world.workspace()
    ran: list[Any] = []
    await ask(workspace, "k", {"a": 1, "b": 2}, ran)

    assert await ask(workspace, "k", {"b": 2, "a": 1}, ran) == {"number": 1}
    with pytest.raises(KeyReused, match="was used before with another input"):
        await ask(workspace, "k", {"a": 2}, ran)
    assert len(ran) == 1


async def test_a_refused_change_leaves_its_key_free(
    world: World, owner: asyncpg.Connection
) -> None:
    workspace = await world.workspace()
    ran: list[Any] = []

    with pytest.raises(ValueError, match="refused"):
        await ask(workspace, "k", "refuse", ran)
    stored = "SELECT count(*) FROM idempotency_records WHERE workspace_id = $1"
    assert await owner.fetchval(stored, workspace.id) == 0

    assert await ask(workspace, "k", "mended", ran) == {"number": 2}


@pytest.mark.parametrize("key", ["", "x" * 256, "nul\x00"])
async def test_a_key_that_cannot_be_stored_is_refused(world: World, key: str) -> None:
    ran: list[Any] = []

    with pytest.raises(KeyReused, match="has 1 to 255 characters"):
        await ask(await world.workspace(), key, "x", ran)

    assert ran == []


@dataclass
class _Line:
    sku: str
    amount: Decimal | None = None


@dataclass
class _Request:
    lines: list[_Line]
    site: Site
    at: datetime


def test_an_input_has_the_fingerprint_of_what_it_holds() -> None:
    at = datetime(2026, 5, 1, tzinfo=UTC)
    request = _Request([_Line("ผ้า", Decimal("12.50")), _Line("a")], Site.TH, at)
    other = _Request([_Line("ผ้า", Decimal("12.5")), _Line("a")], Site.TH, at)

    assert _digest(request) == _digest(asdict(request))
    assert _digest(request) != _digest(other)
