"""One long text wherever a text may stand: patterns, case folding, base64, numbers, messages."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from benchmarks.held_loop.attack import MEGABYTE, Attack, body, document, frames, subscribe
from benchmarks.held_loop.attacks.operations import (
    AFTER,
    CANCEL,
    CREATE,
    DEARER,
    FIGURES,
    INGEST,
    INVITE,
    KEY,
    LEGACY,
    NODE,
    ORDERS,
    PAGE,
    SEARCH,
    SINCE,
    STATUS,
    UPDATES,
    a_product,
    a_sku,
    an_order,
)

_VIEWER = "query a { viewer { kind } }"


def attacks() -> Iterator[Attack]:
    for size in (1_000, 100_000, MEGABYTE):
        for name, text in _texts(size).items():
            yield from _anywhere(name, text)
            yield from _around(name, text)
        yield from _encoded(size)
        yield from _numbers(size)


def _texts(size: int) -> dict[str, str]:
    return {
        "": "a" * size,
        " of digits": "9" * size,
        " of characters beyond the first plane": "\U0001f600" * (size // 12),
        " of combining marks": "\u0301\u0316" * (size // 12),
        " of final sigmas": "\u03a3" * (size // 6),
        " of ligatures": "\ufdfa" * (size // 6),
        " of blanks": " " * size + "x",
        " of dots": "a." * (size // 2),
        " of at signs": "@." * (size // 2),
        " of surrogate halves": "\ud800" * (size // 6),
        " of NUL characters": "\x00" * (size // 6),
    }


def _anywhere(kind: str, text: str) -> Iterator[Attack]:
    """In each argument and field of an input that takes a text, or is checked to be none."""
    for name, query, variables in (
        ("a search", SEARCH, {"s": text}),
        ("an id", NODE, {"id": text}),
        ("a cursor", AFTER, {"after": text}),
        ("a country", ORDERS, {"where": {"country": {"eq": text}}}),
        ("an external id", ORDERS, {"where": {"externalId": {"eq": text}}}),
        ("a channel", ORDERS, {"where": {"channel": {"eq": text}}}),
        ("a seller SKU", ORDERS, {"where": {"sellerSku": text}}),
        ("a room", ORDERS, {"where": {"liveRoomId": {"eq": text}}}),
        ("a moment", SINCE, {"d": text}),
        ("a decimal", DEARER, {"d": text}),
        ("a number", PAGE, {"n": text}),
        ("an enum", STATUS, {"s": text}),
        ("a legacy id", LEGACY, {"s": text}),
        ("an address to invite", INVITE, {"input": {"email": text, "role": "VIEWER"}}),
        ("a key's name", KEY, {"input": {"name": text, "scopes": ["orders:read"]}}),
        ("a scope", KEY, {"input": {"name": "k", "scopes": [text]}}),
        ("a reason", CANCEL, {"input": {"orderId": text, "reason": text, "idempotencyKey": "a"}}),
    ):
        yield document(f"{name}{kind}", query, variables)
    for name, order in {
        "a currency": {"currencyCode": text},
        "a buyer's message": an_order(0, 1) | {"buyerMessage": text},
        "an order's id": an_order(0, 1) | {"externalId": text},
    }.items():
        yield document(f"{name}{kind}", INGEST, {"input": {"orders": [order]}})
    price = {"amount": text, "currencyCode": "THB"}
    for name, product in {
        "a title": a_product(title=text),
        "an idempotency key": a_product(idempotencyKey=text),
        "a SKU's name": a_product(skus=0) | {"skus": [a_sku(sellerSku=text)]},
        "a price": a_product(skus=0) | {"skus": [a_sku(price=price)]},
        "a medium": a_product(media=[{"kind": "MAIN_IMAGE", "url": "https://" + text}]),
        "a locale": a_product(translations=[{"locale": text, "title": "a"}]),
    }.items():
        yield document(f"{name}{kind}", CREATE, {"input": product})


def _around(kind: str, text: str) -> Iterator[Attack]:
    """In what stands around a document."""
    named = {"query": _VIEWER, "operationName": text}
    yield body(f"an operation's name{kind}", json.dumps(named).encode())
    yield frames(f"a message's type{kind}", [json.dumps({"type": text})])
    yield frames(f"a subscription's id{kind}", [subscribe(text, _VIEWER)])
    yield frames(f"an event's id{kind}", [subscribe("1", UPDATES, {"after": text})])


def _encoded(size: int) -> Iterator[Attack]:
    room = size * 3 // 4
    for name, data in {
        "": b"Order:" + b"a" * room,
        " of an unknown type": b"a" * room,
        " of a number as UUID": b"Order:" + b"9" * room,
        " of a number as category": b"Category:" + b"9" * room,
        " of braces as UUID": b"Order:" + b"{-" * (room // 2),
    }.items():
        id_ = base64.b64encode(data).decode()
        yield document(f"an id in base64{name}", NODE, {"id": id_})
    for name, text in {
        " of nested lists": "[" * (room // 2) + "]" * (room // 2),
        " of zeros": "[" + ",".join("0" * (room // 2)) + "]",
        " of a long number": '["-PLACED_AT", ' + "9" * room + "]",
        " of a long number first": "[" + "9" * room + "]",
        " of a long fraction": "[0." + "9" * room + "]",
        " of a long moment": '["-PLACED_AT", "2026' + "1" * room + '", "a"]',
        " of a long order": '["' + "a," * (room // 2) + '"]',
        " of escapes": '["' + "\\u0041" * (room // 6) + '"]',
    }.items():
        cursor = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        yield document(f"a cursor in base64{name}", AFTER, {"after": cursor})


def _numbers(size: int) -> Iterator[Attack]:
    for number in ("1e999999", "1e-999999", "-1e30", "0." + "0" * 30, "1e28", "Infinity", "sNaN1"):
        yield document(f"a decimal of {number}", FIGURES, {"where": {"unitPrice": {"eq": number}}})
        sku = a_sku(price={"amount": number, "currencyCode": "THB"})
        yield document(f"a price of {number}", CREATE, {"input": a_product(0) | {"skus": [sku]}})
    yield _digits("a decimal", DEARER, {"d": "#"}, "9" * size)
    yield _digits("a decimal's exponent", DEARER, {"d": "#"}, "1e" + "9" * size)
    yield _digits("a count", PAGE, {"n": "#"}, "9" * size)


def _digits(name: str, query: str, variables: dict[str, Any], digits: str) -> Attack:
    """Digits that are no text, which no encoder of ours would write."""
    text = json.dumps({"query": query, "variables": variables}).replace('"#"', digits)
    return body(f"{name} as a number of {len(digits):,} digits", text.encode())
