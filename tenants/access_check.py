"""The statement that opens every workspace transaction: set the workspace, check the credential.

It is sent as one simple query together with BEGIN, so its values are written into the text. Each
is parsed first (a UUID, a member of an enumeration, hexadecimal digits), never copied from input.
"""

from uuid import UUID

from tenants.identity import Principal, PrincipalKind


def access_check(principal: Principal) -> str:
    """SQL whose last command answers `SELECT 1` when the credential is good at this moment."""
    workspace = _uuid(principal.workspace_id)
    opening = f"SET LOCAL app.workspace_id = {workspace}; "
    if principal.kind is PrincipalKind.SYSTEM:
        return opening + "SELECT 1"
    if principal.kind is PrincipalKind.API_KEY:
        return opening + (
            f"SELECT 1 FROM api_keys WHERE workspace_id = {workspace} "
            f"AND id = {_uuid(principal.id)} AND revoked_at IS NULL "
            "AND (expires_at IS NULL OR expires_at > now())"
        )
    if principal.role is None or principal.session_id is None:
        raise ValueError("A user's principal carries a role and a session.")
    return opening + (
        f"SELECT 1 FROM memberships m JOIN sessions s ON s.workspace_id = m.workspace_id "
        f"AND s.user_id = m.user_id WHERE m.workspace_id = {workspace} "
        f"AND m.user_id = {_uuid(principal.id)} AND m.role = '{principal.role.value}' "
        f"AND m.ended_at IS NULL AND s.id = {_uuid(principal.session_id)} "
        "AND s.revoked_at IS NULL"
    )


def _uuid(value: UUID) -> str:
    return f"'{UUID(str(value))}'"
