"""The rules that hold the code together, checked on the code and on a migrated database."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import ForeignKeyConstraint, Table, UniqueConstraint

from migrations.tables import metadata
from migrations.walls import APP_ROLE

CHECKOUT = Path(__file__).resolve().parent.parent
SOURCES = ("api", "schema", "commerce", "tenants")
TENANT_TABLES = sorted(t.name for t in metadata.tables.values() if "workspace_id" in t.c)
PLATFORM_TABLES = {
    "categories": "a global look-up table, read-only for the app",
    "users": "people, shown to a workspace through its memberships",
    "staff_members": "the platform's own people",
    "workspaces": "its own tenant: its id is the workspace's",
}

# Indexes that begin with something else, and why no tenant's question goes through them.
OTHER_INDEXES = {
    "ix_memberships_user_id": "sign-in finds a person's workspaces, through the identity door",
    "ix_outbox_events_unsequenced": "the relay takes the events of all workspaces in turn",
    "ix_outbox_events_unsent": "likewise",
    "ix_outbox_events_sent_at": "the relay trims what is old",
    "ix_idempotency_records_created_at": "what is old is trimmed",
}
# Foreign keys that leave the workspace, and why.
OTHER_FOREIGN_KEYS = {
    ("memberships", "users"): "a person may be a member of several workspaces",
    ("sessions", "users"): "likewise",
    ("products", "categories"): "a global look-up table",
}
# Statements on tenant tables that name no workspace, by file and the start of their text, and why.
OTHER_STATEMENTS = {
    ("commerce/orders/files/gathering.py", ""): "SQLite, in a file of its own",
    ("tenants/relay.py", ""): "the relay serves all workspaces, through its own door",
    ("tenants/access_check.py", ""): "the workspace is written into the text, parsed as a UUID",
    ("tenants/sessions.py", "SELECT m.workspace_id, m.role"): "sign-in asks where a person may go",
    ("api/metrics.py", "SELECT count(*) AS events"): "the relay's lag, through its door",
    ("api/command_line/checks/postgres.py", "SELECT count(*) AS events"): "likewise",
}
LONGEST_FILE = 350
LONGEST_FUNCTION = 50
LONG_FUNCTIONS = {  # commands, whose options are their length, and one composed statement
    ("api/command_line/workspaces.py", "create"): 70,
    ("api/command_line/files.py", "orders"): 65,
    ("commerce/orders/figures.py", "_statement"): 55,
}
VAGUE = {"service", "services", "manager", "helper", "helpers", "util", "utils", "base", "common"}


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((CHECKOUT / folder).rglob("*.py"))]
    assert found
    return found


def name_of(path: Path) -> str:
    return path.relative_to(CHECKOUT).as_posix()


def test_the_import_contracts_are_kept() -> None:
    program = Path(sys.executable).parent / "lint-imports"

    done = subprocess.run(
        [program, "--no-cache"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Contracts: [4-9] kept, 0 broken", done.stdout), done.stdout


def test_every_pure_file_is_in_the_contract() -> None:
    """A file of commerce that reaches no database is a business rule, and the contract's list is
    the index of those."""
    contract = (CHECKOUT / "pyproject.toml").read_text()
    impure = re.compile(r"^\s*(from|import) (tenants|asyncpg|sqlalchemy|sqlmodel)\b", re.MULTILINE)
    pure = [
        path
        for path in sources("commerce")
        if path.stem not in {"__init__", "tables", "queries", "operations"}
        and "files" not in path.parts
        and not impure.search(path.read_text())
    ]
    names = [name_of(path).removesuffix(".py").replace("/", ".") for path in pure]

    assert len(names) > 5
    assert [name for name in names if f'"{name}"' not in contract] == []


# The tables as declared


def test_the_tables_without_a_workspace_are_these() -> None:
    assert set(metadata.tables) - set(TENANT_TABLES) == set(PLATFORM_TABLES)
    assert len(TENANT_TABLES) > 15


@pytest.mark.parametrize("name", TENANT_TABLES)
def test_keys_and_indexes_of_a_tenant_table_begin_with_its_workspace(name: str) -> None:
    table = metadata.tables[name]
    unique = [c for c in table.constraints if isinstance(c, UniqueConstraint)]

    assert not table.c.workspace_id.nullable
    assert _first(table.primary_key) == "workspace_id"
    assert [c.name for c in unique if _first(c) != "workspace_id"] == []
    astray = {str(i.name) for i in table.indexes if _first(i) != "workspace_id"}
    assert astray - set(OTHER_INDEXES) == set()


def test_no_exception_is_kept_that_nobody_needs() -> None:
    indexes = {i.name for t in metadata.tables.values() for i in t.indexes}
    pairs = {
        (t.name, k.referred_table.name)
        for t in metadata.tables.values()
        for k in t.foreign_key_constraints
    }

    assert set(OTHER_INDEXES) - indexes == set()
    assert set(OTHER_FOREIGN_KEYS) - pairs == set()


@pytest.mark.parametrize("name", TENANT_TABLES)
def test_foreign_keys_of_a_tenant_table_stay_in_its_workspace(name: str) -> None:
    astray = {
        (name, key.referred_table.name)
        for key in metadata.tables[name].foreign_key_constraints
        if not _stays(key)
    }

    assert astray - set(OTHER_FOREIGN_KEYS) == set()


def _stays(key: ForeignKeyConstraint) -> bool:
    local = [column.name for column in key.columns]
    remote = [element.column.name for element in key.elements]
    if key.referred_table.name == "workspaces":
        return local == ["workspace_id"] and remote == ["id"]
    return local[0] == remote[0] == "workspace_id"


def _first(thing: object) -> str:
    columns = thing.columns  # type: ignore[attr-defined]
    return str(next(iter(columns)).name)


# The tables as migrated


async def test_row_security_is_on_and_forced_on_every_table_with_a_workspace(
    owner: asyncpg.Connection,
) -> None:
    rows = await owner.fetch(
        "SELECT relname, relrowsecurity AND relforcerowsecurity AS walled FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    )
    walled = {row["relname"] for row in rows if row["walled"]}
    open_to_all = {row["relname"] for row in rows} - walled

    assert open_to_all == {"categories", "alembic_version"}
    assert set(TENANT_TABLES) <= walled


async def test_every_tenant_table_has_the_policy_of_its_workspace(
    owner: asyncpg.Connection,
) -> None:
    rows = await owner.fetch(
        "SELECT tablename, cmd, permissive, qual, with_check FROM pg_policies "
        "WHERE policyname = 'workspace'"
    )
    by_table = {row["tablename"]: row for row in rows}
    rule = (
        "(workspace_id = (NULLIF(current_setting('app.workspace_id'::text, true), ''::text))::uuid)"
    )

    assert set(by_table) == {*TENANT_TABLES, "workspaces"}
    for name in TENANT_TABLES:
        row = by_table[name]
        assert (row["cmd"], row["qual"], row["with_check"]) == ("ALL", rule, rule), name


async def test_other_policies_open_only_the_doors_that_are_known(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch(
        "SELECT tablename || ':' || policyname AS name FROM pg_policies "
        "WHERE schemaname = 'public' AND policyname <> 'workspace' ORDER BY 1"
    )

    assert [row["name"] for row in rows] == [
        "event_counters:relay_all",
        "memberships:identity_select",
        "outbox_events:relay_all",
        "staff_members:identity_all",
        "users:identity_all",
        "users:members",
        "workspaces:identity_select",
        "workspaces:staff_select",
    ]


async def test_the_role_of_the_application_owns_nothing_and_bypasses_nothing(
    owner: asyncpg.Connection,
) -> None:
    roles = await owner.fetch(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles "
        "WHERE rolname = ANY($1)",
        [APP_ROLE, "seller_test_login"],
    )
    owned = await owner.fetchval(
        "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner "
        "WHERE r.rolname = ANY($1)",
        [APP_ROLE, "seller_test_login"],
    )

    assert len(roles) >= 1
    for role in roles:
        assert not any(role[name] for name in dict(role) if name != "rolname"), role["rolname"]
    assert owned == 0


async def test_the_role_holds_the_rights_it_needs_and_no_more(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch(
        "SELECT table_name, array_agg(privilege_type::text ORDER BY privilege_type) AS rights "
        "FROM information_schema.role_table_grants "
        "WHERE grantee = $1 AND table_schema = 'public' GROUP BY 1",
        APP_ROLE,
    )
    rights = {row["table_name"]: row["rights"] for row in rows}
    special = {
        "audit_entries": ["INSERT", "SELECT"],
        "categories": ["SELECT"],
        "staff_members": ["SELECT"],
        "users": ["INSERT", "SELECT", "UPDATE"],
        "workspaces": ["INSERT", "SELECT", "UPDATE"],
    }
    usual = ["DELETE", "INSERT", "SELECT", "UPDATE"]

    assert rights == {**dict.fromkeys(TENANT_TABLES, usual), **special}


async def test_no_view_and_no_function_leads_around_the_walls(owner: asyncpg.Connection) -> None:
    views = await owner.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind IN ('v', 'm', 'f')"
    )
    functions = await owner.fetch(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    triggers = await owner.fetch("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")

    assert (views, functions) == ([], [])
    assert [row["tgname"] for row in triggers] == ["tg_pgqueuer_changed"], "wakes workers"


async def test_the_queue_is_open_to_workers_and_of_each_workspace_to_itself(
    owner: asyncpg.Connection,
) -> None:
    rows = await owner.fetch(
        "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS walled, "
        "array_agg(p.policyname || ' ' || p.cmd ORDER BY p.policyname) AS policies "
        "FROM pg_class c LEFT JOIN pg_policies p ON p.tablename = c.relname "
        "WHERE c.relnamespace = 'queue'::regnamespace AND c.relkind = 'r' GROUP BY 1, 2"
    )
    own = ["worker_all ALL", "workspace_insert INSERT"]

    assert all(row["walled"] for row in rows)
    assert {row["relname"]: row["policies"] for row in rows} == {
        "pgqueuer": [*own, "workspace_select SELECT"],
        "pgqueuer_log": own,
        "pgqueuer_schedules": own[:1],
        "pgqueuer_statistics": own[:1],
    }


# The statements


def statements(path: Path) -> Iterator[str]:
    """The SQL of a file: its strings that begin like a statement, an f-string as a whole."""
    tree = list(ast.walk(ast.parse(path.read_text())))
    parts = {id(part) for node in tree if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in tree:
        if isinstance(node, ast.JoinedStr):
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        elif id(node) not in parts and isinstance(node, ast.Constant):
            text = str(node.value)
        else:
            continue
        if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|MERGE|COPY)\b", text):
            yield " ".join(text.split())


TABLES = re.compile(rf"\b(?:FROM|JOIN|INTO|UPDATE|USING)\s+({'|'.join(TENANT_TABLES)})\b")


def test_every_statement_on_a_tenant_table_names_its_workspace() -> None:
    found = [
        (name_of(path), statement)
        for path in sources(*SOURCES)
        for statement in statements(path)
        if TABLES.search(statement)
    ]
    astray = [
        f"{name}: {statement[:100]}"
        for name, statement in found
        if not _names_workspace(statement)
        and not any(name == file and statement.startswith(s) for file, s in OTHER_STATEMENTS)
    ]

    assert len(found) > 40
    assert astray == []


def _names_workspace(statement: str) -> bool:
    """It says `workspace_id =` something, or stores one; SELECT lists do not count."""
    if statement.startswith("INSERT"):
        return "workspace_id" in statement
    return (
        re.search(r"workspace_id = (\$\d|\{\}|ANY\(|[a-z]+\.workspace_id)", statement) is not None
    )


def test_the_schema_holds_no_statement() -> None:
    assert [name_of(p) for p in sources("schema") if any(True for _ in statements(p))] == []


def test_the_check_of_statements_notices_a_missing_workspace(tmp_path: Path) -> None:
    file = tmp_path / "leaky.py"
    file.write_text('Q = "SELECT workspace_id FROM orders WHERE id = $1"\nR = f"DELETE FROM {x}"\n')
    first, *_ = statements(file)

    assert TABLES.search(first) is not None
    assert not _names_workspace(first)
    assert "DELETE FROM {}" in list(statements(file))


def test_transactions_are_ended_in_one_place() -> None:
    """Nobody but the door to Postgres commits, rolls back or opens a platform door by hand."""
    ends = re.compile(r"\.(commit|rollback)\(|[\"']\s*(COMMIT|ROLLBACK)\b", re.IGNORECASE)
    allowed = {"tenants/connections.py", "tenants/database.py", "tenants/relay.py"}
    found = {name_of(p) for p in sources(*SOURCES) if ends.search(p.read_text())}

    assert found == allowed


def test_a_platform_door_inside_a_workspace_is_for_invitations_only() -> None:
    found = {name_of(p) for p in sources(*SOURCES) if ".through(" in p.read_text()}

    assert found == {"tenants/invitations.py"}


# Shape and names


@pytest.mark.parametrize("path", sources(*SOURCES), ids=name_of)
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text()
    lines = len(text.splitlines())
    long = [
        f"{node.name}: {length}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1)
        > LONG_FUNCTIONS.get((name_of(path), node.name), LONGEST_FUNCTION)
    ]

    assert lines <= LONGEST_FILE
    assert long == []


def test_modules_are_named_for_what_they_are_about() -> None:
    words = {name_of(p): set(p.with_suffix("").name.split("_")) for p in sources(*SOURCES)}

    assert [name for name, parts in words.items() if parts & VAGUE] == []


def test_every_table_is_declared_on_the_one_metadata() -> None:
    assert all(isinstance(table, Table) for table in metadata.tables.values())
