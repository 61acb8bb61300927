"""The statement that opens every workspace transaction: set the workspace, check the credential.

It is sent as one simple query together with BEGIN, so its values are written into the text. Each
is parsed first (a UUID, a member of an enumeration, hexadecimal digits), never copied from input.
"""

from functools import lru_cache
from uuid import UUID

from tenants.grants import GRANTS_BY_ROLE
from tenants.identity import SYSTEM_ID, Principal, PrincipalKind


@lru_cache(maxsize=10_000)
def access_check(principal: Principal) -> str:
    """SQL whose last command answers `SELECT 1` when the credential is good at this moment."""
    workspace = _uuid(principal.workspace_id)
    opening = f"SET LOCAL app.workspace_id = {workspace}; "
    if principal.kind is PrincipalKind.SYSTEM:
        return opening + "SELECT 1"
    if principal.kind is PrincipalKind.API_KEY:
        return opening + _key_check(principal, workspace)
    if principal.role is None or principal.session_id is None:
        raise ValueError("A user's principal carries a role and a session.")
    return opening + (
        f"SELECT 1 FROM memberships m JOIN sessions s ON s.workspace_id = m.workspace_id "
        f"AND s.user_id = m.user_id WHERE m.workspace_id = {workspace} "
        f"AND m.user_id = {_uuid(principal.id)} AND m.role = '{principal.role.value}' "
        f"AND m.ended_at IS NULL AND s.id = {_uuid(principal.session_id)} "
        "AND s.revoked_at IS NULL"
    )


def _key_check(principal: Principal, workspace: str) -> str:
    """The key is good, and so is its maker: a member whose role still holds all the key does.

    A key made on the command line has the platform for its maker.
    """
    able = [role for role, grants in GRANTS_BY_ROLE.items() if principal.grants <= grants]
    roles = ", ".join(f"'{role.value}'" for role in able)
    return (
        f"SELECT 1 FROM api_keys k WHERE k.workspace_id = {workspace} "
        f"AND k.id = {_uuid(principal.id)} AND k.revoked_at IS NULL "
        f"AND (k.expires_at IS NULL OR k.expires_at > now()) "
        f"AND (k.created_by = {_uuid(SYSTEM_ID)} OR EXISTS (SELECT 1 FROM memberships m "
        f"WHERE m.workspace_id = {workspace} AND m.user_id = k.created_by "
        f"AND m.ended_at IS NULL AND m.role IN ({roles})))"
    )


def _uuid(value: UUID) -> str:
    return f"'{UUID(str(value))}'"
