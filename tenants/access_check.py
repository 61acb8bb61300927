"""The statement that opens every workspace transaction: set the workspace, check the credential.

It is sent as one simple query together with BEGIN, so its values are written into the text. Each
is parsed first (a UUID, a member of an enumeration), never copied from input. What they are written
into is prepared once for each connection: planning it took longer than running it.
"""

from functools import lru_cache
from uuid import UUID

from tenants.grants import GRANTS_BY_ROLE
from tenants.identity import SYSTEM_ID, Principal, PrincipalKind

# The session is open, and the person is still a member in the role that the token tells.
_SESSION = """
PREPARE session_is_good (uuid, uuid, text, uuid) AS
SELECT 1 FROM memberships m
  JOIN sessions s ON s.workspace_id = m.workspace_id AND s.user_id = m.user_id
 WHERE m.workspace_id = $1 AND m.user_id = $2 AND m.role = $3 AND m.ended_at IS NULL
   AND s.id = $4 AND s.revoked_at IS NULL
"""
# The key is good, and so is its maker: a member whose role still holds all the key does. A key made
# on the command line has the platform for its maker.
_KEY = f"""
PREPARE key_is_good (uuid, uuid, text[]) AS
SELECT 1 FROM api_keys k
 WHERE k.workspace_id = $1 AND k.id = $2 AND k.revoked_at IS NULL
   AND (k.expires_at IS NULL OR k.expires_at > now())
   AND (k.created_by = '{SYSTEM_ID}'
        OR EXISTS (SELECT 1 FROM memberships m
                    WHERE m.workspace_id = $1 AND m.user_id = k.created_by
                      AND m.ended_at IS NULL AND m.role = ANY($3)))
"""
ACCESS_CHECKS = f"{_SESSION};{_KEY}"  # to be run once on each connection


@lru_cache(maxsize=10_000)
def access_check(principal: Principal) -> str:
    """SQL whose last command answers `SELECT 1` when the credential is good at this moment."""
    workspace = _uuid(principal.workspace_id)
    opening = f"SET LOCAL app.workspace_id = {workspace}; "
    if principal.kind is PrincipalKind.SYSTEM:
        return opening + "SELECT 1"
    if principal.kind is PrincipalKind.API_KEY:
        able = [role for role, grants in GRANTS_BY_ROLE.items() if principal.grants <= grants]
        roles = ",".join(able)
        return opening + f"EXECUTE key_is_good ({workspace}, {_uuid(principal.id)}, '{{{roles}}}')"
    if principal.role is None or principal.session_id is None:
        raise ValueError("A user's principal carries a role and a session.")
    return opening + (
        f"EXECUTE session_is_good ({workspace}, {_uuid(principal.id)}, "
        f"'{principal.role.value}', {_uuid(principal.session_id)})"
    )


def _uuid(value: UUID) -> str:
    return f"'{UUID(str(value))}'"
