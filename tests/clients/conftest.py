from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.clients.node_project import NodeProject, node_project
from tests.world.plain_strawberry import PlainStrawberry, plain_strawberry


@pytest.fixture(scope="session")
def node() -> NodeProject:
    """The clients written in JavaScript, installed; skips where Node is absent."""
    project = node_project()
    if project is None:
        pytest.skip("not installed: node, npm")
    project.install()
    return project


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def control() -> AsyncIterator[PlainStrawberry]:
    """Where the same clients have to find something."""
    async with plain_strawberry() as running:
        yield running
