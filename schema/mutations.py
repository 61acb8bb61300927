"""How every mutation runs: one right, one transaction, refusals as `userErrors`."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import strawberry

from commerce.catalogue.operations import ProductTransitionRefused
from commerce.orders.lifecycle import TransitionRefused as OrderTransitionRefused
from commerce.refusals import Refusal, Refusals
from commerce.refusals import VersionConflict as StaleVersion
from commerce.taken import already_taken
from schema.context import Info
from tenants.database import Writer
from tenants.grants import Grant
from tenants.idempotency import KeyReused, once
from tenants.workspaces import MembershipRefused

P = TypeVar("P")


@strawberry.interface(description="Something that the seller can act on.")
class UserError:
    code: str = strawberry.field(description="Stable; safe to compare with.")
    field: list[str] = strawberry.field(description="Where in `input` the reason lies.")
    message: str


@strawberry.type(description="A refusal that needs no more than its code, place and words.")
class Refused(UserError):
    pass


@strawberry.type(description="The state machine has no such move.")
class TransitionRefused(UserError):
    from_: str = strawberry.field(name="from")
    action: str
    allowed: list[str]


@strawberry.type(description="Somebody else changed the entity first.")
class VersionConflict(UserError):
    actual_version: int


async def perform(
    info: Info,
    payload: Callable[..., P],
    *,
    grant: Grant,
    action: str,
    work: Callable[[Writer], Awaitable[Any]],
    key: str | None = None,
    request: Any = None,
    answer: Callable[[Any], Awaitable[dict[str, Any]]],
) -> P:
    """Run `work` once and build the payload from what it returned.

    With an idempotency `key`, `request` (the input) decides whether a later call is the same one,
    and what `work` returns has to be JSON. `answer` reads the payload's fields after the commit.
    """

    async def run(writer: Writer) -> Any:
        if key is None:
            return await work(writer)
        return await once(writer, key, request=request, work=lambda: work(writer))

    try:
        result = await info.context.change(grant, action, run)
    except (Refusal, Refusals, KeyReused, MembershipRefused) as refused:
        return payload(user_errors=user_errors(refused))
    except asyncpg.UniqueViolationError as error:
        taken = already_taken(error.constraint_name)
        if taken is None:
            raise
        return payload(user_errors=user_errors(taken))
    return payload(user_errors=[], **await answer(result))


def user_errors(refused: Exception) -> list[UserError]:
    items = refused.items if isinstance(refused, Refusals) else [refused]
    return [_user_error(item) for item in items]


def entity(info: Info, name: str, *, relation: str | None = None) -> Any:
    """The payload field `name`, read anew by the id that an operation returned.

    The change is made by then: to a caller who may not read what they changed, it is null."""

    async def read(id: UUID | str) -> dict[str, Any]:
        row = await info.context.load_where_allowed(relation or name, UUID(str(id)))
        return {name: row}

    return read


def _user_error(item: Exception) -> UserError:
    match item:
        case OrderTransitionRefused() | ProductTransitionRefused():
            return TransitionRefused(
                code=item.code,
                field=_path(item),
                message=str(item),
                from_=item.status.value,
                action=item.action.value,
                allowed=[action.value for action in item.allowed],
            )
        case StaleVersion():
            return VersionConflict(
                code=item.code, field=_path(item), message=str(item), actual_version=item.actual
            )
    return Refused(code=getattr(item, "code", "REFUSED"), field=_path(item), message=str(item))


def _path(item: Exception) -> list[str]:
    if isinstance(item, Refusal):
        return [str(part) for part in item.field]
    named = getattr(item, "field", None)
    return [named] if named else []
