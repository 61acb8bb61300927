"""Documents are read once, in turn, and paid for by each workspace that has them read."""

import asyncio
from uuid import uuid4

import pytest

from api.graphql.failures import RequestError
from commerce.pages import MAX_PAGE
from tests.api.graphql.reading import documents_of, read


async def test_who_has_had_a_document_pays_no_more_and_whoever_else_does() -> None:
    """A price of nothing would tell one workspace what another runs."""
    documents, one, other, text = documents_of(), uuid4(), uuid4(), "{ warehouses { name } }"
    for reader, price in ((one, 10 + len(text) // 5), (one, None), (other, 10 + len(text) // 5)):
        paid: list[int] = []
        await read(documents, text, reader=reader, paid=paid)
        assert paid == ([] if price is None else [price])


async def test_other_pages_are_measured_beside_the_loop_and_paid_for() -> None:
    documents, reader = documents_of(), uuid4()
    text = "query ($n: Int) { products(first: $n) { nodes { id } } } #" + "x" * 1_000
    read_once, measured = 10 + len(text) // 5, 1 + len(text) // 100
    for given, price in ((1, read_once), (2, measured), (2, 0), (10**6, measured), (10**7, 0)):
        paid: list[int] = []
        document = await read(documents, text, {"n": given}, reader=reader, paid=paid)
        assert sum(paid) == price, given
    assert list(document.extents) == [(1,), (2,), (MAX_PAGE,)]


async def test_what_is_too_long_is_refused_unread_and_unpaid() -> None:
    paid: list[int] = []
    with pytest.raises(RequestError, match="20,000"):
        await read(documents_of(), "#" * 20_001, paid=paid)
    assert paid == []


async def test_who_sends_a_document_many_times_at_once_has_it_read_once() -> None:
    documents, paid = documents_of(), list[int]()
    text = "{ warehouses { id name } }"
    every = [read(documents, text, paid=paid) for _ in range(30)]
    assert len(set(map(id, await asyncio.gather(*every)))) == 1
    assert paid == [10 + len(text) // 5]


async def test_a_workspace_that_sends_many_documents_lets_another_come_between() -> None:
    documents, noisy, quiet = documents_of(), uuid4(), uuid4()
    done: list[int] = []
    begun = asyncio.Event()

    async def one(number: int) -> None:
        await read(documents, f"{{ warehouses {{ id }} }} # {number}", reader=noisy)
        done.append(number)
        begun.set()

    tasks = [asyncio.create_task(one(number)) for number in range(50)]
    await begun.wait()
    await read(documents, "{ warehouses { name } }", reader=quiet)
    assert len(done) <= 3, "it waits for the one that is being read, and for no other"
    await asyncio.gather(*tasks)
