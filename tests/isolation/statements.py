"""Whether each statement names its workspace by itself, as Postgres plans it without row security.

Row security would hide that a statement lacks its filter. So every statement that ran is planned
again as a superuser, whom no policy narrows: each scan of a tenant table must be narrowed by
workspace_id, or, of `workspaces`, by its id.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest

from tenants import pool
from tests.isolation.harvest import tenant_tables

_QUESTION = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE)\b", re.IGNORECASE)
_PREPARED = re.compile(r"\s*PREPARE\s[^()]*\([^()]*\)\s+AS\b", re.IGNORECASE)
_CONDITIONS = ("Index Cond", "Recheck Cond", "Filter")
_BOUND = r"\b{column} = (\$\d|ANY|'|\(|[a-z_]+\.)"


class Statements:
    """The texts of all statements that ran."""

    def __init__(self) -> None:
        self.texts: dict[str, None] = {}
        self.scans = 0  # of tenant tables, that were judged when they were judged last

    def __call__(self, ran: Any) -> None:
        self.texts.setdefault(ran.query)


@contextmanager
def noting_statements() -> Iterator[Statements]:
    """Pools that are opened meanwhile note what they are asked."""
    noted = Statements()
    speak = pool._prepared

    async def prepare(connection: Any) -> None:
        connection.add_query_logger(noted)
        await speak(connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "_prepared", prepare)
        yield noted


async def unfiltered(owner: asyncpg.Connection, noted: Statements) -> list[str]:
    """The statements that scan a tenant table without naming a workspace, each as a sentence."""
    tables = set(await tenant_tables(owner)) | {"workspaces"}
    astray, noted.scans = [], 0
    await owner.execute("SET plan_cache_mode = force_generic_plan")
    for text in list(noted.texts):
        for statement in _questions(text):
            for node in await _scans(owner, statement, tables):
                noted.scans += 1
                if not _narrowed(node):
                    told = " ".join(statement.split())[:120]
                    table = node["Relation Name"]
                    astray.append(f"statement: {table} is read without its workspace: {told}")
    await owner.execute("RESET plan_cache_mode")
    return sorted(set(astray))


def _questions(text: str) -> list[str]:
    """The statements of a text that read or write, as those that are prepared will once run."""
    parts = [_PREPARED.sub("", part, count=1) for part in text.split(";")]
    return [part for part in parts if _QUESTION.match(part)]


async def _scans(
    owner: asyncpg.Connection, statement: str, tables: set[str]
) -> list[dict[str, Any]]:
    """The nodes of a statement's plan that read a tenant table."""
    if not any(re.search(rf"\b{table}\b", statement) for table in tables):
        return []
    parameters = max((int(number) for number in re.findall(r"\$(\d+)", statement)), default=0)
    # A generic plan looks at no value; planned with these, no comparison would be left of it.
    nothing = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
    await owner.execute(f"PREPARE judged AS {statement}")
    try:
        told = await owner.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE judged{nothing}")
    finally:
        await owner.execute("DEALLOCATE judged")
    (planned,) = json.loads(told)
    return [
        node
        for node in _nodes(planned["Plan"])
        if node.get("Relation Name") in tables and "Scan" in node["Node Type"]
    ]


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)


def _narrowed(node: dict[str, Any]) -> bool:
    told = " ".join(str(node[name]) for name in _CONDITIONS if name in node)
    column = "id" if node["Relation Name"] == "workspaces" else "workspace_id"
    return re.search(_BOUND.format(column=column), told) is not None
