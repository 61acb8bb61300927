"""Values for documents: what a workspace holds, what never was, and what is hard to take.

What a workspace holds is named, such as `@@own.Order@@`, and filled in when it is sent
(`ground.py`). So a seed makes the same inputs on every database, and one that found something can
be kept (`found.py`).
"""

import base64
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLSchema, StringValueNode, ValueNode, is_interface_type
from hypothesis import strategies as st
from hypothesis_graphql import nodes

from schema.root import SCHEMA

PAGED = ("products", "orders", "liveRooms", "auditLog", "jobs")
TEXTS = ("sellerSku", "externalId", "foreign.externalId", "trackingNumber", "roomExternalId")
OTHERS = ("sequence", "email", "usedKey", "slug", "key", "token", "foreign.token")


def core_schema() -> GraphQLSchema:
    return SCHEMA._schema


def node_types(schema: GraphQLSchema) -> list[str]:
    """The types of which there are global ids."""
    node = schema.get_type("Node")
    if node is None or not is_interface_type(node):
        return []
    return sorted(found.name for found in schema.get_implementations(node).objects)


def placeholder(name: str) -> str:
    return f"@@{name}@@"


def large(size: int) -> str:
    return placeholder(f"large.{size}")


def own(type_name: str) -> str:
    return placeholder(f"own.{type_name}")


def cursor_of(field: str) -> str:
    return placeholder(f"cursor.{field}")


