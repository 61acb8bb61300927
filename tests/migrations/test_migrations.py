"""Migrations on a scratch database: up, down, up again, and nothing left to generate."""

import ast
import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from alembic import command
from alembic.script import ScriptDirectory

from api.settings import Settings
from migrations.upgrade import alembic_config, make_roles, migrate

VERSIONS = sorted((Path(__file__).parents[2] / "migrations" / "versions").glob("*.py"))
_TABLES = """
SELECT c.relname || ' ' || c.relrowsecurity || c.relforcerowsecurity || ' ' ||
       coalesce((SELECT string_agg(a.attname || ':' || format_type(a.atttypid, a.atttypmod) || ':'
                                   || a.attnotnull, ',' ORDER BY a.attname)
                   FROM pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('public', 'queue') AND c.relkind IN ('r', 'i')
 ORDER BY 1
"""
_POLICIES = """
SELECT tablename || policyname || cmd || coalesce(qual, with_check) FROM pg_policies ORDER BY 1
"""


@pytest_asyncio.fixture(loop_scope="session")
async def scratch(settings: Settings) -> AsyncIterator[tuple[str, str]]:
    """The owner's and the application's URL of an empty database."""
    assert settings.database_url is not None
    assert settings.app_database_url is not None
    owner_url, app_url = (
        url.get_secret_value() for url in (settings.database_url, settings.app_database_url)
    )
    name = f"seller_scratch_{uuid4().hex[:8]}"
    server = await asyncpg.connect(owner_url)
    await server.execute(f"CREATE DATABASE {name}")
    yield owner_url.rsplit("/", 1)[0] + f"/{name}", app_url.rsplit("/", 1)[0] + f"/{name}"
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


async def described(owner_url: str) -> list[str]:
    connection = await asyncpg.connect(owner_url)
    rows = [*await connection.fetch(_TABLES), *await connection.fetch(_POLICIES)]
    await connection.close()
    return [row[0] for row in rows if not row[0].startswith("alembic")]


async def test_up_down_and_up_again_is_the_same_and_down_leaves_nothing(
    scratch: tuple[str, str],
) -> None:
    owner_url, app_url = scratch
    await migrate(owner_url=owner_url, app_url=app_url)
    first = await described(owner_url)

    await asyncio.to_thread(command.downgrade, alembic_config(owner_url), "base")
    assert await described(owner_url) == []

    await migrate(owner_url=owner_url, app_url=app_url)
    assert await described(owner_url) == first
    assert len(first) > 50


async def test_every_step_can_be_taken_back_by_itself(scratch: tuple[str, str]) -> None:
    owner_url, app_url = scratch
    await make_roles(owner_url=owner_url, app_url=app_url)
    config = alembic_config(owner_url)
    steps = [s.revision for s in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    for step in steps:
        before = await described(owner_url)
        await asyncio.to_thread(command.upgrade, config, step)
        await asyncio.to_thread(command.downgrade, config, "-1")
        assert await described(owner_url) == before, step
        await asyncio.to_thread(command.upgrade, config, step)


async def test_the_models_and_the_migrations_agree(scratch: tuple[str, str]) -> None:
    owner_url, app_url = scratch
    await migrate(owner_url=owner_url, app_url=app_url)

    await asyncio.to_thread(command.check, alembic_config(owner_url))


async def test_migrating_twice_changes_nothing(scratch: tuple[str, str]) -> None:
    owner_url, app_url = scratch
    await migrate(owner_url=owner_url, app_url=app_url)
    first = await described(owner_url)

    await migrate(owner_url=owner_url, app_url=app_url)

    assert await described(owner_url) == first


async def test_owner_and_application_must_be_two_roles(scratch: tuple[str, str]) -> None:
    owner_url, _ = scratch

    with pytest.raises(ValueError, match="connect as the same user"):
        await migrate(owner_url=owner_url, app_url=owner_url)
    assert await described(owner_url) == []


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_files_are_dated_and_run_one_statement_at_a_time(path: Path) -> None:
    text = path.read_text()
    runs = [
        ast.unparse(call.args[0])
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "op.execute"
    ]

    assert re.fullmatch(r"20\d{6}_[a-z_]+", path.stem)
    assert "def downgrade" in text
    assert [run for run in runs if ";" in run] == []


def test_there_is_one_head() -> None:
    script = ScriptDirectory.from_config(alembic_config("postgresql://nowhere/none"))

    assert len(script.get_heads()) == 1
