"""The walls between workspaces, as statements a migration runs for each table it makes.

`APP_ROLE` owns nothing and holds just these grants; the login of APP_DATABASE_URL is a member.
"""

from alembic import op

APP_ROLE = "seller_app"

_WORKSPACE = "nullif(current_setting('app.workspace_id', true), '')::uuid"
_DOOR = "current_setting('app.door', true)"


def enclose(table: str, *, rights: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Make a tenant table visible only to the workspace its transaction is bound to."""
    _force(table)
    op.execute(
        f"CREATE POLICY workspace ON {table} "
        f"USING (workspace_id = {_WORKSPACE}) WITH CHECK (workspace_id = {_WORKSPACE})"
    )
    op.execute(f"GRANT {rights} ON {table} TO {APP_ROLE}")


def enclose_workspaces() -> None:
    """`workspaces` is its own tenant: its id is the workspace's."""
    _force("workspaces")
    op.execute(
        f"CREATE POLICY workspace ON workspaces USING (id = {_WORKSPACE}) "
        f"WITH CHECK (id = {_WORKSPACE})"
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON workspaces TO {APP_ROLE}")


def enclose_people() -> None:
    """`users` shows a workspace its own members; sign-in sees all through the identity door."""
    _force("users")
    op.execute(
        "CREATE POLICY members ON users FOR SELECT USING (id IN (SELECT m.user_id "
        f"FROM memberships m WHERE m.workspace_id = {_WORKSPACE}))"
    )
    admit("users", door="identity", command="ALL")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON users TO {APP_ROLE}")
    _force("staff_members")
    admit("staff_members", door="identity", command="SELECT")
    op.execute(f"GRANT SELECT ON staff_members TO {APP_ROLE}")


def admit(table: str, *, door: str, command: str) -> None:
    """Let one of the platform's own doors (`tenants.database.platform_door`) through."""
    check = f" WITH CHECK ({_DOOR} = '{door}')" if command in {"ALL", "UPDATE"} else ""
    op.execute(
        f"CREATE POLICY {door}_{command.lower()} ON {table} FOR {command} "
        f"USING ({_DOOR} = '{door}'){check}"
    )


def publish(table: str) -> None:
    """A global look-up table: the app reads it and cannot change it."""
    op.execute(f"GRANT SELECT ON {table} TO {APP_ROLE}")


def _force(table: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
