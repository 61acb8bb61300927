"""The harness is tested itself: each wall is taken down in turn, and it must say which."""

import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import true

import api.application
import api.graphql.execution
import commerce.pages
import tenants.database
from commerce.catalogue import operations as products
from commerce.catalogue import queries as catalogue
from commerce.orders import operations
from commerce.orders import queries as orders
from commerce.pages import BadArgument
from schema import loaders
from tenants.feed import Feeds
from tests.isolation import crowds, examination
from tests.isolation.actors import no_longer_good
from tests.isolation.attempts import Attempt
from tests.isolation.eavesdropping import at_work, eavesdropping
from tests.isolation.neighbourhood import Neighbourhood
from tests.world.conformance import Finding, tell

SMALL = True
_RULE = "workspace_id = nullif(current_setting('app.workspace_id', true), '')::uuid"
_OPEN = "USING (true) WITH CHECK (true)"
_OTHERS = 8  # at the end of this file
_HELD = f"USING ({_RULE}) WITH CHECK ({_RULE})"


@dataclass(frozen=True)
class Sabotage:
    """Statements that take a wall down and put it up again, and what has to be named."""

    down: str
    up: str
    named: tuple[str, ...]


SABOTAGES = {
    "a policy is dropped": Sabotage(
        "DROP POLICY workspace ON products",
        f"CREATE POLICY workspace ON products {_HELD}",
        ("catalogue: no policy holds products",),
    ),
    "a policy lets everybody in": Sabotage(
        f"ALTER POLICY workspace ON products {_OPEN}",
        f"ALTER POLICY workspace ON products {_HELD}",
        (
            "catalogue: the policy products:workspace lets in more",
            "beneath the API: products: rows of another workspace are read",
            "beneath the API: products: rows of another workspace are changed",
        ),
    ),
    "a policy does not look at what is written": Sabotage(
        "ALTER POLICY workspace ON warehouses WITH CHECK (true)",
        f"ALTER POLICY workspace ON warehouses {_HELD}",
        (
            "catalogue: the policy warehouses:workspace lets in more",
            "beneath the API: warehouses: rows of another workspace are added",
        ),
    ),
    "another policy is added": Sabotage(
        "CREATE POLICY support ON orders FOR SELECT USING (true)",
        "DROP POLICY support ON orders",
        (
            "catalogue: the policy orders:support lets in more",
            "beneath the API: orders: rows of another workspace are read",
        ),
    ),
    "row security is switched off": Sabotage(
        "ALTER TABLE skus DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE skus ENABLE ROW LEVEL SECURITY",
        (
            "catalogue: row security is not enabled on skus",
            "beneath the API: skus: rows of another workspace are read",
        ),
    ),
    "row security is not forced": Sabotage(
        "ALTER TABLE packages NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE packages FORCE ROW LEVEL SECURITY",
        ("catalogue: row security is not forced on packages",),
    ),
    "a foreign key leaves its workspace": Sabotage(
        "ALTER TABLE products ADD CONSTRAINT uq_astray UNIQUE (id);"
        "ALTER TABLE skus DROP CONSTRAINT fk_skus_workspace_id_product_id,"
        " ADD CONSTRAINT fk_astray FOREIGN KEY (product_id) REFERENCES products (id)",
        "ALTER TABLE skus DROP CONSTRAINT fk_astray,"
        " ADD CONSTRAINT fk_skus_workspace_id_product_id FOREIGN KEY (workspace_id, product_id)"
        " REFERENCES products (workspace_id, id) ON DELETE CASCADE;"
        "ALTER TABLE products DROP CONSTRAINT uq_astray",
        (
            "catalogue: the foreign key fk_astray of skus",
            "catalogue: the key uq_astray of products",
            "beneath the API: skus.product_id takes a row of another workspace",
        ),
    ),
    "people are shown to everybody": Sabotage(
        "ALTER POLICY members ON users USING (true)",
        "ALTER POLICY members ON users USING (id IN (SELECT m.user_id FROM memberships m WHERE m."
        + _RULE + "))",
        ("catalogue: no policy holds users", "node(id) with User id"),
    ),
    "a table is made without a wall": Sabotage(
        "CREATE TABLE notes (workspace_id uuid NOT NULL, id uuid PRIMARY KEY);"
        "GRANT SELECT ON notes TO seller_app",
        "DROP TABLE notes",
        (
            "catalogue: row security is not enabled on notes",
            "catalogue: no policy holds notes",
            "catalogue: the key notes_pkey of notes spans workspaces",
            "notes: nothing of it to be tried",
        ),
    ),
    "a table is made without a workspace": Sabotage(
        "CREATE TABLE remarks (id uuid PRIMARY KEY)",
        "DROP TABLE remarks",
        ("catalogue: the table remarks has no workspace",),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def noticed() -> Iterator[set[str]]:
    """What was taken down and noticed, told at the end."""
    found: set[str] = set()
    yield found
    tell(
        Finding(
            section="Isolation",
            check="walls taken down one by one, and named by the harness",
            passed=len(found),
            of=len(SABOTAGES) + len(CHANGED) + _OTHERS,
            control="nothing is found while they stand",
        )
    )


@pytest.fixture(autouse=True)
def _forgotten(here: Neighbourhood) -> Iterator[None]:
    """What ran while a wall was down is no news for the next test."""
    yield
    here.ground.noted.texts.clear()
    here.ground.log.lines().clear()
    commerce.pages._page_statement.cache_clear()
    commerce.pages._count_statement.cache_clear()


def some(here: Neighbourhood) -> list[Attempt]:
    """Ids of every kind and from every table, and a few of the rest."""
    few = crowds.a_few(here)
    return [
        attempt
        for n, attempt in enumerate(few)
        if (attempt.place.name == "node" and attempt.shape.endswith(" id")) or n % 6 == 0
    ]


async def test_nothing_is_found_while_every_wall_stands(here: Neighbourhood) -> None:
    assert await examination.findings(here, some(here)) == []
    assert here.walk.counted > 200
    assert here.ground.noted.scans > 100


@pytest.mark.parametrize("name", SABOTAGES)
async def test_a_wall_that_is_down_is_noticed(
    here: Neighbourhood, name: str, noticed: set[str]
) -> None:
    sabotage = SABOTAGES[name]
    await here.ground.owner.execute(sabotage.down)
    try:
        found = await examination.findings(here, some(here))
    finally:
        await here.ground.owner.execute(sabotage.up)

    for words in sabotage.named:
        assert any(words in one for one in found), (words, found)
    noticed.add(name)


_NOBODYS = "$1::uuid IS NOT NULL AND"
CHANGED: dict[str, tuple[Any, str, Callable[[Any], Any], str]] = {
    "a statement by ids lost its workspace": (
        catalogue, "_SKUS_BY_ID",
        lambda text: text.replace("workspace_id = $1 AND", _NOBODYS),
        "statement: skus is read without its workspace: SELECT * FROM skus",
    ),
    "the lock of a change lost its workspace": (
        operations, "_LOCK_ORDER",
        lambda text: text.replace("workspace_id = $1 AND", _NOBODYS),
        "statement: orders is read without its workspace: SELECT * FROM orders WHERE $1",
    ),
    "one side of a join lost its workspace": (
        orders, "_LINES",
        lambda _: "SELECT l.*, o.currency FROM order_lines l JOIN orders o ON o.id = l.order_id "
        "WHERE o.workspace_id = $1 AND l.order_id = ANY($2) ORDER BY l.order_id, l.place",
        "statement: order_lines is read without its workspace",
    ),
    "composed lists lost their workspace": (
        commerce.pages, "_in_workspace",
        lambda _: lambda _listing: true(),
        "statement: live_rooms is read without its workspace",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGED)
async def test_a_filter_that_is_lost_is_noticed_though_row_security_holds(
    here: Neighbourhood, name: str, noticed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module, attribute, change, named = CHANGED[name]
    commerce.pages._page_statement.cache_clear()
    commerce.pages._count_statement.cache_clear()
    monkeypatch.setattr(module, attribute, change(getattr(module, attribute)))

    found = await examination.findings(here, some(here))

    assert any(named in one for one in found), found
    # The other wall held: no answer and no row was another.
    assert [one for one in found if not one.startswith("statement:")] == []
    noticed.add(name)


async def test_both_walls_down_let_rows_be_seen(
    here: Neighbourhood, noticed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without = orders._ORDERS_BY_ID.replace("workspace_id = $1 AND", _NOBODYS)
    monkeypatch.setattr(orders, "_ORDERS_BY_ID", without)

    async with down(here, f"ALTER POLICY workspace ON orders {_OPEN}", "orders"):
        found = await examination.findings(here, some(here))

    canary = here.b.marks.canary
    assert any("node(id) with Order id" in one and f"was told {canary}" in one for one in found)
    assert any("is not answered as what never was" in one for one in found)
    noticed.add("both walls of orders")


async def test_both_walls_down_let_rows_be_changed(
    here: Neighbourhood, noticed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_LOCK", "_MOVE"):
        text = getattr(products, name).replace("workspace_id = $1 AND", _NOBODYS)
        monkeypatch.setattr(products, name, text)
    (place,) = [one for one in here.places("mutation") if one.name == "productDeactivate"]
    attempts = here.plan.hostile(place, here.hostile, examination.IDS)

    async with down(here, f"ALTER POLICY workspace ON products {_OPEN}", "products"):
        found = await examination.findings(here, attempts)

    assert "attempts changed products of B" in found
    noticed.add("both walls of products, written to")


async def test_a_key_that_spans_workspaces_tells_what_others_have(
    here: Neighbourhood, noticed: set[str]
) -> None:
    (place,) = [one for one in here.places("mutation") if one.name == "productCreate"]
    taken = {
        text
        for (_, name), texts in here.b.filled.texts.items()
        if name == "seller_sku"
        for text in texts
    }
    attempts = [
        attempt
        for attempt in here.plan.hostile(place, here.hostile, examination.TEXTS)
        if attempt.slot.endswith("sellerSku)") and attempt.sent[0] in taken
    ]
    owner = here.ground.owner
    await owner.execute("CREATE UNIQUE INDEX uq_everywhere ON skus (seller_sku)")
    try:
        found = await examination.findings(here, attempts)
    finally:
        await owner.execute("DROP INDEX uq_everywhere")

    assert "catalogue: the key uq_everywhere of skus spans workspaces" in found
    assert any("sellerSku) with text" in one and "not answered as" in one for one in found)
    noticed.add("a key that spans workspaces")


async def test_an_answer_that_tells_foreign_from_absent_is_noticed(
    here: Neighbourhood, noticed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    relation = loaders._relations["order"]

    async def telling(reader: Any, ids: Any) -> Any:
        there = await here.ground.owner.fetchval(
            "SELECT count(*) FROM orders WHERE id = ANY($1) AND workspace_id <> $2",
            ids, reader.workspace_id,
        )  # fmt: skip
        if there:
            raise BadArgument("id", "is not yours.")
        return await relation.query(reader, ids)

    monkeypatch.setitem(loaders._relations, "order", dataclasses.replace(relation, query=telling))

    found = await examination.findings(here, some(here))

    assert any("Order id" in one and "is not answered as what never was" in one for one in found)
    noticed.add("an answer that tells foreign from absent")


async def test_a_header_that_tells_is_noticed(
    here: Neighbourhood, noticed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = SimpleNamespace(token_hex=lambda _: here.b.canary)
    monkeypatch.setattr(api.application, "secrets", told)

    found = await examination.findings(here, some(here)[:20])

    assert any("a header or the envelope tells" in one for one in found)
    noticed.add("a header that tells")


async def test_a_log_line_that_tells_is_noticed(
    here: Neighbourhood, noticed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = api.graphql.execution.log
    monkeypatch.setattr(
        api.graphql.execution, "_note",
        lambda _prepared, _context, answer, _seconds: log.info("graphql.answer", answer=answer),
    )  # fmt: skip
    (place,) = [one for one in here.places("query") if one.name == "workspace"]
    document = here.documents.of(place, 1)
    await here.endpoint.ask(document.text, {}, await here.b.owner_token())

    found = examination.logged(here)

    assert any(f"the log tells {here.b.canary}" in one for one in found)
    noticed.add("a log line that tells")


async def test_a_credential_that_is_checked_no_more_is_noticed(
    here: Neighbourhood, noticed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    former = await no_longer_good(here.a)
    monkeypatch.setattr(
        tenants.database, "access_check",
        lambda who: f"SET LOCAL app.workspace_id = '{who.workspace_id}'; SELECT 1",
    )  # fmt: skip

    found = await crowds.turned_away(here, former, ("query", "mutation"))

    for name in ("a session that was ended", "a member who parted", "a token of a former role"):
        assert any(one.startswith(f"{name} is not turned away by orders:") for one in found)
    noticed.add("a credential that is checked no more")


async def test_events_of_another_workspace_are_noticed(
    here: Neighbourhood, noticed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    events = Feeds.events
    monkeypatch.setattr(
        Feeds, "events", lambda self, _workspace_id, **given: events(self, here.b.id, **given)
    )

    async with at_work(here) as url:
        found, _ = await eavesdropping(here, url, patience=3.0)  # A is deaf to its own

    assert any(one.startswith("A: orderUpdates with plain") and "heard" in one for one in found)
    noticed.add("events of another workspace")


@asynccontextmanager
async def down(here: Neighbourhood, statement: str, table: str) -> AsyncIterator[None]:
    """A policy that is another for a while."""
    await here.ground.owner.execute(statement)
    try:
        yield
    finally:
        await here.ground.owner.execute(f"ALTER POLICY workspace ON {table} {_HELD}")
