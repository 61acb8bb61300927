"""The workspace that is fuzzed, a neighbour's, and what `values.py` names of both."""

import base64
import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from schema.nodes import global_id
from tenants.api_keys import create_key
from tenants.database import Writer
from tenants.grants import Grant, Role
from tests.fuzz.values import PAGED, core_schema, node_types
from tests.world import TestWorkspace, World, an_order

PRINCIPALS = ("owner", "owner", "owner", "orders", "viewer", "key")  # as often as that
_NAMED = re.compile(r"@@([\w.]+)@@")
_LONG = timedelta(hours=6)
_SCOPES = (Grant.ORDERS_READ, Grant.ORDERS_MANAGE, Grant.CATALOGUE_READ)
_HARVEST = """
{
  workspace {
    id slug shops { id } members { user { id email } } apiKeys { id } invitations { id }
  }
  warehouses { id }
  products(first: 1) { nodes { id skus { id sellerSku } } pageInfo { endCursor } }
  orders(first: 1) { nodes { id externalId packages { id trackingNumber } } pageInfo { endCursor } }
  liveRooms(first: 1) { nodes { id externalId } pageInfo { endCursor } }
  auditLog(first: 3) { pageInfo { endCursor } }
  jobs(first: 1) { nodes { id } pageInfo { endCursor } }
}
"""
_READ_ALL = """
mutation { bulkQueryRun(input: {query: "{ orders { nodes { id } } }"}) { job { id } } }
"""
_SHIP = """
mutation ($input: OrderShipInput!) { orderShip(input: $input) { userErrors { code } } }
"""
_INVITE = """
mutation ($input: MemberInviteInput!) { memberInvite(input: $input) { invitationId } }
"""
_KEY = """
mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { apiKeyId } }
"""


@dataclass
class Ground:
    """Credentials by principal, and values by the names that inputs use."""

    credentials: dict[str, str]
    values: dict[str, str]

    def filled(self, given: Any) -> Any:
        """`given` with every name replaced; text, or JSON that holds text."""
        if isinstance(given, str):
            return _NAMED.sub(self._meant, given)
        if isinstance(given, dict):
            return {self.filled(name): self.filled(value) for name, value in given.items()}
        if isinstance(given, list):
            return [self.filled(value) for value in given]
        return given

    def _meant(self, found: re.Match[str]) -> str:
        kind, _, size = found[1].partition(".")
        if kind == "large":
            return "x" * int(size)  # so that inputs stay readable
        return self.values.get(found[1], found[0])

    def authorization(self, principal: str) -> str:
        return f"Bearer {self.credentials[principal]}"


async def furnish(world: World) -> Ground:
    """Two workspaces of everything there is; inputs are sent as members of the first."""
    mine, theirs = await world.workspace(), await world.workspace()
    values = await _harvested(mine)
    for name, value in (await _harvested(theirs)).items():
        values[f"foreign.{name.removeprefix('own.')}"] = value
    for name in node_types(core_schema()):
        values[f"forged.{name}"] = global_id(name, uuid4())
    values |= {"token": await mine.token(), "foreign.token": await theirs.token()}
    # None of them is named: an input that ended its own sender would leave the rest refused.
    credentials = {
        "owner": await world.member(mine, Role.OWNER, lifetime=_LONG),
        "orders": await world.member(mine, Role.ORDERS, lifetime=_LONG),
        "viewer": await world.member(mine, Role.VIEWER, lifetime=_LONG),
        "key": await _api_key(mine),
    }
    missing = [n for n in node_types(core_schema()) if f"own.{n}" not in values]
    assert not missing, f"The harvest has no id of {missing}: add it to tests/fuzz/ground.py."
    return Ground(credentials, values)


async def _harvested(workspace: TestWorkspace) -> dict[str, str]:
    await _fill(workspace)
    answer = await workspace.ask(_HARVEST)
    assert not answer.errors, answer.errors
    data = answer.data
    place, order = data["workspace"], data["orders"]["nodes"][0]
    product, room = data["products"]["nodes"][0], data["liveRooms"]["nodes"][0]
    ids = {
        "ApiKey": place["apiKeys"][0]["id"],
        "Category": global_id("Category", "601226"),
        "Invitation": place["invitations"][0]["id"],
        "Job": data["jobs"]["nodes"][0]["id"],
        "LiveRoom": room["id"],
        "Order": order["id"],
        "Package": order["packages"][0]["id"],
        "Product": product["id"],
        "Shop": place["shops"][0]["id"],
        "Sku": product["skus"][0]["id"],
        "User": place["members"][0]["user"]["id"],
        "Warehouse": data["warehouses"][0]["id"],
        "Workspace": place["id"],
    }
    cursors = {f"cursor.{name}": data[name]["pageInfo"]["endCursor"] for name in PAGED}
    return {
        **{f"own.{name}": value for name, value in ids.items()},
        **cursors,
        "sellerSku": product["skus"][0]["sellerSku"],
        "externalId": order["externalId"],
        "trackingNumber": order["packages"][0]["trackingNumber"],
        "roomExternalId": room["externalId"],
        "sequence": "1",
        "email": place["members"][0]["user"]["email"],
        "usedKey": "used",
        "slug": place["slug"],
        "key": "sck_" + base64.urlsafe_b64encode(b"0" * 40).decode(),
    }


async def _fill(workspace: TestWorkspace) -> None:
    for _ in range(3):
        await workspace.product()
    await workspace.ingest([an_order(live_room_id=workspace.room_external_id) for _ in range(12)])
    # The order that is harvested is the newest.
    newest = await workspace.ask("{ orders(first: 1) { nodes { id } } }")
    shipped = {
        "orderId": newest.data["orders"]["nodes"][0]["id"],
        "carrier": "Thailand Post",
        "trackingNumber": f"EX{workspace.slug[-8:]}TH",
        "idempotencyKey": "used",
    }
    done = await workspace.ask(_SHIP, {"input": shipped})
    assert done.data["orderShip"]["userErrors"] == [], done
    guest = {"email": f"guest@{workspace.slug}.example", "role": "VIEWER"}
    assert (await workspace.ask(_INVITE, {"input": guest})).data["memberInvite"]["invitationId"]
    key = {"name": "Spare", "scopes": ["orders:read"]}
    assert (await workspace.ask(_KEY, {"input": key})).data["apiKeyCreate"]["apiKeyId"]
    for _ in range(2):
        assert (await workspace.ask(_READ_ALL)).data["bulkQueryRun"]["job"]


async def _api_key(workspace: TestWorkspace) -> str:
    async def work(writer: Writer) -> str:
        return (await create_key(writer, name="Fuzz", scopes=_SCOPES, expires_at=None))[1]

    return await workspace.system().change("test", work)


def as_json(given: Any) -> bytes:
    """JSON in ASCII: halves of surrogate pairs leave as escapes, as a client would write them."""
    return json.dumps(given).encode()