def weighted(*choices: tuple[int, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """One of several, each that often; it shrinks towards the first."""
    drawn = [strategy for weight, strategy in choices for _ in range(weight)]
    return st.sampled_from(drawn).flatmap(lambda strategy: strategy)


ODD_TEXTS: Sequence[str] = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ufeff",
    "\u202egnirts",
    "e\u0301" * 20,
    "👩‍👩‍👧‍👦",
    "%",
    "_%\\",
    "'; --",
    "$1",
    "{}",
    "\\",
    "\n\r\t",
    "null",
    "x" * 300,
    "ไทย" * 100,
    "0" * 5000,
)
ODD_IDS: Sequence[str] = (
    "",
    "=",
    "Order:1",
    *(
        base64.b64encode(text).decode()
        for text in (
            b"",
            b":",
            b"Order:",
            b"Order:1",
            b"Order:00000000-0000-0000-0000-000000000000",
            b"Order:{00000000-0000-0000-0000-000000000001}",
            b"order:00000000-0000-0000-0000-000000000000",
            b"Nope:00000000-0000-0000-0000-000000000000",
            b"Category:601226",
            b"Category:-1",
            b"Category:99999999999999999999",
            b"Category:\x00",
            b"__Type:1",
            b"\xff\xfe:1",
            b"Order:" + b"9" * 5000,
        )
    ),
)
ODD_INTS: Sequence[int] = (
    -1, -(2**31), 2**31 - 1, 2**31, -(2**31) - 1, 2**53, 2**63, -(2**63) - 1, 10**400,
)  # fmt: skip
_WIDE = "\uff11\uff12"  # 12 in full-width digits, which Python reads as digits too
DOCUMENTS = ("{ orders { nodes { id } } }", "{ a: products { nodes { id title } } }")
ODD_DOCUMENTS = (
    "", "{", "mutation { a }", "{ viewer { role } }", "{ __schema { types { name } } }",
    "query ($a: Int) { orders(first: $a) { nodes { id } } }", "{ ...a } fragment a on Query { a }",
    "query @skip(if: true) { orders { nodes { id } } }",
    "{ orders @skip(if: true) { nodes { id } } }",
    "{ orders { nodes @include(if: false) { id } } }", "{ orders(orderBy: []) { nodes { id } } }",
)  # fmt: skip
ODD_DECIMALS: Sequence[str] = (
    "", "-0", "-1", "0.000001", "0.0000001", "1e3", "1E-30", "1e9999999", "1e-9999999", "NaN",
    "-Infinity", "sNaN", "9" * 39, "9" * 41, "1_000", " 1 ", _WIDE, "0x10", "12.345",
    "9223372036854775807", "9223372036854.775808", "1" * 19,
)  # fmt: skip
ODD_MOMENTS: Sequence[str] = (
    "", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-14:00", "2026-05-01", "2026-05-01T08:00:00", "20260501T080000Z",
    "2026-W18-5T08:00:00Z", "2026-02-30T00:00:00Z", "2026-05-01T24:00:00Z", "2026-06-30T23:59:60Z",
    "2026-05-01T08:00:00+23:59:59.999999", "2026-05-01T08:00:00,123456789Z", "1700000000",
    "-0001-01-01T00:00:00Z", "0000-00-00T00:00:00Z", "2026-05-01 08:00:00+00",
    f"20{_WIDE}-05-01T08:00:00Z",
)  # fmt: skip


_USUAL_TEXTS = ("a", "SKU-1", "TH", "TIKTOK_SHOP", "Mali", "th-TH", "orders:read")


def texts(*, odd: bool = True) -> st.SearchStrategy[str]:
    known = [placeholder(name) for name in (*TEXTS, *OTHERS)]
    usual = st.sampled_from([*_USUAL_TEXTS, *known])
    if not odd:
        return usual
    return weighted(
        (8, usual),
        (1, st.sampled_from([cursor_of(field) for field in PAGED])),
        (1, st.sampled_from(ODD_TEXTS)),
        (1, st.text(max_size=20)),
    )


def global_ids(types: Sequence[str], *, odd: bool = True) -> st.SearchStrategy[str]:
    if not types:
        return st.sampled_from(["1", "7", *ODD_IDS])
    usual = st.sampled_from([own(name) for name in types])
    if not odd:
        return usual
    return weighted(
        (6, usual),
        (1, st.sampled_from([placeholder(f"foreign.{name}") for name in types])),
        (1, st.sampled_from([placeholder(f"forged.{name}") for name in types])),
        (1, st.sampled_from(ODD_IDS)),
        (1, texts()),
    )


def scalars(
    schema: GraphQLSchema, *, odd: bool = True, largest: int = 20
) -> dict[str, st.SearchStrategy[ValueNode]]:
    """What hypothesis-graphql puts where a scalar is wanted, by the scalar's name."""
    small = st.integers(1, largest)
    numbers = weighted((9, small), (1, st.sampled_from(ODD_INTS)), (1, st.integers()))
    decimals = ["12.50", "0", "1", "100.00", "0.01"]
    moments = ["2026-05-01T08:00:00Z", "2020-01-01T00:00:00+07:00", "2030-01-01T00:00:00Z"]
    any_moment = st.datetimes().map(lambda at: f"{at.isoformat()}Z")
    given = {
        "ID": global_ids(node_types(schema), odd=odd),
        "String": texts(odd=odd),
        "Decimal": _text(decimals, ODD_DECIMALS, st.decimals().map(str), odd=odd),
        "DateTime": _text(moments, ODD_MOMENTS, any_moment, odd=odd),
        "Document": _text(DOCUMENTS, ODD_DOCUMENTS, st.text(max_size=40), odd=odd),
        "CurrencyCode": _text(["THB", "USD"], ["thb", "", "XXX"], st.text(max_size=3), odd=odd),
    }
    return {
        **{name: strategy.map(nodes.String) for name, strategy in given.items()},
        "Int": (numbers if odd else small).map(nodes.Int),
        "JSON": st.sampled_from([nodes.Null, nodes.Boolean(True), StringValueNode(value="{}")]),
    }


def _text(
    usual: Sequence[str], unusual: Sequence[str], any_: st.SearchStrategy[str], *, odd: bool
) -> st.SearchStrategy[str]:
    if not odd:
        return st.sampled_from(usual)
    return weighted((8, st.sampled_from(usual)), (2, st.sampled_from(unusual)), (1, any_))


def anything() -> st.SearchStrategy[Any]:
    """Any JSON, with the numbers and texts that readers of JSON stumble over."""
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.sampled_from(ODD_INTS),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(ODD_TEXTS),
        texts(),
    )
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
        ),
        max_leaves=8,
    )
