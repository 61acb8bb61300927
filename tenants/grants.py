"""Who may do what: one matrix, read by the token issuer, the API keys and every resolver.

Rows are grants, columns are the roles of requirement W4. An API key's scopes are grants too, and
a key never holds more than the role that made it. Platform staff hold no workspace role at all.
"""

from enum import StrEnum


class Role(StrEnum):
    """What somebody is in a workspace; docs/API.md says which rights go with it."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    CATALOG = "CATALOG"
    ORDERS = "ORDERS"
    MARKETING = "MARKETING"
    FINANCE = "FINANCE"
    COMPLIANCE = "COMPLIANCE"
    LIVE_HOST = "LIVE_HOST"
    VIEWER = "VIEWER"


class Grant(StrEnum):
    WORKSPACE_READ = "workspace:read"
    WORKSPACE_MANAGE = "workspace:manage"
    MEMBERS_READ = "members:read"
    MEMBERS_MANAGE = "members:manage"
    KEYS_MANAGE = "keys:manage"
    AUDIT_READ = "audit:read"
    CATALOGUE_READ = "catalogue:read"
    CATALOGUE_MANAGE = "catalogue:manage"
    ORDERS_READ = "orders:read"
    ORDERS_MANAGE = "orders:manage"
    BUYERS_READ = "buyers:read"
    LIVE_READ = "live:read"
    LIVE_MANAGE = "live:manage"
    JOBS_READ = "jobs:read"
    JOBS_MANAGE = "jobs:manage"


_MATRIX = """
                   OWNER ADMIN CATALOG ORDERS MARKETING FINANCE COMPLIANCE LIVE_HOST VIEWER
workspace:read     x     x     x       x      x         x       x          x         x
workspace:manage   x     x     .       .      .         .       .          .         .
members:read       x     x     .       .      .         .       .          .         .
members:manage     x     x     .       .      .         .       .          .         .
keys:manage        x     x     .       .      .         .       .          .         .
audit:read         x     x     .       .      .         .       .          .         .
catalogue:read     x     x     x       x      x         x       x          x         x
catalogue:manage   x     x     x       .      .         .       .          .         .
orders:read        x     x     .       x      x         x       .          x         x
orders:manage      x     x     .       x      .         .       .          .         .
buyers:read        x     x     .       x      .         .       .          .         .
live:read          x     x     x       x      x         x       x          x         x
live:manage        x     x     .       .      x         .       .          x         .
jobs:read          x     x     x       x      x         x       x          x         x
jobs:manage        x     x     x       x      x         x       x          .         .
"""


def _parse(matrix: str) -> dict[Role, frozenset[Grant]]:
    header, *rows = (line.split() for line in matrix.strip().splitlines())
    granted: dict[Role, set[Grant]] = {Role(name): set() for name in header}
    for grant, *marks in rows:
        for role, mark in zip(header, marks, strict=True):
            if mark == "x":
                granted[Role(role)].add(Grant(grant))
    return {role: frozenset(grants) for role, grants in granted.items()}


GRANTS_BY_ROLE: dict[Role, frozenset[Grant]] = _parse(_MATRIX)

# A role may be handed out only by somebody who holds it or stands above it.
ROLES_GIVEN_BY: dict[Role, frozenset[Role]] = {
    Role.OWNER: frozenset(Role),
    Role.ADMIN: frozenset(Role) - {Role.OWNER},
}
