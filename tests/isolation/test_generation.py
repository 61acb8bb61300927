"""What is added to the schema is tried from then on; what cannot be tried stops the harness."""

from uuid import UUID, uuid4

import pytest
from graphql import GraphQLSchema, build_ast_schema, extend_schema, parse, validate

from schema.root import printed
from tests.isolation.attempts import Plan
from tests.isolation.documents import MOST_ALIASES, Documents
from tests.isolation.harvest import Harvest
from tests.isolation.hostile import Hostile
from tests.isolation.leaks import Marks, amounts_of
from tests.isolation.places import Place, places, slots, unreached
from tests.isolation.supply import Supply
from tests.isolation.values import UnknownValue
from tests.isolation.walk import Walk

PRESENT = build_ast_schema(parse(printed()), assume_valid=True)
ADDED = """
extend type Query {
  return(id: ID!): Return
  returns(first: Int, after: String, last: Int, before: String, where: ReturnWhere): Returns!
}
extend type Mutation { returnApprove(input: ReturnApproveInput!): Return }
extend type Subscription { returnsChanged(roomId: ID!): Return }
extend type Workspace { returnOf(orderId: ID!): Return }
type Return { id: ID! reason: String state: ReturnState }
enum ReturnState { OPEN CLOSED }
type Returns { nodes: [Return!]! totalCount: Int! pageInfo: PageInfo! }
input ReturnWhere { reason: StringFilter, state: ReturnState, not: ReturnWhere }
input ReturnApproveInput { returnId: ID!, note: String, amount: MoneyInput!, proofs: [Proof!] }
input Proof { url: String! }
"""


class AnyKind:
    """Takes ids of orders wherever an id is wanted."""

    all = ("Order",)

    def of(self, _place: Place, _path: object) -> str:
        return "Order"


def with_added(text: str) -> GraphQLSchema:
    return extend_schema(PRESENT, parse(text))


def place_of(schema: GraphQLSchema, name: str) -> Place:
    (found,) = [place for place in places(schema) if place.name == name]
    return found


def plan() -> Plan:
    from collections import deque

    supply = Supply({"Order": {"": deque(str(n) for n in range(500))}})
    return Plan(AnyKind(), supply)  # type: ignore[arg-type]


def hostile() -> Hostile:
    theirs = Harvest(
        ids={("orders", "id"): [uuid4()]},
        texts={("orders", "buyer_message"): ["theirs"], ("skus", "seller_sku"): ["S-1"]},
        numbers=[731_295_731],
        keys={("skus", "seller_sku")},
    )
    return Hostile(Harvest(), theirs, {"Order": theirs.ids["orders", "id"]})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("return", {"return(id)"}),
        (
            "returns",
            {"returns(where.reason.eq)", "returns(where.reason.oneOf)", "returns(after)",
             "returns(where.not.reason.eq)", "returns(where.not.reason.oneOf)", "returns(before)",
             "returns(first)", "returns(last)"},
        ),
        (
            "returnApprove",
            {"returnApprove(input.returnId)", "returnApprove(input.note)",
             "returnApprove(input.proofs.url)"},
        ),
        ("returnsChanged", {"returnsChanged(roomId)"}),
        ("workspace.returnOf", {"workspace.returnOf(orderId)"}),
    ],
)  # fmt: skip
def test_what_is_added_is_tried_in_each_of_its_slots(name: str, expected: set[str]) -> None:
    place = place_of(with_added(ADDED), name)

    attempts = list(plan().hostile(place, hostile()))

    assert {attempt.slot for attempt in attempts} == expected
    assert all(attempt.sent for attempt in attempts)
    assert all(attempt.instead is not None for attempt in attempts)


