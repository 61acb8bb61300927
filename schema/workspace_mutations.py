"""Changes to who may enter a workspace: members, invitations, API keys."""

from datetime import datetime
from typing import Any

import strawberry

from commerce.refusals import InvalidValue, NotFound
from schema.context import Info
from schema.mutations import UserError, perform
from schema.nodes import global_id, local_id
from tenants import api_keys, invitations, workspaces
from tenants.database import Writer
from tenants.grants import Grant, Role


@strawberry.input(description="A key for an integrator; it never holds more than who makes it.")
class ApiKeyCreateInput:
    name: str
    scopes: list[str] = strawberry.field(description="Grants, such as `orders:read`.")
    expires_at: datetime | None = None


@strawberry.type(description="A new key, or why there is none.")
class ApiKeyCreatePayload:
    key: str | None = strawberry.field(
        default=None, description="The key itself: shown now and never again."
    )
    api_key_id: strawberry.ID | None = None
    user_errors: list[UserError]


@strawberry.input(description="The key to end.")
class ApiKeyRevokeInput:
    api_key_id: strawberry.ID


@strawberry.input(description="Who is invited, and as what.")
class MemberInviteInput:
    email: str
    role: Role


@strawberry.type(description="A new invitation, or why there is none.")
class MemberInvitePayload:
    token: str | None = strawberry.field(
        default=None, description="Goes to the invited person; shown now and never again."
    )
    expires_at: datetime | None = None
    invitation_id: strawberry.ID | None = None
    user_errors: list[UserError]


@strawberry.input(description="The invitation to end.")
class MemberInvitationRevokeInput:
    invitation_id: strawberry.ID


@strawberry.input(description="Whose role changes, and to which.")
class MemberChangeRoleInput:
    user_id: strawberry.ID
    role: Role


@strawberry.input(description="Whose membership ends.")
class MemberPartInput:
    user_id: strawberry.ID


@strawberry.type(description="Whether it was done, or why not.")
class DonePayload:
    done: bool = False
    user_errors: list[UserError]


async def api_key_create(info: Info, input: ApiKeyCreateInput) -> ApiKeyCreatePayload:
    async def work(writer: Writer) -> dict[str, Any]:
        scopes = _scopes(input.scopes, info.context.principal.grants)
        if input.expires_at is not None and (
            input.expires_at.tzinfo is None or input.expires_at <= writer.changes.at
        ):
            message = "An expiry lies in the future and has a time zone."
            raise InvalidValue(message, field=("expiresAt",))
        key_id, key = await api_keys.create_key(
            writer, name=input.name, scopes=scopes, expires_at=input.expires_at
        )
        return {"key": key, "api_key_id": global_id("ApiKey", key_id)}

    async def answer(made: dict[str, Any]) -> dict[str, Any]:
        return made

    return await perform(
        info,
        ApiKeyCreatePayload,
        grant=Grant.KEYS_MANAGE,
        action="apiKeyCreate",
        work=work,
        answer=answer,
    )


async def api_key_revoke(info: Info, input: ApiKeyRevokeInput) -> DonePayload:
    key_id = local_id("ApiKey", input.api_key_id, argument="apiKeyId")

    async def work(writer: Writer) -> bool:
        if not await api_keys.revoke_key(writer, key_id):
            raise NotFound("API key", field=("apiKeyId",))
        return True

    return await _done(info, Grant.KEYS_MANAGE, "apiKeyRevoke", work)


async def member_invite(info: Info, input: MemberInviteInput) -> MemberInvitePayload:
    lifetime = info.context.platform.invitation_lifetime

    async def answer(invited: invitations.Invited) -> dict[str, Any]:
        invitation_id = global_id("Invitation", invited.id)
        return {
            "token": invited.token,
            "expires_at": invited.expires_at,
            "invitation_id": invitation_id,
        }

    return await perform(
        info,
        MemberInvitePayload,
        grant=Grant.MEMBERS_MANAGE,
        action="memberInvite",
        work=lambda writer: invitations.invite(
            writer, email=input.email, role=input.role, lifetime=lifetime
        ),
        answer=answer,
    )


async def member_invitation_revoke(info: Info, input: MemberInvitationRevokeInput) -> DonePayload:
    invitation_id = local_id("Invitation", input.invitation_id, argument="invitationId")

    async def work(writer: Writer) -> bool:
        if not await invitations.revoke_invitation(writer, invitation_id):
            raise NotFound("invitation", field=("invitationId",))
        return True

    return await _done(info, Grant.MEMBERS_MANAGE, "memberInvitationRevoke", work)


async def member_change_role(info: Info, input: MemberChangeRoleInput) -> DonePayload:
    user_id = local_id("User", input.user_id, argument="userId")

    async def work(writer: Writer) -> bool:
        await workspaces.change_role(writer, user_id, input.role)
        return True

    return await _done(info, Grant.MEMBERS_MANAGE, "memberChangeRole", work)


async def member_part(info: Info, input: MemberPartInput) -> DonePayload:
    user_id = local_id("User", input.user_id, argument="userId")

    async def work(writer: Writer) -> bool:
        await workspaces.part(writer, user_id)
        return True

    return await _done(info, Grant.MEMBERS_MANAGE, "memberPart", work)


async def _done(info: Info, grant: Grant, action: str, work: Any) -> DonePayload:
    return await perform(
        info, DonePayload, grant=grant, action=action, work=work, answer=_answer_done
    )


async def _answer_done(done: bool) -> dict[str, Any]:  # noqa: FBT001 - what `work` returned
    return {"done": done}


def _scopes(names: list[str], held: frozenset[Grant]) -> list[Grant]:
    """The grants of those names; a key never holds more than the one who makes it."""
    known = {grant.value: grant for grant in held}
    if not names:
        raise InvalidValue("A key needs one scope or more.", field=("scopes",))
    for name in names:
        if name not in known:
            raise InvalidValue(
                f"{name!r} is no scope that you hold; yours are: {', '.join(sorted(known))}.",
                field=("scopes",),
            )
    return [known[name] for name in names]
