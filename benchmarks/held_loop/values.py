"""JSON and the values in it: dear to decode, to count, to coerce, to translate or to refuse."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from benchmarks.held_loop.attack import Attack, body, document, frames, in_a_frame

MEGABYTE = 1_000_000
_QUERY = '{"query": "{ viewer { kind } }", "variables": '
_ORDERS = "query ($where: OrderWhere) { orders(where: $where) { totalCount } }"
_FIGURES = "query ($where: OrderLineWhere) { orderLineFigures(where: $where) { lines } }"
_NODE = "query ($id: ID!) { node(id: $id) { id } }"
_AFTER = "query ($after: String) { orders(after: $after) { totalCount } }"
_INGEST = """mutation ($input: OrderIngestInput!) {
  orderIngest(input: $input) { results { outcome reason order { id } } userErrors { code message } }
}"""
_CREATE = """mutation ($input: ProductCreateInput!) {
  productCreate(input: $input) { product { id } userErrors { code message field } }
}"""
_KEY = "mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { apiKeyId } }"
_TEXT = "query ($s: String) { orders(where: { search: $s }) { totalCount } }"
_UPDATE = """mutation ($input: ProductUpdateInput!) {
  productUpdate(input: $input) { product { id } userErrors { code } }
}"""
_CANCEL = "mutation ($input: OrderCancelInput!) { orderCancel(input: $input) { order { id } } }"
_INVITE = "mutation ($input: MemberInviteInput!) { memberInvite(input: $input) { invitationId } }"


def attacks() -> Iterator[Attack]:
    for size in (1_000, 100_000, MEGABYTE):
        yield from _json(size)
        yield from _lists(size)
        yield from _texts(size)
        yield from _trees(size)
        yield from _changes(size)


def _json(size: int) -> Iterator[Attack]:
    """Bodies that are no trouble to GraphQL, which never sees most of them."""
    shapes = {
        "nested arrays": "[" * (size // 2) + "]" * (size // 2),
        "open arrays": "[" * size,
        "nested objects": '{"a":' * (size // 6) + "1" + "}" * (size // 6),
        "empty objects": "[" + ",".join(["{}"] * (size // 3)) + "]",
        "empty arrays": "[" + ",".join(["[]"] * (size // 3)) + "]",
        "zeros": "[" + ",".join("0" * (size // 2)) + "]",
        "short fractions": "[" + ",".join(["0.1"] * (size // 4)) + "]",
        "keys": "{" + ",".join(f'"{n:x}":0' for n in range(size // 10)) + "}",
        "one key": "{" + ",".join(['"a":0'] * (size // 6)) + "}",
        "escapes": '"' + "\\u0041" * (size // 6) + '"',
        "halves of surrogate pairs": '"' + "\\ud800" * (size // 6) + '"',
        "a long number": "9" * size,
        "a long fraction": "0." + "9" * size,
        "a huge exponent": "1e" + "9" * size,
        "long fractions": "[" + ",".join(["0." + "7" * 800] * (size // 803)) + "]",
        "blanks": " " * size + "null",
    }
    for name, shape in shapes.items():
        yield body(f"JSON: {name}", shape.encode())
        yield body(f"variables: {name}", f'{_QUERY}{{"a": {shape}}}}}'.encode())
        yield body(f"extensions: {name}", f'{_QUERY}null, "extensions": {shape}}}'.encode())
    yield body("JSON: broken UTF-8", b'{"query": "' + b"\xff" * size)
    yield body("JSON: as no object's query", json.dumps({"query": ["x"] * (size // 5)}).encode())


def _lists(size: int) -> Iterator[Attack]:
    count = size // 4
    yield _filtered("oneOf of texts", {"externalId": {"oneOf": ["a"] * count}})
    yield _filtered("oneOf of ids", {"liveRoomId": {"oneOf": ["a"] * count}})
    yield _filtered("oneOf of numbers for ids", {"liveRoomId": {"oneOf": [1] * (size // 2)}})
    yield _filtered("oneOf of statuses", {"status": {"oneOf": ["DELIVERED"] * (size // 12)}})
    yield _filtered("oneOf of unknown statuses", {"status": {"oneOf": ["DELIVERD"] * (size // 11)}})
    yield _filtered("oneOf of numbers for texts", {"externalId": {"oneOf": [1] * (size // 2)}})
    yield _filtered("unknown filters", {f"externlId{n}": 1 for n in range(size // 17)})
    sites = [{"field": "PLACED_AT"}] * (size // 22)
    order = "query ($o: [OrderOrder!]) { orders(orderBy: $o) { totalCount } }"
    yield document("orderBy of many", order, {"o": sites})
    many = {f"v{n}": n for n in range(size // 14)}
    yield document("unknown variables", "{ viewer { kind } }", many)
    key = {"name": "k", "scopes": ["orders:rea"] * (size // 13)}
    yield document("scopes of an API key", _KEY, {"input": key})
    yield document(
        "a list for one value",
        "query ($id: ID!) { node(id: $id) { id } }",
        {"id": [1] * (size // 2)},
    )
    yield document(
        "a list for a number",
        "query ($n: Int) { orders(first: $n) { totalCount } }",
        {"n": [1] * (size // 2)},
    )
    yield document(
        "an object for a number",
        "query ($n: Int) { orders(first: $n) { totalCount } }",
        {"n": {f"{n:x}": n for n in range(size // 12)}},
    )
    yield document("nested lists for a text", _TEXT, {"s": [[1] * 10] * (size // 22)})
    yield document(
        "a list for a moment",
        "query ($d: DateTime) { orders(where: {placedAt: {gte: $d}}) { totalCount } }",
        {"d": [1] * (size // 2)},
    )
    yield document(
        "a list for a decimal",
        "query ($d: Decimal) { orderLineFigures(where: {unitPrice: {gte: $d}}) { lines } }",
        {"d": [1] * (size // 2)},
    )
    yield document(
        "a list for a currency",
        _INGEST,
        {"input": {"orders": [{"currencyCode": [1] * (size // 2)}]}},
    )
    yield document(
        "a list for an enum",
        "query ($s: OrderStatus) { orders(where: {status: {eq: $s}}) { totalCount } }",
        {"s": [1] * (size // 2)},
    )


def _texts(size: int) -> Iterator[Attack]:
    """One long text wherever a text may stand."""
    plain, wide = "a" * size, "\U0001f600" * (size // 12)
    texts = {
        "": plain,
        " of digits": "9" * size,
        " of characters beyond the first plane": wide,
        " of combining marks": "\u0301\u0316" * (size // 12),
        " of final sigmas": "\u03a3" * (size // 6),
        " of ligatures": "\ufdfa" * (size // 6),
        " of blanks": " " * size + "x",
        " of dots": "a." * (size // 2),
        " of at signs": "@." * (size // 2),
        " of surrogate halves": "\ud800" * (size // 6),
        " of NUL characters": "\x00" * (size // 6),
    }
    encoded = {
        "": base64.b64encode(b"Order:" + b"a" * (size * 3 // 4)).decode(),
        " of an unknown type": base64.b64encode(b"a" * (size * 3 // 4)).decode(),
        " of a number as UUID": base64.b64encode(b"Order:" + b"9" * (size * 3 // 4)).decode(),
        " of a number as category": base64.b64encode(
            b"Category:" + b"9" * (size * 3 // 4)
        ).decode(),
        " of braces as UUID": base64.b64encode(b"Order:" + b"{-" * (size * 3 // 8)).decode(),
    }
    cursors = {
        " of nested lists": "[" * (size * 3 // 8) + "]" * (size * 3 // 8),
        " of zeros": "[" + ",".join("0" * (size * 3 // 8)) + "]",
        " of a long number": '["-PLACED_AT", ' + "9" * (size * 3 // 4 - 20) + "]",
        " of a long number first": "[" + "9" * (size * 3 // 4 - 20) + "]",
        " of a long fraction": "[0." + "9" * (size * 3 // 4 - 20) + "]",
        " of a long moment": '["-PLACED_AT", "2026' + "1" * (size * 3 // 4 - 40) + '", "a"]',
        " of a long signature": '["' + "a," * (size * 3 // 8) + '"]',
        " of escapes": '["' + "\\u0041" * (size // 8) + '"]',
    }
    for name, text in texts.items():
        yield _searched(f"a search{name}", text)
        yield document(f"an id{name}", _NODE, {"id": text})
        yield document(f"a cursor{name}", _AFTER, {"after": text})
        for field in ("country", "externalId", "sellerSku", "channel"):
            value = text if field == "sellerSku" else {"eq": text}
            yield _filtered(f"a {field}{name}", {field: value})
        yield _filtered(f"a moment{name}", {"placedAt": {"gte": text}})
        yield _filtered(f"a room{name}", {"liveRoomId": {"eq": text}})
        yield document(f"a decimal{name}", _FIGURES, {"where": {"unitPrice": {"eq": text}}})
        yield document(
            f"a number{name}", "query ($n: Int) { orders(first: $n) { totalCount } }", {"n": text}
        )
        yield document(
            f"an enum{name}",
            "query ($s: OrderStatus) { orders(where: {status: {eq: $s}}) { totalCount } }",
            {"s": text},
        )
        yield document(
            f"a legacy id{name}",
            "query ($s: String!) { workspaceByLegacyId(legacyId: $s) { id } shopByLegacyId(legacyId: $s) { id } }",
            {"s": text},
        )
        yield document(
            f"a currency{name}", _INGEST, {"input": {"orders": [{"currencyCode": text}]}}
        )
        yield document(
            f"an address to invite{name}", _INVITE, {"input": {"email": text, "role": "VIEWER"}}
        )
        yield document(f"a title{name}", _CREATE, {"input": {**_product(1), "title": text}})
        yield document(
            f"an idempotency key{name}", _CREATE, {"input": {**_product(1), "idempotencyKey": text}}
        )
        yield document(
            f"a seller SKU{name}",
            _CREATE,
            {"input": {**_product(1), "skus": [{"sellerSku": text, "price": _BAHT}]}},
        )
        yield document(
            f"a medium{name}",
            _CREATE,
            {"input": {**_product(1), "media": [{"kind": "MAIN_IMAGE", "url": "https://" + text}]}},
        )
        yield document(
            f"a price{name}",
            _CREATE,
            {
                "input": {
                    **_product(1),
                    "skus": [{"sellerSku": "a", "price": {"amount": text, "currencyCode": "THB"}}],
                }
            },
        )
        yield document(
            f"a locale{name}",
            _CREATE,
            {"input": {**_product(1), "translations": [{"locale": text, "title": "a"}]}},
        )
        yield document(
            f"a reason{name}",
            _CANCEL,
            {"input": {"orderId": text, "reason": text, "idempotencyKey": "a"}},
        )
        yield document(
            f"a name of a key{name}", _KEY, {"input": {"name": text, "scopes": ["orders:read"]}}
        )
        yield document(f"a scope{name}", _KEY, {"input": {"name": "k", "scopes": [text]}})
        yield document(
            f"a buyer's message{name}",
            _INGEST,
            {"input": {"orders": [{**_order(0, 1), "buyerMessage": text}]}},
        )
        yield document(
            f"an order's external id{name}",
            _INGEST,
            {"input": {"orders": [{**_order(0, 1), "externalId": text}]}},
        )
        yield body(
            f"an operation's name{name}",
            json.dumps({"query": "query a { viewer { kind } }", "operationName": text}).encode(),
        )
        yield frames(f"a message type{name}", [json.dumps({"type": text})])
        yield frames(
            f"an id of a subscription{name}",
            [
                json.dumps(
                    {"type": "subscribe", "id": text, "payload": {"query": "{ viewer { kind } }"}}
                )
            ],
        )
        yield frames(
            f"an event id{name}",
            [
                json.dumps(
                    {
                        "type": "subscribe",
                        "id": "1",
                        "payload": {
                            "query": "subscription ($a: String) { orderUpdates(after: $a) { __typename } }",
                            "variables": {"a": text},
                        },
                    }
                )
            ],
        )
    for name, text in encoded.items():
        yield document(f"an id in base64{name}", _NODE, {"id": text})
    for name, text in cursors.items():
        cursor = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        yield document(f"a cursor{name}, encoded", _AFTER, {"after": cursor})
    for number in (
        "1e999999",
        "1e-999999",
        "-1e30",
        "0." + "0" * 30,
        "1e28",
        "Infinity",
        "sNaN123",
    ):
        yield document(f"a decimal of {number}", _FIGURES, {"where": {"unitPrice": {"eq": number}}})
        price = {"amount": number, "currencyCode": "THB"}
        sku = {"sellerSku": "a", "price": price}
        yield document(f"a price of {number}", _CREATE, {"input": {**_product(1), "skus": [sku]}})
    yield body(
        "a number of many digits for a decimal",
        (
            json.dumps(
                {"query": _FIGURES, "variables": {"where": {"unitPrice": {"eq": "#"}}}}
            ).replace('"#"', "9" * size)
        ).encode(),
    )
    yield body(
        "a number of many digits for a count",
        (
            json.dumps(
                {
                    "query": "query ($n: Int) { orders(first: $n) { totalCount } }",
                    "variables": {"n": "#"},
                }
            ).replace('"#"', "9" * size)
        ).encode(),
    )


def _searched(name: str, text: str) -> Attack:
    return document(name, _TEXT, {"s": text})


def _filtered(name: str, where: dict[str, Any]) -> Attack:
    return document(name, _ORDERS, {"where": where})


def _trees(size: int) -> Iterator[Attack]:
    """Conditions in conditions: the driver of JSON nests 1,024 deep, 2,000 parts wide and more."""
    for depth in (5, 40, 300, 1_000):
        tree: Any = {"externalId": {"eq": "a"}}
        for _ in range(depth):
            tree = {"not": tree}
        yield _filtered(f"not within not, {depth} deep", tree)
        tree = {"externalId": {"eq": "a"}}
        for _ in range(depth // 2):
            tree = {"and": [tree]}
        yield _filtered(f"and within and, {depth} deep", tree)
    leaf = {"externalId": {"eq": "a"}}
    yield _filtered("or of many", {"or": [leaf] * (size // 30)})
    yield _filtered("or of many empty ones", {"or": [{}] * (size // 4)})
    yield _filtered("or of many nulls", {"or": [None] * (size // 6)})
    for wide, deep in ((3, 8), (10, 4), (20, 3), (20, 4), (2, 15)):
        tree = leaf
        for _ in range(deep):
            tree = {"or": [tree] * wide}
        if len(json.dumps(tree)) <= size:
            yield _filtered(f"or of {wide} within or, {deep} deep", tree)
    full = {
        name: {"oneOf": ["a"] * 500} for name in ("externalId", "channel", "country", "buyerId")
    }
    if size > len(json.dumps(full)) * 20:
        yield _filtered("or of 20 filters of 500", {"or": [full] * 20})
    moment = "2026-05-01T08:00:00Z"
    moments = {"placedAt": dict.fromkeys(("gte", "gt", "lte", "lt"), moment)}
    yield _filtered("or of many moments", {"or": [moments] * (size // 160)})


_BAHT = {"amount": "12.50", "currencyCode": "THB"}


def _changes(size: int) -> Iterator[Attack]:
    """The largest changes that a body holds."""
    for count, lines in ((500, 1), (500, 20), (1, 5_000), (10, 2_000), (10_000, 1), (50, 100)):
        orders = [_order(n, lines) for n in range(count)]
        while orders and len(json.dumps(orders)) > size:
            orders = orders[: len(orders) // 2] if len(orders) > 1 else []
        if orders:
            variables = {"input": {"orders": orders}}
            yield document(f"orderIngest, {count} orders of {lines} lines", _INGEST, variables)
            yield document("the same orders again", _INGEST, variables)
    empty: list[dict[str, object]] = [{}] * (size // 4)
    yield document("orderIngest of empty orders", _INGEST, {"input": {"orders": empty}})
    bare = {**_order(0, 1), "lines": [{}] * (size // 4)}
    yield document("orderIngest of empty lines", _INGEST, {"input": {"orders": [bare]}})
    wrong = {**_order(0, 1), "lines": [1] * (size // 2)}
    yield document("orderIngest of numbers for lines", _INGEST, {"input": {"orders": [wrong]}})
    typos = [{"extrnalId": "a", "statsu": 1}] * (size // 35)
    yield document("orderIngest of misspelt orders", _INGEST, {"input": {"orders": typos}})
    for count in (300, 10_000):
        skus = _product(min(count, size // 110))
        yield document(f"productCreate of {count} SKUs", _CREATE, {"input": skus})
    product = _product(1)
    names = [{"name": f"{n}", "values": ["a"] * 10} for n in range(size // 80)]
    yield document(
        "productCreate of attributes", _CREATE, {"input": {**product, "attributes": names}}
    )
    values = [{"name": "a", "values": [""] * (size // 4)}]
    yield document("productCreate of values", _CREATE, {"input": {**product, "attributes": values}})
    media = [{"kind": "MAIN_IMAGE", "url": "x"}] * (size // 40)
    yield document("productCreate of media", _CREATE, {"input": {**product, "media": media}})
    words = [{"locale": "xx", "title": ""}] * (size // 35)
    yield document(
        "productCreate of locales", _CREATE, {"input": {**product, "translations": words}}
    )
    yield document(
        "productCreate of sites", _CREATE, {"input": {**product, "sites": ["TH"] * (size // 6)}}
    )
    stock = [{"warehouseId": "V2FyZWhvdXNlOjA=", "available": 1}] * (size // 60)
    sku = {"sellerSku": "a", "price": _BAHT, "stock": stock}
    yield document("productCreate of stock", _CREATE, {"input": {**product, "skus": [sku]}})
    sku = {
        "sellerSku": "a",
        "price": _BAHT,
        "salesAttributes": [{"name": "a", "value": ""}] * (size // 30),
    }
    yield document(
        "productCreate of sales attributes", _CREATE, {"input": {**product, "skus": [sku]}}
    )
    text = {"input": {"productId": "UHJvZHVjdDow", "expectedVersion": 1, "translations": words}}
    yield document("productUpdate of locales", _UPDATE, text)
    if size < 200_000:
        yield in_a_frame(
            "orderIngest",
            _INGEST,
            {"input": {"orders": [_order(n, 2) for n in range(size // 600)]}},
        )


def _order(number: int, lines: int) -> dict[str, Any]:
    line = {"sellerSku": "SKU-1", "productName": "A thing", "quantity": 1, "unitPrice": _BAHT}
    return {
        "externalId": f"attack-{number}-{lines}",
        "site": "TH",
        "currencyCode": "THB",
        "placedAt": "2026-05-01T08:00:00Z",
        "lines": [line] * lines,
    }


def _product(skus: int) -> dict[str, Any]:
    return {
        "title": "A product",
        "skus": [
            {
                "sellerSku": f"attack-{n}",
                "price": _BAHT,
                "salesAttributes": [{"name": "Size", "value": str(n)}],
            }
            for n in range(skus)
        ],
        "idempotencyKey": f"attack-{skus}",
    }
