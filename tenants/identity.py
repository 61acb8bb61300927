"""Who is asking: the principal that a token or an API key stands for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
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


def told_of(principal: Principal) -> dict[str, Any]:
    """A principal as JSON, for work that is done later in its name."""
    return {
        "kind": principal.kind.value,
        "id": str(principal.id),
        "workspace_id": str(principal.workspace_id),
        "grants": sorted(grant.value for grant in principal.grants),
        "role": principal.role.value if principal.role else None,
        "session_id": str(principal.session_id) if principal.session_id else None,
    }


def principal_of(told: Mapping[str, Any]) -> Principal:
    """Who was told of. Whether the credential is still good is found out when it is used."""
    return Principal(
        kind=PrincipalKind(told["kind"]),
        id=UUID(told["id"]),
        workspace_id=UUID(told["workspace_id"]),
        grants=frozenset(Grant(one) for one in told["grants"]),
        role=Role(told["role"]) if told["role"] else None,
        session_id=UUID(told["session_id"]) if told["session_id"] else None,
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
