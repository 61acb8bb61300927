"""What a product may not be."""

import time

import pytest

from commerce.catalogue import limits
from commerce.catalogue.drafts import NewProduct
from commerce.catalogue.media import MediaUse
from commerce.catalogue.rules import problems_with_new

_HOLD = 0.05  # seconds for which nothing that is sent may hold the event loop


def refused(address: str) -> bool:
    product = NewProduct(title="A title", skus=(), media=((MediaUse.MAIN_IMAGE, address),))
    return any(one.field == ("media", 0, "url") for one in problems_with_new(product))


@pytest.mark.parametrize(
    "address",
    [
        "https://images.example/1.jpg",
        "https://บริษัท.example/รูป.jpg",
        "https://images.example/" + "x" * (limits.MAX_URL - len("https://images.example/")),
    ],
)
def test_a_medium_is_an_https_address(address: str) -> None:
    assert not refused(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "http://images.example/1.jpg",
        "https:///1.jpg",
        "https://[::1/1.jpg",
        "https://images.example/1 2.jpg",
        "https://images.example/\n",
        "https://images.example\u2100/1.jpg",
        "https://images.example/" + "x" * limits.MAX_URL,
    ],
)
def test_whatever_else_is_refused(address: str) -> None:
    assert refused(address)


@pytest.mark.parametrize("mark", ["\u0301\u0327", "\ufdfa"], ids=["combining", "ligatures"])
def test_an_address_without_end_is_not_normalised(mark: str) -> None:
    address = "https://" + mark * 300_000
    began = time.thread_time()
    assert refused(address)
    assert time.thread_time() - began < _HOLD
