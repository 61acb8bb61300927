"""What is allowed and large: the longest pages, as wide and as deep as the limits let them be."""

import json
from collections.abc import Iterator

from benchmarks.held_loop.attack import Attack, body, document, in_a_frame

_MONEY = "{ amount currencyCode }"
_LINE = f"""place externalId sellerSku productName variation quantity unitPrice {_MONEY}
  listAmount {_MONEY} sellerDiscount {_MONEY} platformDiscount {_MONEY}"""
_PACKAGE = "id externalId status path carrier trackingNumber createdAt updatedAt"
_ORDER = f"""id channel externalId kind site status statusCode path version listAmount {_MONEY}
  sellerDiscount {_MONEY} platformDiscount {_MONEY} subtotal {_MONEY} shippingFee {_MONEY}
  tax {_MONEY} total {_MONEY} buyerNickname placedAt paidAt readyToShipAt shipBy updatedAt
  recipient {{ view name phone country region city district postalCode addressLine }}
  availableActions {{ action deadline }}"""
_SKU = f"id sellerSku price {_MONEY} stock {{ available reserved updatedAt warehouseName }}"
_PRODUCT = """id externalId title description brand status version createdAt updatedAt
  attributes { name values } translations { locale title description } media { kind url }
  listings { site status updatedAt } availableActions"""
_INTROSPECTION = """{ __schema { queryType { name } types { kind name description
  fields(includeDeprecated: true) { name description args { name description defaultValue
    type { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }
    type { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }
  inputFields { name description defaultValue
    type { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }
  enumValues(includeDeprecated: true) { name description } possibleTypes { name } }
  directives { name locations args { name } } } }"""

_TYPES_OF_FIELDS = """{ __schema { types { fields { type { fields { type { fields { name } } } } } } }
}"""


def attacks() -> Iterator[Attack]:
    for first in (10, 25, 40, 50, 70, 100):
        for name, text in _lists(first).items():
            yield document(f"{name}, {first} a page", text)
        for aliases in (2, 5, 20, 100, 190):
            asked = f"orders(first: {first}) {{ nodes {{ id status total {_MONEY} }} }}"
            yield document(f"{aliases} lists of {first}", _aliased(asked, aliases))
    for width in (5, 15, 40, 66, 100, 190):
        for first in (20, 50, 100):
            for name, field in (("ids", "id"), ("amounts", f"total {_MONEY}")):
                inner = _aliased(field, width)
                text = f"{{ orders(first: {first}) {{ nodes {inner} }} }}"
                yield document(f"{width} {name} of {first} orders", text)
    yield document("introspection", _INTROSPECTION)
    yield in_a_frame("introspection", _INTROSPECTION)
    yield document("fields of types of fields", _TYPES_OF_FIELDS)
    big = _lists(50)["orders with all"]
    yield in_a_frame("orders with all", big)
    data = json.dumps({"query": big}).encode()
    yield body("orders with all, as a stream", data, headers={"accept": "text/event-stream"})
    sums = f'orderLineFigures(where: {{ sellerSku: {{ eq: "a" }} }}) {{ lines value {_MONEY} }}'
    yield document("many sums", _aliased(sums, 150))
    yield document("many nodes", _aliased('node(id: "T3JkZXI6MQ==") { id }', 190))
    part = 'memberPart(input: { userId: "VXNlcjow" }) { done userErrors { code } }'
    yield document("many changes", "mutation " + _aliased(part, 190))


def _aliased(field: str, count: int) -> str:
    return "{ " + " ".join(f"a{n}: {field}" for n in range(count)) + " }"


def _lists(first: int) -> dict[str, str]:
    page = f"(first: {first})"
    return {
        "orders": f"{{ orders{page} {{ nodes {{ {_ORDER} }} }} }}",
        "orders with lines": f"{{ orders{page} {{ nodes {{ {_ORDER} lines {{ {_LINE} }} }} }} }}",
        "orders with all": f"{{ orders{page} {{ totalCount pageInfo {{ endCursor }} edges {{ cursor node {{ {_ORDER} "
        f"lines {{ {_LINE} package {{ {_PACKAGE} }} sku {{ id }} }} packages {{ {_PACKAGE} tracking {{ code }} }} "
        "liveRoom { id title } } } } }",
        "lines with sku": f"{{ orders{page} {{ nodes {{ lines {{ place sku {{ id product {{ id title }} }} }} }} }} }}",
        "packages and back": f"{{ orders{page} {{ nodes {{ packages {{ order {{ packages {{ order {{ packages {{ id }} }} }} }} }} }} }} }}",
        "products": f"{{ products{page} {{ nodes {{ {_PRODUCT} }} }} }}",
        "products with SKUs": f"{{ products{page} {{ nodes {{ {_PRODUCT} skus {{ {_SKU} }} }} }} }}",
        "SKUs and back": f"{{ products{page} {{ nodes {{ skus {{ id product {{ skus {{ id product {{ id }} }} }} }} }} }} }}",
        "audit log": f"{{ auditLog{page} {{ edges {{ cursor node {{ id occurredAt actorKind actorId action entityType entityId before after requestId }} }} }} }}",
        "three lists": f"{{ orders{page} {{ nodes {{ {_ORDER} }} }} products{page} {{ nodes {{ {_PRODUCT} }} }} auditLog{page} {{ nodes {{ id before after }} }} }}",
    }
