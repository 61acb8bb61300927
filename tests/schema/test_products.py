"""Products: one page costs a fixed number of statements, whatever its size."""

import pytest

from tests.world import World

PAGE = """
query ($first: Int) {
  products(first: $first) {
    nodes {
      id title status
      skus { id sellerSku price { amount currencyCode } stock { available } }
      translations { locale title }
    }
  }
}
"""


@pytest.mark.parametrize("size", [1, 10])
async def test_a_page_with_skus_translations_and_stock_takes_five_statements(
    world: World, size: int
) -> None:
    workspace = await world.workspace()
    for _ in range(size):
        await workspace.product()

    answer = await workspace.ask(PAGE, {"first": 50})

    assert answer.errors == []
    assert len(answer.data["products"]["nodes"]) == size
    assert answer.data["products"]["nodes"][0]["skus"][0]["price"] == {
        "amount": "10.00",
        "currencyCode": "THB",
    }
    assert answer.statements == 5
