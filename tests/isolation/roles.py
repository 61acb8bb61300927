"""Every field and every change that needs a right is refused to whoever has not got it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tenants.grants import Grant
from tests.isolation.actors import Actor
from tests.isolation.attempts import Plan
from tests.isolation.documents import FLAT, NAMED
from tests.isolation.examination import succeeds
from tests.isolation.harvest import changed, rows_of
from tests.isolation.neighbourhood import Neighbourhood
from tests.isolation.rights import Need, Watch, at_place, needs, telling
from tests.isolation.walk import outline

# A member is somebody of the workspace, which has to be read; a key says what it is by itself.
ABOUT_ONESELF = {"viewer"}


@dataclass
class Refusals:
    """`refused` of `tried` were; `hidden` answers were kept from who may not see them whole."""

    tried: int = 0
    refused: int = 0
    hidden: int = 0
    findings: list[str] = field(default_factory=list)
    needs: dict[str, Need] = field(default_factory=dict)


async def refusals(here: Neighbourhood, showcase: Plan, actors: Sequence[Actor]) -> Refusals:
    """As each actor, ask for everything; nothing of A's may be another afterwards."""
    told = Refusals()
    reading, told.findings = await needs(here, showcase)
    changing = await _changes_needed(here, told)
    before = await rows_of(here.ground.owner, here.a.id)
    for need in (*telling(reading), *changing):
        told.needs[need.name] = need
        for actor in actors:
            await _judge(here, showcase, need, actor, told)
    for table in changed(before, await rows_of(here.ground.owner, here.a.id)):
        told.findings.append(f"rights: refused changes changed {table}")
    for need in changing:
        await _hidden_payload(here, need, actors, told)
    return told


async def _changes_needed(here: Neighbourhood, told: Refusals) -> list[Need]:
    """The owner runs each mutation and subscription, and it has to succeed."""
    watch, found = Watch(here, here.plan), []
    for place in here.places("mutation"):
        problem = await succeeds(here, place)
        told.findings += [problem] if problem else []
        need = await watch.need(place, here.plan.own(place).given)
        if not any(not grant.value.endswith(":read") for grant in need.required):
            told.findings.append(f"rights: {place.name} changes things by no right to change them")
        found.append(need)
    for place in here.places("subscription"):
        found.append(await watch.need(place, here.plan.arguments.of(place)))
        if not found[-1].required:
            told.findings.append(f"rights: {place.name} is told to everybody")
    return found


async def _judge(here: Neighbourhood, plan: Plan, need: Need, actor: Actor, told: Refusals) -> None:
    grants = actor.grants or frozenset()
    if need.place.name in ABOUT_ONESELF and actor.name.startswith("a key"):
        return
    if need.required <= grants:
        if need.place.operation == "query":
            await _allowed(here, plan, need, actor, told)
        return
    told.tried += 1
    given = need.given if need.place.operation == "query" else here.plan.arguments.of(need.place)
    answer = await _asked(here, plan, need, given, actor, NAMED)
    codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
    shown = [value for value in at_place(answer, need.place) if value is not None]
    if codes == {"FORBIDDEN"} and not shown:
        told.refused += 1
    else:
        lacking = ", ".join(sorted(grant.value for grant in need.required - grants))
        told.findings.append(
            f"rights: {actor.name} without {lacking} is not refused {need.name}: "
            f"{json.dumps(answer)[:200]}"
        )


async def _allowed(
    here: Neighbourhood, plan: Plan, need: Need, actor: Actor, told: Refusals
) -> None:
    """Nothing is refused that the grants allow; what they show in part only, is another answer."""
    answer = await _asked(here, plan, need, need.given, actor, FLAT if need.asked else NAMED)
    if answer.get("errors"):
        told.findings.append(f"rights: {actor.name} is refused {need.name}: {answer}")
    if need.asked and not need.asked <= (actor.grants or frozenset()):
        whole = await _asked(here, plan, need, need.given, here.owner, FLAT)
        if at_place(answer, need.place) == at_place(whole, need.place):
            told.findings.append(f"rights: {actor.name} sees the whole of {need.place.name}")
        else:
            told.hidden += 1


async def _hidden_payload(
    here: Neighbourhood, need: Need, actors: Sequence[Actor], told: Refusals
) -> None:
    """Whoever may change a thing and not read it, is not shown it afterwards."""
    for actor in actors:
        grants: frozenset[Grant] = actor.grants or frozenset()
        if need.place.operation == "mutation" and need.required <= grants < need.asked | grants:
            given = here.plan.own(need.place).given
            answer = await _asked(here, here.plan, need, given, actor, FLAT)
            theirs = [outline(value) for value in at_place(answer, need.place)]
            if answer.get("errors") or theirs == [outline(one) for one in need.found]:
                told.findings.append(f"rights: {actor.name} sees the whole of {need.place.name}")
            else:
                told.hidden += 1


async def _asked(
    here: Neighbourhood, plan: Plan, need: Need, given: dict[str, Any], actor: Actor, depth: int
) -> dict[str, Any]:
    document = here.documents.of(need.place, 1, depth=depth)
    variables = document.variables([given], plan.arguments.on_the_way(need.place))
    events = need.place.operation == "subscription"
    reply = await here.endpoint.ask(document.text, variables, actor.authorization, events=events)
    return reply.body