def test_every_place_there_is_makes_a_good_document() -> None:
    """With as many aliases as are sent, those of what is added included."""
    schema = with_added(ADDED)
    documents = Documents(schema)

    for place in places(schema):
        for depth in (-1, 1, 4):
            width = 1 if place.operation == "subscription" else documents.width(place, depth=depth)
            text = documents.of(place, width, depth=depth).text
            assert validate(schema, parse(text)) == [], place.name
            assert width <= MOST_ALIASES
    assert len(places(schema)) > 30
    assert unreached(schema) == []


def test_every_leaf_of_every_argument_is_a_slot() -> None:
    found = {slot.name for place in places(PRESENT) for slot in slots(place)}

    assert len(found) > 500
    assert found >= {
        "productCreate(input.skus.stock.warehouseId)",
        "orders(where.not.liveRoomId.oneOf)",
        "auditLog(where.or.occurredAt.isNull)",
        "liveOrders(roomId)",
        "node(id)",
    }  # fmt: skip


@pytest.mark.parametrize(
    "added",
    [
        "scalar Colour extend type Query { painted(colour: Colour!): String }",
        "scalar Colour extend type Query { painted(colour: Colour): String }",
        """scalar Colour input Paint { colours: [Colour!] }
        extend type Mutation { painted(input: Paint!): String }""",
    ],
)
def test_a_type_that_nobody_can_fill_stops_the_harness_by_name(added: str) -> None:
    place = place_of(with_added(added), "painted")

    with pytest.raises(UnknownValue, match=r"painted\(.*colours?\): .* the type Colour"):
        list(plan().hostile(place, hostile()))


def test_a_thing_that_the_workspace_has_none_of_stops_the_harness_by_name() -> None:
    place = place_of(with_added(ADDED), "returnApprove")

    with pytest.raises(UnknownValue, match="returnApprove: the workspace has no Order"):
        Plan(AnyKind(), Supply()).own(place)  # type: ignore[arg-type]


def test_a_field_that_no_way_leads_to_is_named() -> None:
    schema = with_added(
        "extend type ProductPayload { before: Earlier } type Earlier { version(of: ID!): String }"
    )

    assert unreached(schema) == ["Earlier.version"]


# What counts as seen

ROW = UUID("0193a5f0-1111-7222-8333-444455556666")
MARKS = Marks("canaryx1", frozenset({ROW.hex}), frozenset(amounts_of(731_295_731)))
ENCODED = "T3JkZXI6MDE5M2E1ZjAtMTExMS03MjIyLTgzMzMtNDQ0NDU1NTU2NjY2"  # Order:<the row>


@pytest.mark.parametrize(
    "text",
    [
        '{"title": "CanaryX1 title"}',
        f'{{"id": "{ROW}"}}',
        f"key sck_{ROW.hex}_0000",
        f'{{"id": "{ENCODED}"}}',
        f'{{"cursor": "{ENCODED}"}}',
        '{"amount": "7312957.31"}',
        '{"quantity": 731295731}',
        '{"price": "731.295731"}',
    ],
)
def test_what_is_of_the_other_is_seen_in_any_form(text: str) -> None:
    assert MARKS.found_in(text)


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ('{"amount": "7312957.32", "id": "0193a5f0-1111-7222-8333-444455556667"}', ""),
        ("at 1731295731.5 and x731295731", ""),
        (f'{{"message": "`id` {ENCODED} is unknown"}}', ENCODED),
        ('{"message": "The seller SKU \'canaryx1\\"s\' is taken"}', 'canaryx1"s'),
        ("{\"message\": \"'canaryx1\\\\n' is no DateTime\"}", "canaryx1\n"),
    ],
)  # fmt: skip
def test_what_is_nobodys_or_was_sent_is_not(text: str, sent: str) -> None:
    assert MARKS.found_in(text, sent=[sent]) == []


def test_a_walk_counts_nothing_that_was_not_asked() -> None:
    walk = Walk(None, None, None, MARKS)  # type: ignore[arg-type]

    assert (walk.counted, walk.taken()) == (0, [])
