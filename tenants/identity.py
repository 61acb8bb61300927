"""Who is asking: the principal that a token or an API key stands for."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tenants.grants import Grant, Role


class PrincipalKind(StrEnum):
    """What a credential stands for: a person, a program, or the platform itself."""

    USER = "USER"
    API_KEY = "API_KEY"
    SYSTEM = "SYSTEM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """One caller in one workspace.

    `id` is the user's id, the API key's id, or nil for the platform itself; `expires_at` is when
    the credential stops being good (None: never). `role` is None for keys and the platform.
    """

    kind: PrincipalKind
    id: UUID
    workspace_id: UUID
    grants: frozenset[Grant]
    role: Role | None = None
    session_id: UUID | None = None
    expires_at: datetime | None = None


SYSTEM_ID = UUID(int=0)


def system_principal(workspace_id: UUID) -> Principal:
    """The platform at work in a workspace: imports, timers, the demo. Never made from a request."""
    return Principal(
        kind=PrincipalKind.SYSTEM,
        id=SYSTEM_ID,
        workspace_id=workspace_id,
        grants=frozenset(Grant),
    )


class AccessDenied(Exception):
    """The credential is good, the right is missing. `grant` names it."""

    code = "FORBIDDEN"

    def __init__(self, grant: Grant) -> None:
        super().__init__(
            f"This needs the right {grant.value}, which your role or key does not have. "
            "Ask an owner or admin of the workspace for it."
        )
        self.grant = grant


class NotAuthenticated(Exception):
    """No credential, or one that is no longer good."""

    code = "UNAUTHENTICATED"
