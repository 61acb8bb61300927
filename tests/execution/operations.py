"""Operations on the zoo, written by hand: one for each thing that may be asked differently."""

from typing import Any

from tests.execution.answering import Asked

LEAVES = (
    "id seats discount note valid price opened day closing code extras weight diet size colour "
    "rank tags marks missing shown"
)
_FRAGMENTS = """
fragment named on Named { name label(shout: true) ...typed }
fragment typed on Being { __typename id ... on Lion { mane } ... on Turtle { shell } }
"""
QUERIES: tuple[tuple[str, dict[str, Any] | None], ...] = (
    ("{ name __typename }", None),
    ("{ name founder a: founder keepers { name } }", None),
    (f"{{ tickets {{ {LEAVES} }} }}", None),
    (f"{{ tickets(first: 9) {{ __typename {LEAVES} }} ticket {{ {LEAVES} }} }}", None),
    ("{ tickets { a: note b: note id a: note ... on Ticket { id b: note } } }", None),
    ("{ tickets { holder { name motto charges { __typename } } } }", None),
    (
        "{ tickets { holder { name } batchedHolder { name motto } batchedSureHolder { name } } }",
        None,
    ),
    ("{ tickets { manyHolders { name } batchedHolders { name label(shout: true) } } }", None),
    ("{ beings { __typename id name label described age } }", None),
    ("{ beings(first: 6) { ...named mother { ...named mother { name } } } }" + _FRAGMENTS, None),
    (
        "{ beings { name ... on Parrot { words } ... on Snail { x: shell } } }",
        None,
    ),
    ("{ beings { young(first: 3) { name ticket { id seats } tickets { id } } } }", None),
    ("{ inhabitants { __typename ... on Lion { name mane } ... on Being { id } } }", None),
    ("{ anything(id: 7) { ... on Keeper { motto charges { ... on Named { name } } } } }", None),
    ('{ a: anything(id: "a") { __typename } b: anything(id: 3) { ... on Named { name } } }', None),
    ("{ lion { mane name tickets { id holder { name } } mother { name } } }", None),
    ("{ keepers { name label motto charges { __typename ... on Parrot { words } } } }", None),
    ("{ cage { maybeGridNumber gridNumber gridTicket { id } maybeGridBeing { name } } }", None),
    ("{ cages { listNumber listNumberLater maybeListOfMaybeDiet sureDiet sureDietLater } }", None),
    ("{ cages { listTicket { id } listTicketLater { id note } sureTicket { seats } } }", None),
    ("{ cages { listBeing { name } sureBeingLater { name } listAnything { __typename } } }", None),
    ("{ cages { listSounding { loud ... on Bell { metal } ... on Horn { curved } } } }", None),
    ("{ cage { counted } }", None),
    ("{ cage { breaking cage { breaking } } }", None),
    ("{ cage { noList cages { noList counted } } }", None),
    ("{ cage { flowing cages { flowing } } }", None),
    ("{ gates { number byPosition closed } gate { number } }", None),
    ("{ gate { surelyClosed number } gates { number } }", None),
    ("{ gates { surelyClosed number } }", None),
    ('{ gates { asked later loud shout: loud(word: "yo") } }', None),
    ("{ gates { path a: path } gate { path selected { path number } } }", None),
    ("query Q($w: Float = 1.5) { gate { told } lion { mane } scalars(broken: $w) }", {"w": 2}),
    ('{ gate { told(style: {prefix: "x"}) a: told ...f } } fragment f on Gate { a: told }', None),
    ("{ gates { selected { placed number ... on Gate { path } selected { placed } } } }", None),
    ("{ gates { promised brokenPromise promises twicePromised } }", None),
    ("{ gates { parentAndSelf keywordOnly b: keywordOnly(twice: true) } }", None),
    ('{ gates { class b: class(from_: 5) static c: static(word: "w") ofClass } }', None),
    (
        "{ echo(style: {}) b: echo(style: {sizes: [SMALL, HUGE], range: {low: 1}}, numbers: 7) }",
        None,
    ),
    ('{ echo(style: {since: "2026-05-01T08:00:00Z", diet: MEAT}, grid: [[1, null], []]) }', None),
    ('{ chosen(choice: {number: 3}) b: chosen(choice: {text: "t"}) }', None),
    ("query Q($c: Choice!) { chosen(choice: $c) }", {"c": {"text": "x"}}),
    ("query Q($c: Choice!) { chosen(choice: $c) }", {"c": {"text": "x", "number": 1}}),
    ("{ scalars }", None),
    ('{ scalars(whole: null, text: null, diet: null, rank: JUNIOR, price: "1.50", id: 7) }', None),
    ("query Q($i: Int, $t: String) { scalars(whole: $i, text: $t) }", {}),
    ("query Q($i: Int = 3, $t: String = null) { scalars(whole: $i, text: $t) }", {}),
    ("query Q($i: Int = 3, $t: String = null) { scalars(whole: $i, text: $t) }", {"i": None}),
    ("query Q($i: Int!) { scalars(whole: $i) }", {"i": "seven"}),
    ("query Q($i: Int!) { scalars(whole: $i) }", {}),
    ("query Q($i: Int!, $r: Rank!) { scalars(whole: $i, rank: $r) }", {"i": None, "r": "BOSS"}),
    ("query Q($s: Style!) { echo(style: $s) }", {"s": {"range": {"high": None}}}),
    ("query Q($s: Style!) { echo(style: $s) }", {"s": {"since": "yesterday"}}),
    ("query Q($s: Style!) { echo(style: $s) }", {"s": {"range": {"hi": 1}, "sizes": ["BIG"]}}),
    ("query Q($n: Int) { echo(style: {range: {low: $n}}, numbers: [1, 2]) }", {"n": 3}),
    ("query Q($n: Int) { echo(style: {range: {low: $n}}, numbers: [1, 2]) }", {}),
    ("query Q($r: Rank = JUNIOR) { scalars(rank: $r) }", {}),
    ("query Q($r: Rank = JUNIOR) { scalars(rank: $r) lion { name } }", {"r": None}),
    (
        "query Q($b: Boolean!) { name @skip(if: $b) tickets { id @include(if: $b) note } }",
        {"b": True},
    ),
    (
        "query Q($b: Boolean!) { name @skip(if: $b) tickets { id @include(if: $b) note } }",
        {"b": False},
    ),
    ("query Q($b: Boolean = true) { ...f @include(if: $b) } fragment f on Query { name }", {}),
    ("query Q($b: Boolean = true) { tickets { id @skip(if: $b) } }", {}),
    (
        "query Q($b: Boolean!) { lion { ... @include(if: $b) { name } ... on Being { id } } }",
        {"b": False},
    ),
    ("mutation { admit(id: 1) { id seats holder { name } } b: admit(id: 2) { id } }", None),
    ("mutation { a: done(id: 1) admit(id: 3) { note } b: done(id: 2) feed(id: 4) { name } }", None),
    (
        "mutation { feed(id: 1) { name mother { name } } c: done(id: 9) d: feed(id: 2) { id } }",
        None,
    ),
    ("subscription { arrivals { __typename name mother { name } tickets { id } } }", None),
)
# What was once answered differently, made small.
KEPT: tuple[Asked, ...] = (
    # Ended by an error where graphql-core is cancelled: both can be.
    Asked(
        "{ lion(id: 2) { young { name } } ticket(id: 3) { seats } cage { gridNumberLater } }",
        seed=179_827,
        often=300,
        cancelling=True,
    ),
    # A promise that a promise brought was awaited.
    Asked("{ cages { listNumber } }", seed=1, often=300),
)
