"""Every field and change that needs a right is refused to every role and key without it."""

import dataclasses
from types import SimpleNamespace

import pytest
import pytest_asyncio

import schema.order_mutations
from schema import loaders
from schema.context import Context
from tenants.grants import Grant
from tests.isolation import actors, roles
from tests.isolation.actors import Actor
from tests.isolation.attempts import Plan
from tests.isolation.neighbourhood import Neighbourhood, showcase
from tests.isolation.roles import Refusals
from tests.world.conformance import Finding, tell

SMALL = True
_G = Grant
# What is told or changed by more than the right to read what it belongs to. Fields are found by
# themselves; these would otherwise be free to need less than they do.
SENSITIVE: dict[str, set[Grant]] = {
    "auditLog": {_G.AUDIT_READ},
    "workspace.members": {_G.WORKSPACE_READ, _G.MEMBERS_READ},
    "workspace.apiKeys": {_G.WORKSPACE_READ, _G.KEYS_MANAGE},
    "workspace.invitations": {_G.WORKSPACE_READ, _G.MEMBERS_MANAGE},
    "node of User": {_G.MEMBERS_READ},
    "node of ApiKey": {_G.KEYS_MANAGE},
    "node of Invitation": {_G.MEMBERS_MANAGE},
    "order.lines.sku": {_G.ORDERS_READ, _G.CATALOGUE_READ},
    "order.liveRoom": {_G.ORDERS_READ, _G.LIVE_READ},
    "jobs": {_G.JOBS_READ},
    "node of Job": {_G.JOBS_READ},
    "bulkQueryRun": {_G.JOBS_MANAGE},
    "jobCancel": {_G.JOBS_MANAGE},
    "productCreate": {_G.CATALOGUE_MANAGE},
    "productUpdate": {_G.CATALOGUE_MANAGE},
    "productActivate": {_G.CATALOGUE_MANAGE},
    "productDeactivate": {_G.CATALOGUE_MANAGE},
    "orderIngest": {_G.ORDERS_MANAGE},
    "orderShip": {_G.ORDERS_MANAGE},
    "orderCancel": {_G.ORDERS_MANAGE},
    "packageTrack": {_G.ORDERS_MANAGE},
    "memberInvite": {_G.MEMBERS_MANAGE},
    "memberInvitationRevoke": {_G.MEMBERS_MANAGE},
    "memberChangeRole": {_G.MEMBERS_MANAGE},
    "memberPart": {_G.MEMBERS_MANAGE},
    "apiKeyCreate": {_G.KEYS_MANAGE},
    "apiKeyRevoke": {_G.KEYS_MANAGE},
    "liveOrders": {_G.LIVE_READ, _G.ORDERS_READ},
    "orderUpdates": {_G.ORDERS_READ},
}
HIDDEN = {"order.recipient", "order.buyerNickname", "order.buyerMessage"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def everybody(here: Neighbourhood) -> list[Actor]:
    """A member of each role, and a key for each right alone."""
    keys = await actors.keys(here.a, [frozenset({grant}) for grant in Grant])
    for key in keys:  # the first use of a key is noted down
        await here.endpoint.ask("{ __typename }", {}, key.authorization)
    return [*here.members, *keys]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def whole(here: Neighbourhood) -> Plan:
    return await showcase(here)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def told(here: Neighbourhood, whole: Plan, everybody: list[Actor]) -> Refusals:
    return await roles.refusals(here, whole, everybody)


async def test_whoever_lacks_a_right_is_refused_and_changes_nothing(
    told: Refusals, everybody: list[Actor]
) -> None:
    tell(
        Finding(
            section="Roles",
            check=f"refusals to {len(everybody)} roles and keys without the right",
            passed=told.refused,
            of=told.tried,
            control="a right that is not asked for, or another one, is noticed",
            note=f"{told.hidden} answers kept in part",
        )
    )

    assert told.findings == []
    assert told.refused == told.tried > 600
    assert told.hidden > 15


@pytest.mark.parametrize("name", SENSITIVE)
async def test_what_is_sensitive_needs_the_right_that_it_should(told: Refusals, name: str) -> None:
    assert told.needs[name].required == SENSITIVE[name]


async def test_buyers_are_shown_in_part_to_whoever_may_not_read_them(told: Refusals) -> None:
    asked = {name for name, need in told.needs.items() if need.asked == {_G.BUYERS_READ}}

    assert asked == HIDDEN


async def test_nothing_else_needs_more_than_reading(told: Refusals) -> None:
    """A field that does belongs into `SENSITIVE`, with the right that it should need."""
    plain = {_G.WORKSPACE_READ, _G.CATALOGUE_READ, _G.ORDERS_READ, _G.LIVE_READ}
    unnamed = [
        name
        for name, need in told.needs.items()
        if name not in SENSITIVE and (need.place.operation != "query" or need.required - plain)
    ]

    assert unnamed == []


# The check itself


async def test_a_right_that_is_not_asked_for_is_noticed(
    here: Neighbourhood, whole: Plan, everybody: list[Actor], monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = [actor for actor in everybody if actor.name == "VIEWER"]
    require = Context.require
    monkeypatch.setattr(
        Context, "require",
        lambda self, grant: None if grant is Grant.AUDIT_READ else require(self, grant),
    )  # fmt: skip

    found = (await roles.refusals(here, whole, viewer)).findings

    assert any("VIEWER without audit:read is not refused auditLog" in one for one in found)


async def test_a_change_by_a_readers_right_is_noticed(
    here: Neighbourhood, whole: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = SimpleNamespace(ORDERS_MANAGE=Grant.ORDERS_READ)
    monkeypatch.setattr(schema.order_mutations, "Grant", readers)

    found = (await roles.refusals(here, whole, [])).findings

    assert "rights: orderCancel changes things by no right to change them" in found


async def test_a_relation_that_needs_too_little_is_noticed(
    here: Neighbourhood, whole: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    relation = dataclasses.replace(loaders._relations["user"], grant=Grant.WORKSPACE_READ)
    monkeypatch.setitem(loaders._relations, "user", relation)

    told = await roles.refusals(here, whole, [])

    assert told.needs["node of User"].required != SENSITIVE["node of User"]
