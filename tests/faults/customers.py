"""Clients that order and ask while something breaks, and repeat what was not answered."""

import asyncio
import contextlib
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

import httpx

from tests.faults.breakable import Breakable, Worker
from tests.world import TestWorkspace

INGEST = """
mutation Ingest($orders: [IncomingOrderInput!]!) {
  orderIngest(input: { orders: $orders }) {
    results { externalId outcome }
    userErrors { code }
  }
}
"""
CREATE = """
mutation Create($input: ProductCreateInput!) {
  productCreate(input: $input) { product { id } userErrors { code } }
}
"""
RECENT = "query Recent { orders(first: 5) { nodes { id lines { quantity } } } }"
# Beyond the time for an operation, the wait for its turn, and giving back what it held.
PATIENCE = 40.0


class Untold(AssertionError):
    """A client was told something that it cannot act on."""


def codes_of(answer: dict[str, Any]) -> list[str]:
    """The codes of the errors in an answer; `Untold` where one does not say "again, later"."""
    codes = []
    for error in answer.get("errors", ()):
        extensions = error.get("extensions") or {}
        if not extensions.get("retryable") or "code" not in extensions:
            raise Untold(f"not to be retried, or not coded: {error}")
        codes.append(extensions["code"])
    return codes


def incoming(workspace: TestWorkspace, external_id: str) -> dict[str, Any]:
    """An order of the workspace's LIVE room, as a client sends it."""
    line = {
        "sellerSku": "SKU-1",
        "productName": "A thing",
        "quantity": 1,
        "unitPrice": {"amount": "12.50", "currencyCode": "THB"},
    }
    return {
        "externalId": external_id,
        "site": "TH",
        "currencyCode": "THB",
        "placedAt": datetime.now(UTC).isoformat(),
        "roomId": workspace.room_external_id,
        "lines": [line],
    }


@dataclass
class Customers:
    """Clients of one workspace, who go to the workers in turn.

    `codes` counts what they were told went wrong, `lost` what they were not told since the
    connection ended; `slowest` is the longest that one waited for any answer, in seconds.
    `answered` is when the last good answer came, by the monotonic clock.
    """

    platform: Breakable
    workspace: TestWorkspace
    token: str
    client: httpx.AsyncClient
    workers: Sequence[Worker]
    codes: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    placed: int = 0
    asked: int = 0
    slowest: float = 0.0
    answered: float = 0.0

    async def order(self, *, within: float = 60) -> str:
        """One new order, sent until it is known to be stored; its external id."""
        external_id = str(secrets.randbelow(10**18))
        variables = {"orders": [incoming(self.workspace, external_id)]}
        data = await self.until_answered(INGEST, variables, within=within)
        (result,) = data["orderIngest"]["results"]
        assert result["outcome"] in {"STORED", "ALREADY_KNOWN"}, result
        self.platform.promised[self.workspace.id].append(external_id)
        self.placed += 1
        return external_id

    async def look(self, *, within: float = 60) -> None:
        data = await self.until_answered(RECENT, {}, within=within)
        assert len(data["orders"]["nodes"]) <= 5
        self.asked += 1

    async def until_answered(
        self, query: str, variables: dict[str, Any], *, within: float = 60
    ) -> dict[str, Any]:
        """The data of the first answer without errors, from whichever worker gives it."""
        until = time.monotonic() + within
        for worker in cycle(self.workers):
            answer = await self.once(worker, query, variables)
            if answer is not None and not codes_of(answer):
                self.answered = time.monotonic()
                data: dict[str, Any] = answer["data"]
                return data
            assert time.monotonic() < until, f"no good answer within {within:g} s: {self.codes}"
            await asyncio.sleep(0.05)
        raise AssertionError("There is no worker to ask.")

    async def once(
        self, worker: Worker, query: str, variables: dict[str, Any]
    ) -> dict[str, Any] | None:
        """The answer, its codes counted; None where the connection ended before it."""
        headers = {"authorization": f"Bearer {self.token}"}
        began = time.monotonic()
        try:
            response = await self.client.post(
                f"{worker.url}/graphql",
                json={"query": query, "variables": variables},
                headers=headers,
            )
            answer: dict[str, Any] = response.json()
        except httpx.TimeoutException:
            raise
        except httpx.TransportError:
            self.lost += 1
            return None
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)
        self.codes.update(codes_of(answer))
        return answer

    @asynccontextmanager
    async def busy(self, *, ordering: int = 4, looking: int = 4) -> AsyncIterator[None]:
        """So many of each at work all the while; then everybody gets their last answer."""
        stopping = asyncio.Event()

        async def ever(act: Any) -> None:
            while not stopping.is_set():
                await act()
                await asyncio.sleep(0.02)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(ordering):
                tasks.create_task(ever(self.order))
            for _ in range(looking):
                tasks.create_task(ever(self.look))
            try:
                yield
            finally:
                stopping.set()


@asynccontextmanager
async def customers(
    platform: Breakable, workers: Sequence[Worker], workspace: TestWorkspace | None = None
) -> AsyncIterator[Customers]:
    workspace = workspace or await platform.world.workspace()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
    async with httpx.AsyncClient(timeout=PATIENCE, limits=limits) as client:
        yield Customers(platform, workspace, await workspace.token(), client, workers)


@contextlib.contextmanager
def noticed(failure: type[BaseException]) -> Any:
    """The control of a check: it has to fail where it ought to."""
    try:
        yield
    except failure:
        return
    raise AssertionError("The check found nothing where there was something to find.")
