"""Pages of other origins: those that a setting names may call us, others may not."""

from dataclasses import replace

import httpx
import pytest

from api.application import build_application
from api.parts import Parts
from tests.world import World

OURS = "https://dashboard.example"


@pytest.fixture
def application(parts: Parts) -> httpx.ASGITransport:
    settings = parts.settings.model_copy(update={"allowed_origins": [OURS]})
    return httpx.ASGITransport(build_application(replace(parts, settings=settings)))


async def test_a_browser_may_ask_first_and_then_read_the_answer(
    application: httpx.ASGITransport, world: World
) -> None:
    token = await (await world.workspace()).token()
    async with httpx.AsyncClient(transport=application, base_url="http://api") as client:
        asked = await client.options(
            "/graphql",
            headers={
                "origin": OURS,
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization,content-type",
            },
        )
        answered = await client.post(
            "/graphql",
            json={"query": "{ __typename }"},
            headers={"origin": OURS, "authorization": f"Bearer {token}"},
        )

    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == OURS
    assert answered.json()["data"] == {"__typename": "Query"}
    assert answered.headers["access-control-allow-origin"] == OURS


async def test_another_origin_gets_no_leave(application: httpx.ASGITransport) -> None:
    async with httpx.AsyncClient(transport=application, base_url="http://api") as client:
        asked = await client.options(
            "/graphql",
            headers={
                "origin": "https://evil.example",
                "access-control-request-method": "POST",
            },
        )

    assert asked.status_code == 400
    assert "access-control-allow-origin" not in asked.headers
