"""A database, a Valkey and two neighbours for each file of these tests, which may break them."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from api.embedded.servers import EmbeddedServers
from tests.isolation.neighbourhood import Neighbourhood, ground, neighbourhood


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def here(
    servers: EmbeddedServers,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Neighbourhood]:
    """A and B; small where the file of tests says so by `SMALL = True`."""
    folder = tmp_path_factory.mktemp("isolation")
    async with ground(servers.owner_url, folder, name="isolation") as platform:
        yield await neighbourhood(platform, small=getattr(request.module, "SMALL", False))
