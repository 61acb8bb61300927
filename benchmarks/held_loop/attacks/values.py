"""Lists and trees in variables: dear to coerce, to convert, to compose a statement for, to store."""

import json
from collections.abc import Iterator
from typing import Any

from benchmarks.held_loop.attack import MEGABYTE, Attack, document, in_a_frame
from benchmarks.held_loop.attacks.operations import (
    BAHT,
    CREATE,
    DEARER,
    INGEST,
    KEY,
    NODE,
    ORDERS,
    PAGE,
    SEARCH,
    SINCE,
    SORTED,
    STATUS,
    UPDATE,
    a_product,
    a_sku,
    an_order,
)

_LEAF = {"externalId": {"eq": "a"}}


def attacks() -> Iterator[Attack]:
    for size in (1_000, 20_000, 100_000, MEGABYTE):
        yield from _lists(size)
        yield from _trees(size)
        yield from _orders(size)
        yield from _products(size)
    few = {"input": {"orders": [an_order(n, 2) for n in range(150)]}}
    yield in_a_frame("orderIngest", INGEST, few)


def _lists(size: int) -> Iterator[Attack]:
    ones = [1] * (size // 2)
    filters: dict[str, dict[str, Any]] = {
        "oneOf of texts": {"externalId": {"oneOf": ["a"] * (size // 4)}},
        "oneOf of ids": {"liveRoomId": {"oneOf": ["a"] * (size // 4)}},
        "oneOf of numbers for ids": {"liveRoomId": {"oneOf": ones}},
        "oneOf of numbers for texts": {"externalId": {"oneOf": ones}},
        "oneOf of statuses": {"status": {"oneOf": ["DELIVERED"] * (size // 12)}},
        "oneOf of unknown statuses": {"status": {"oneOf": ["DELIVERD"] * (size // 11)}},
        "unknown filters": {f"externlId{n}": 1 for n in range(size // 17)},
    }
    for name, where in filters.items():
        yield _filtered(name, where)
    yield document("orderBy of many", SORTED, {"o": [{"field": "PLACED_AT"}] * (size // 22)})
    many = {f"v{n}": n for n in range(size // 14)}
    yield document("unknown variables", "{ viewer { kind } }", many)
    scopes = ["orders:rea"] * (size // 13)
    yield document("scopes of an API key", KEY, {"input": {"name": "k", "scopes": scopes}})
    yield document("a list for one id", NODE, {"id": ones})
    yield document("a list for a number", PAGE, {"n": ones})
    keys = {f"{n:x}": n for n in range(size // 12)}
    yield document("an object for a number", PAGE, {"n": keys})
    yield document("lists for a text", SEARCH, {"s": [[1] * 10] * (size // 22)})
    yield document("a list for a moment", SINCE, {"d": ones})
    yield document("a list for a decimal", DEARER, {"d": ones})
    yield document("a list for an enum", STATUS, {"s": ones})
    yield document("a list for a currency", INGEST, {"input": {"orders": [{"currencyCode": ones}]}})


def _trees(size: int) -> Iterator[Attack]:
    for depth in (5, 40, 300, 1_000):
        tree: dict[str, Any] = _LEAF
        chain: dict[str, Any] = _LEAF
        for _ in range(depth):
            tree, chain = {"not": tree}, {"and": [chain]}
        yield _filtered(f"not within not, {depth} deep", tree)
        yield _filtered(f"and within and, {depth} deep", chain)
    moment = dict.fromkeys(("gte", "gt", "lte", "lt"), "2026-05-01T08:00:00Z")
    four = {
        name: {"oneOf": ["a"] * 500} for name in ("externalId", "channel", "country", "buyerId")
    }
    joined: dict[str, list[Any]] = {
        "leaves": [_LEAF] * (size // 30),
        "empty ones": [{}] * (size // 4),
        "nulls": [None] * (size // 6),
        "moments": [{"placedAt": moment}] * (size // 160),
        "searches": [{"search": "DRESS"}] * (size // 23),
        "four lists of 500": [four] * (size // 10_000),
    }
    for name, parts in joined.items():
        yield _filtered(f"or of {name}", {"or": parts})
        twenties = [{"or": parts[n : n + 20]} for n in range(0, len(parts), 20)]
        yield _filtered(f"or of 20 within or, of {name}", {"or": twenties[:20]})
    for leaf in (_LEAF, {}, {"search": "DRESS"}):
        for wide, deep in ((3, 3), (7, 2), (14, 2), (3, 8), (10, 4), (20, 3), (2, 15)):
            tree = leaf
            for _ in range(deep):
                tree = {"or": [tree] * wide}
            if size // 10 < len(json.dumps(tree)) <= size:
                yield _filtered(f"or of {wide} within or, {deep} deep, of {leaf}", tree)


def _filtered(name: str, where: dict[str, Any]) -> Attack:
    return document(name, ORDERS, {"where": where})


def _orders(size: int) -> Iterator[Attack]:
    """New ones, and the same again, which moves them on."""
    for count, lines in ((500, 1), (500, 2), (1_900, 1), (500, 20), (1, 900), (10, 90)):
        orders = [an_order(n, lines) for n in range(count)]
        while len(json.dumps(orders)) > size and len(orders) > 1:
            orders = orders[: len(orders) // 2]
        for name in (f"orderIngest, {count} orders of {lines} lines", "the same orders again"):
            yield document(name, INGEST, {"input": {"orders": orders}})
    for name, wrong in {
        "empty orders": [{}] * (size // 4),
        "misspelt orders": [{"extrnalId": "a", "statsu": 1}] * (size // 35),
        "empty lines": [{**an_order(0, 1), "lines": [{}] * (size // 4)}],
        "numbers for lines": [{**an_order(0, 1), "lines": [1] * (size // 2)}],
        "amounts of other currencies": [
            {**an_order(n, 1), "currencyCode": "VND"} for n in range(size // 250)
        ],
    }.items():
        yield document(f"orderIngest of {name}", INGEST, {"input": {"orders": wrong}})


def _products(size: int) -> Iterator[Attack]:
    words = [{"locale": "xx", "title": ""}] * (size // 35)
    stock = [{"warehouseId": "V2FyZWhvdXNlOjA=", "available": 1}] * (size // 60)
    attributes = [{"name": f"{n}", "values": ["a"] * 10} for n in range(size // 80)]
    for name, product in {
        "SKUs": a_product(size // 110),
        "SKUs of one name": a_product(skus=0) | {"skus": [a_sku()] * (size // 110)},
        "attributes": a_product(attributes=attributes),
        "values": a_product(attributes=[{"name": "a", "values": ["a"] * (size // 4)}]),
        "empty values": a_product(attributes=[{"name": "a", "values": [""] * (size // 4)}]),
        "media": a_product(media=[{"kind": "MAIN_IMAGE", "url": "x"}] * (size // 40)),
        "locales": a_product(translations=words),
        "sites": a_product(sites=["TH"] * (size // 6)),
        "sites without a shop": a_product(sites=["PH"] * (size // 6)),
        "stock": a_product() | {"skus": [a_sku(stock=stock)]},
        "sales attributes": a_product()
        | {"skus": [a_sku(salesAttributes=[{"name": "a", "value": ""}] * (size // 30))]},
        "prices of another kind": a_product() | {"skus": [a_sku(price=[BAHT] * (size // 45))]},
    }.items():
        yield document(f"productCreate of {name}", CREATE, {"input": product})
    text = {"productId": "UHJvZHVjdDow", "expectedVersion": 1, "translations": words}
    yield document("productUpdate of locales", UPDATE, {"input": text})
