"""The product as shipped, the product without compiled execution, and the limits."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from pydantic import SecretStr

from api.parts import open_parts
from api.settings import Settings
from benchmarks.operations.contender import Contender
from benchmarks.operations.filled_database import Servers
from benchmarks.operations.questions import DOCUMENTS, Asked
from tenants.database import platform_door
from tenants.grants import Role

PRODUCT, INTERPRETED = "seller", "seller-interpreted"
LIMITS = ("limit", "limit-asgi")
# Whoever measures asks more than any client may; points are still counted and charged.
_LIFTED = {
    "SELLER_BUDGET_POINTS": "1000000000",
    "SELLER_BUDGET_RESTORE": "1000000000",
    "SELLER_WORKSPACE_BUDGET_POINTS": "1000000000",
    "SELLER_WORKSPACE_BUDGET_RESTORE": "1000000000",
}
_OWNERS = "SELECT workspace_id, user_id FROM memberships WHERE workspace_id = ANY($1)"


async def sign_in(at: Servers, workspaces: list[UUID], state: Path) -> dict[UUID, str]:
    """An access token of the owner of each workspace, good for a day."""
    settings = Settings(
        app_database_url=SecretStr(at.app_url), redis_url=SecretStr(at.valkey.url), state=state
    )
    tokens = {}
    now = datetime.now(UTC)
    async with open_parts(settings) as parts:
        async with platform_door(parts.pool, "identity") as connection:
            owners = await connection.fetch(_OWNERS, workspaces)
        for workspace_id, user_id in owners:
            signed_in = await parts.sessions.open(
                user_id=user_id,
                workspace_id=workspace_id,
                role=Role.OWNER,
                at=now,
                lifetime=timedelta(days=1),
            )
            tokens[workspace_id] = signed_in.access_token
    return tokens


def product(at: Servers, state: Path, tokens: Mapping[UUID, str], *, compiled: bool) -> Contender:
    """`seller serve` with its defaults, but for budgets; it logs to a file."""
    return Contender(
        name=PRODUCT if compiled else INTERPRETED,
        title="Seller Center" if compiled else "Seller Center, compiled execution off",
        command=(sys.executable, "-m", "api.command_line", "serve"),
        environment={
            "APP_DATABASE_URL": at.app_url,
            "REDIS_URL": at.valkey.url,
            "SELLER_STATE": str(state),
            "SELLER_COMPILED_EXECUTION": str(compiled).lower(),
            **_LIFTED,
        },
        documents=DOCUMENTS,
        headers=lambda asked: {"authorization": f"Bearer {tokens[asked.workspace_id]}"},
    )


def limit(at: Servers, *, bare: bool) -> Contender:
    return Contender(
        name=LIMITS[bare],
        title="The limit, bare ASGI" if bare else "The limit, Starlette",
        command=(
            sys.executable, "-m", "benchmarks.operations.limit",
            "on_asgi" if bare else "on_starlette",
        ),
        environment={"APP_DATABASE_URL": at.app_url},
        documents=None,
        headers=of_workspace,
    )  # fmt: skip


def of_workspace(asked: Asked) -> Mapping[str, str]:
    """Contenders that believe whoever asks."""
    return {"x-workspace-id": str(asked.workspace_id)}
