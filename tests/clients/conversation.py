"""What every client is asked to do, in a workspace of its own, and what has to come of it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from schema.nodes import global_id
from tenants.grants import Role
from tests.world import World
from tests.world.plain_strawberry import PlainStrawberry
from tests.world.served import Served

DOCUMENTS = {
    "query": """
        query NewestOrders($first: Int!) {
          viewer { role }
          orders(first: $first) { nodes { id status total { amount currencyCode } } }
        }""",
    "subscription": """
        subscription Updates($after: String) {
          orderUpdates(after: $after) {
            ... on OrderEvent { sequence kind status order { id } }
            ... on EventGap { firstSequence lastSequence }
          }
        }""",
    "mutation": """
        mutation Cancel($input: OrderCancelInput!) {
          orderCancel(input: $input) { order { id status } userErrors { code field } }
        }""",
    "refused": "query BesideWhatIsRefused($id: ID!) { viewer { role } node(id: $id) { id } }",
    "invalid": "query Nonsense { nonsense }",
}
CONTROL_DOCUMENTS = {
    "query": "query One { product(id: 1) { id title } }",
    "subscription": "subscription Two { count(upTo: 2, pause: 0.2) }",
    "mutation": 'mutation Rename { productRename(id: 1, title: "New") { title } }',
    "refused": "query BesideWhatIsBroken { product(id: 1) { id } broken }",
    "invalid": "query Nonsense { nonsense }",
}

Saw = dict[str, Any]


@dataclass(frozen=True)
class Conversation:
    """What one client is asked, as the scripts take it, and what it has to have seen, by part."""

    question: dict[str, Any]
    expected: Saw

    def passed(self, saw: Saw) -> list[str]:
        """The parts that are as they have to be, to the letter."""
        bare = seen(saw)
        return [part for part, wanted in self.expected.items() if bare.get(part) == wanted]


async def conversation(
    world: World, served: Served, *, lifetime: timedelta | None = None
) -> Conversation:
    """With us. Of its `tokens`, where a lifetime is given, the first is good for so long only."""
    workspace = await world.workspace()
    order = global_id("Order", await workspace.order())
    token = await workspace.token(Role.ORDERS)
    brief = [await world.member(workspace, Role.ORDERS, lifetime=lifetime)] if lifetime else []
    variables = {
        "query": {"first": 1},
        "subscription": {"after": "0"},
        "mutation": {"input": {"orderId": order, "reason": "sold out", "idempotencyKey": "1"}},
        "refused": {"id": global_id("ApiKey", uuid4())},
    }
    question = {
        "url": f"{served.url}/graphql",
        "websocketUrl": served.websocket_url,
        "token": token,
        "tokens": [*brief, token],
        "documents": DOCUMENTS,
        "variables": variables,
    }
    return Conversation(question, _expected(order))


def conversation_with_control(control: PlainStrawberry) -> Conversation:
    """The same with plain Strawberry, of whose errors the same is expected."""
    question = {
        "url": f"{control.url}/graphql",
        "websocketUrl": control.websocket_url,
        "token": "any",
        "tokens": ["any"],
        "documents": CONTROL_DOCUMENTS,
        "variables": {},
    }
    expected = {
        "query": {"data": {"product": {"id": "1", "title": "Product 1"}}},
        "events": [{"data": {"count": 1}}, {"data": {"count": 2}}],
        "mutation": {"data": {"productRename": {"title": "New"}}},
        "refused": _partly(
            {"product": {"id": "1"}, "broken": None}, "INTERNAL_SERVER_ERROR", "broken"
        ),
        "invalid": _NOT_VALID,
    }
    return Conversation(question, expected)


def event(sequence: str, kind: str, status: str, order: str) -> dict[str, Any]:
    told = {"sequence": sequence, "kind": kind, "status": status, "order": {"id": order}}
    return {"data": {"orderUpdates": told}}


def seen(saw: Saw) -> Saw:
    """Without `__typename`, which caches ask for unasked; of errors, what programs go by."""
    return {part: _bare(value) for part, value in saw.items()}


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "message" in value:
        return {"code": value.get("extensions", {}).get("code"), "path": value.get("path")}
    bare = {
        key: _bare(one) for key, one in value.items() if key not in {"__typename", "extensions"}
    }
    return {"data": None, **bare} if "errors" in bare else bare


def _expected(order: str) -> Saw:
    total = {"amount": "25.00", "currencyCode": "THB"}
    newest = {"id": order, "status": "AWAITING_SHIPMENT", "total": total}
    cancelled = {"order": {"id": order, "status": "CANCELLED"}, "userErrors": []}
    return {
        "query": {"data": {"viewer": {"role": "ORDERS"}, "orders": {"nodes": [newest]}}},
        "events": [
            event("1", "ORDER_PLACED", "AWAITING_SHIPMENT", order),
            event("2", "ORDER_STATUS_CHANGE", "CANCELLED", order),
        ],
        "mutation": {"data": {"orderCancel": cancelled}},
        "refused": _partly({"viewer": {"role": "ORDERS"}, "node": None}, "FORBIDDEN", "node"),
        "invalid": _NOT_VALID,
    }


def _partly(data: Any, code: str, field: str) -> dict[str, Any]:
    return {"data": data, "errors": [{"code": code, "path": [field]}]}


_NOT_VALID = {"data": None, "errors": [{"code": "GRAPHQL_VALIDATION_FAILED", "path": None}]}
