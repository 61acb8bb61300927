"""A server that takes files, for every test of uploads."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.api.graphql.uploads.taking import Taking, ran, taking
from tests.world import World


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(world: World) -> AsyncIterator[Taking]:
    async with taking(world) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files are kept that are too large for memory."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("Files without a name can be counted on Linux only.")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path
