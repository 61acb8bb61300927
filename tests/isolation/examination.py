"""What is examined, and what was found, as sentences: none where every wall stands."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product

from tests.isolation import catalogue
from tests.isolation.actors import Actor
from tests.isolation.asking import Reply
from tests.isolation.attempts import Attempt
from tests.isolation.documents import DEEP
from tests.isolation.harvest import changed, rows_of
from tests.isolation.leaks import Marks
from tests.isolation.neighbourhood import Neighbourhood, plain
from tests.isolation.places import Place, slots
from tests.isolation.statements import unfiltered
from tests.isolation.supply import GLOBAL

IDS, TEXTS = frozenset({"ID"}), frozenset({"String"})
_MANY = 100
_READERS = 4  # at once: while Postgres answers one, another is judged


async def walls(here: Neighbourhood) -> list[str]:
    """What the catalogue says, and what the application's role can do beneath the API."""
    url = here.ground.parts.settings.app_database_url
    assert url is not None
    app_url, owner = url.get_secret_value(), here.ground.owner
    found = await catalogue.gaps(owner)
    return found + await catalogue.breaches(app_url, owner, here.a.id, here.b.id)


async def statements(here: Neighbourhood) -> list[str]:
    """Every statement that ran so far names its workspace by itself."""
    return await unfiltered(here.ground.owner, here.ground.noted)


async def reading(here: Neighbourhood, attempts: Iterable[Attempt]) -> list[str]:
    """A's owner asks: first for its own, which B's being there must not change."""
    walk = here.walk
    before = [await rows_of(here.ground.owner, side.id) for side in (here.a, here.b)]
    await walk.run(here.owner, here.own)
    await walk.run(here.owner, plain(here.own), depth=DEEP)
    await walk.together(here.owner, attempts, tasks=_READERS)
    return walk.taken() + await _changes(here, before, "queries")


async def changing(here: Neighbourhood) -> list[str]:
    """Mutations with B's ids change nothing at all, where with A's own they succeed."""
    settled = [await succeeds(here, place) for place in here.places("mutation")]
    before = [await rows_of(here.ground.owner, side.id) for side in (here.a, here.b)]
    await here.walk.run(here.owner, here.attempts("mutation", IDS))
    found = [told for told in settled if told is not None] + here.walk.taken()
    return found + await _changes(here, before, "mutations with ids of B")


async def naming(here: Neighbourhood) -> list[str]:
    """Mutations with what B has in its unique keys: a thing of A may be called the same, and B's
    stays as it is. From then on A has B's texts, since it wrote them itself."""
    settled = [await succeeds(here, place) for place in here.places("mutation")]
    before = [None, await rows_of(here.ground.owner, here.b.id)]
    names = tuple(str(value.value) for value in here.hostile.unique_texts())
    await here.walk.run(
        here.owner,
        (
            replace(attempt, sent=(*attempt.sent, *names))
            for attempt in here.attempts("mutation", TEXTS)
        ),
    )
    found = [told for told in settled if told is not None] + here.walk.taken()
    return found + await _changes(here, before, "mutations with names of B")


async def idle(here: Neighbourhood) -> list[str]:
    """Slots in which not even B finds anything by its own values: trying them proves nothing.

    A cursor leads to the same place whether its row is there or not, and what is the same for
    everybody is nobody's.
    """
    owner = Actor("B", await here.b.owner_token())
    found = []
    for place in here.places("query"):
        by_slot: dict[str, list[Attempt]] = {}
        for attempt in here.plan.hostile(place, here.hostile, IDS | TEXTS, few=_MANY):
            if not attempt.slot.endswith(("(after)", "(before)")):
                by_slot.setdefault(attempt.slot, []).append(attempt)
        for slot, attempts in by_slot.items():
            if attempts[0].kind in GLOBAL:
                continue
            if not await here.walk.tells_apart(owner, attempts):
                found.append(f"{slot} finds nothing for its owner, so nothing is proven")
    return found


async def succeeds(here: Neighbourhood, place: Place) -> str | None:
    """Find what a place needs beside what it requires, and the state that a thing of A's has to be
    in: an attempt that is refused for another reason proves nothing. None where it was found."""
    if place.name in here.settled:
        return None
    kinds, told = here.plan.needed(place), "there is nothing to try it with"
    texts = [slot.path for slot in slots(place) if slot.type.name == "String"]
    for also in ((), *texts):
        here.plan.arguments.also[place.name] = also
        for states in product(*(here.supply.states(kind) for kind in kinds)):
            for kind, state in zip(kinds, states, strict=True):
                here.supply.chosen[place.name, kind] = state
            reply = await _tried(here, place)
            payload = (reply.body.get("data") or {}).get("a0")
            if payload is not None and not payload.get("userErrors"):
                here.settled.add(place.name)
                return None
            told = reply.text[:300]
    return f"{place.name} refuses A's own values, so nothing is proven: {told}"


async def _tried(here: Neighbourhood, place: Place) -> Reply:
    document, given = here.documents.of(place, 1), here.plan.own(place).given
    variables = document.variables([given], {})
    return await here.endpoint.ask(document.text, variables, here.owner.authorization)


async def _changes(
    here: Neighbourhood, before: Sequence[dict[str, set[str]] | None], by: str
) -> list[str]:
    return [
        f"{by} changed {table} of {name}"
        for side, was, name in zip((here.a, here.b), before, ("A", "B"), strict=True)
        if was is not None
        for table in changed(was, await rows_of(here.ground.owner, side.id))
    ]


async def findings(here: Neighbourhood, attempts: Iterable[Attempt]) -> list[str]:
    """All of it in short: the walls themselves, what some attempts were answered and changed, what
    ran meanwhile, and what was logged."""
    before = [await rows_of(here.ground.owner, side.id) for side in (here.a, here.b)]
    found = await walls(here)
    await here.walk.run(here.owner, plain(here.own), depth=DEEP)
    await here.walk.run(here.owner, attempts)
    found += here.walk.taken() + await _changes(here, before, "attempts")
    return found + await statements(here) + logged(here)


def logged(here: Neighbourhood) -> list[str]:
    """What any line of the log tells of B; its ids may stand in the lines of its own requests."""
    marks = here.b.marks
    found = []
    for line in here.ground.log.lines():
        own = line.startswith("{") and json.loads(line).get("workspace") == str(here.b.id)
        sought = Marks(marks.canary, frozenset(), marks.amounts) if own else marks
        found += [f"the log tells {where}: {line[:200]}" for where in sought.found_in(line)]
    return found
