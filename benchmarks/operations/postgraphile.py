"""The five operations as PostGraphile's clients write them, and its answers in our shape.

It tells rows as they lie in the tables: raw ids, minor units. That is less work than ours.
"""

from collections.abc import Mapping
from typing import Any

from benchmarks.operations.contender import Serving
from benchmarks.operations.questions import Asked
from commerce.money import to_decimal
from schema.nodes import global_id

_PRODUCTS = "products(first: 50, after: $after, orderBy: [CREATED_AT_DESC, ROW_ID_DESC])"
_ORDERS = "orders(first: 20, after: $after, orderBy: [PLACED_AT_DESC, ROW_ID_DESC])"
DOCUMENTS = {
    "Q1": """query Q1($workspace: UUID!, $id: UUID!) {
  product(workspaceId: $workspace, rowId: $id) {
    rowId externalId title description brand status version updatedAt
  }
}""",
    "Q2": f"""query Q2($after: Cursor) {{
  {_PRODUCTS} {{
    nodes {{
      __typename rowId externalId title description brand status version createdAt updatedAt
    }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}""",
    "Q3": f"""query Q3($after: Cursor) {{
  {_PRODUCTS} {{
    nodes {{
      rowId title
      skus: skusesByWorkspaceIdAndProductIdList(orderBy: [PLACE_ASC]) {{
        rowId externalId sellerSku salesAttributes priceMinor currency
      }}
      translations: productTranslationsByWorkspaceIdAndProductIdList(orderBy: [LOCALE_ASC]) {{
        locale title description
      }}
    }}
  }}
}}""",
    "Q4": f"""query Q4($after: Cursor) {{
  {_ORDERS} {{
    nodes {{
      rowId externalId status placedAt totalMinor currency
      lines: orderLinesByWorkspaceIdAndOrderIdList(orderBy: [PLACE_ASC]) {{
        place sellerSku productName quantity listMinor
        sku {{ rowId sellerSku product: workspaceProduct {{ rowId title }} }}
      }}
      packages: packagesByWorkspaceIdAndOrderIdList(orderBy: [ROW_ID_ASC]) {{
        rowId status carrier trackingNumber
      }}
    }}
  }}
}}""",
    "Q5": """query Q5($since: Datetime!, $until: Datetime!) {
  hours: contendersGmvByHourOfWeekList(since: $since, until: $until) {
    site hourOfWeek gmvMinor currency orders
  }
}""",
}
_CURSOR = """query Cursor($row: UUID!) {
  %s(first: 1, condition: { rowId: $row }, orderBy: [%s_DESC, ROW_ID_DESC]) {
    pageInfo { endCursor }
  }
}"""


def variables(serving: Serving, asked: Asked) -> dict[str, Any]:
    """A cursor is its own, so it is asked for the cursor of the row where the page begins."""
    if asked.operation == "Q1":
        return {"workspace": str(asked.workspace_id), "id": str(asked.row)}
    if asked.operation == "Q5":
        return asked.variables
    return {"after": _cursor_of(serving, asked)}


def plain(operation: str, data: Any) -> Any:
    match operation:
        case "Q1":
            return {"product": _with_id("Product", data["product"])}
        case "Q2":
            page = data["products"]
            nodes = [_with_id("Product", row) for row in page["nodes"]]
            return {"products": {"nodes": nodes, "pageInfo": page["pageInfo"]}}
        case "Q3":
            nodes = [_with_skus(row) for row in data["products"]["nodes"]]
            return {"products": {"nodes": nodes}}
        case "Q4":
            return {"orders": {"nodes": [_order(row) for row in data["orders"]["nodes"]]}}
    return {"gmvByHourOfWeek": [_hour(row) for row in data["hours"]]}


_cursors: dict[tuple[str, Any, Any], str] = {}


def _cursor_of(serving: Serving, asked: Asked) -> str:
    place = (asked.operation, asked.row, serving.port)
    if place not in _cursors:
        orders = asked.operation == "Q4"
        kind, moment = ("orders", "PLACED_AT") if orders else ("products", "CREATED_AT")
        document = _CURSOR % (kind, moment)
        data = serving.ask_document(document, {"row": str(asked.row)}, asked)
        _cursors[place] = data[kind]["pageInfo"]["endCursor"]
    return _cursors[place]


def _with_id(kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in row.items() if name != "rowId"}
    return {"id": global_id(kind, row["rowId"]), **rest}


def _money(minor: str, currency: str) -> dict[str, str]:
    return {"amount": str(to_decimal(int(minor), currency)), "currencyCode": currency}


def _with_skus(row: Mapping[str, Any]) -> dict[str, Any]:
    return _with_id("Product", row) | {"skus": [_sku(one) for one in row["skus"]]}


def _sku(row: Mapping[str, Any]) -> dict[str, Any]:
    told = _with_id("Sku", row)
    return told | {"price": _money(told.pop("priceMinor"), told.pop("currency"))}


def _order(row: Mapping[str, Any]) -> dict[str, Any]:
    told = _with_id("Order", row)
    currency = told.pop("currency")
    return told | {
        "total": _money(told.pop("totalMinor"), currency),
        "lines": [_line(one, currency) for one in row["lines"]],
        "packages": [_with_id("Package", one) for one in row["packages"]],
    }


def _line(row: Mapping[str, Any], currency: str) -> dict[str, Any]:
    told = dict(row)
    sku = _with_id("Sku", row["sku"])
    sku["product"] = _with_id("Product", sku["product"])
    return told | {"listAmount": _money(told.pop("listMinor"), currency), "sku": sku}


def _hour(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "site": row["site"],
        "hourOfWeek": row["hourOfWeek"],
        "gmv": _money(row["gmvMinor"], row["currency"]),
        "orders": int(row["orders"]),
    }
