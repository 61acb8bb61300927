"""What the harness in tests/isolation cannot try: a forged principal, and how a refusal reads."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from schema.nodes import global_id
from tests.isolation.harvest import rows_of
from tests.world import TestWorkspace, World

NOW = datetime.now(UTC).isoformat()
MUTATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "productUpdate": ("Product", "productId", {"expectedVersion": 1, "title": "Taken over"}),
    "productActivate": ("Product", "productId", {}),
    "productDeactivate": ("Product", "productId", {}),
    "orderShip": ("Order", "orderId", {"idempotencyKey": ""}),
    "orderCancel": ("Order", "orderId", {"reason": "mine now", "idempotencyKey": ""}),
    "packageTrack": ("Package", "packageId", {"code": "DELIVERED", "occurredAt": NOW}),
    "memberChangeRole": ("User", "userId", {"role": "OWNER"}),
    "memberPart": ("User", "userId", {}),
    "memberInvitationRevoke": ("Invitation", "invitationId", {}),
    "apiKeyRevoke": ("ApiKey", "apiKeyId", {}),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def two(world: World) -> tuple[TestWorkspace, TestWorkspace]:
    """A, who asks, and B, who has one of what A asks for."""
    a, b = await world.workspace(), await world.workspace()
    await b.product()
    await b.order()
    made = await b.ask(
        'mutation { memberInvite(input: {email: "new@b.example", role: VIEWER}) { invitationId }'
        ' apiKeyCreate(input: {name: "key of b", scopes: ["orders:read"]}) { apiKeyId } }'
    )
    assert made.errors == []
    return a, b


async def theirs(owner: asyncpg.Connection, kind: str, b: TestWorkspace) -> UUID:
    """The id of one of B's things, or of none where B has none of that kind."""
    table, column = {
        "Product": ("products", "id"),
        "Order": ("orders", "id"),
        "Package": ("packages", "id"),
        "User": ("memberships", "user_id"),
        "Invitation": ("invitations", "id"),
        "ApiKey": ("api_keys", "id"),
    }[kind]
    found: UUID | None = await owner.fetchval(
        f"SELECT {column} FROM {table} WHERE workspace_id = $1 LIMIT 1", b.id
    )
    return found or uuid4()


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_a_change_of_what_is_anothers_names_the_argument_that_names_nothing(
    two: tuple[TestWorkspace, TestWorkspace], owner: asyncpg.Connection, mutation: str
) -> None:
    a, b = two
    kind, argument, given = MUTATIONS[mutation]
    name = f"{mutation[0].upper()}{mutation[1:]}Input"
    name = "ProductMoveInput" if mutation.endswith("ctivate") else name
    payload = "(input: $input) { userErrors { code field message } }"
    values = {**given, argument: global_id(kind, await theirs(owner, kind, b))}
    if "idempotencyKey" in values:
        values["idempotencyKey"] = str(uuid4())
    before = await rows_of(owner, b.id)

    answer = await a.ask(f"mutation ($input: {name}!) {{ {mutation}{payload} }}", {"input": values})

    assert answer.errors == []
    (error,) = answer.data[mutation]["userErrors"]
    assert (error["code"], error["field"]) == ("NOT_FOUND", [argument])
    assert await rows_of(owner, b.id) == before


async def test_a_token_of_a_opens_no_transaction_of_b(
    two: tuple[TestWorkspace, TestWorkspace], world: World
) -> None:
    """Even a principal that claims B with A's session is refused by the opening statement."""
    a, b = two
    principal = await world.access.principal(f"Bearer {await a.token()}")

    answer = await world.ask_as(replace(principal, workspace_id=b.id), "{ workspace { name } }")

    assert answer.code == "UNAUTHENTICATED"
    assert answer.data is None
