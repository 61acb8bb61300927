"""Scalars that are stricter than Strawberry's own: what they let through, Postgres takes."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NewType

import strawberry

Document = NewType("Document", str)
_MAX_DECIMAL = 40  # characters
_LONGEST_SHOWN = 60  # characters


def shown(value: Any) -> str:
    """A value as the message that refuses it has it: a long one would be sent back as a whole."""
    if isinstance(value, str):
        cut = value[:_LONGEST_SHOWN]
        return repr(value) if cut == value else f"{cut!r}..."
    return f"A {type(value).__name__}" if isinstance(value, (list, dict)) else repr(value)


def _read_moment(value: Any) -> datetime:
    if not isinstance(value, str):
        message = f"{shown(value)} is no DateTime: write text, such as 2026-05-01T08:00:00Z."
        raise ValueError(message)  # noqa: TRY004 - graphql-core tells a ValueError's words
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{shown(value)} is no DateTime, such as 2026-05-01T08:00:00Z.") from None
    if moment.tzinfo is None:
        raise ValueError(f"{shown(value)} has no time zone; end it with Z, or with +07:00.")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{shown(value)} is out of range in UTC.") from None


def _read_document(value: Any) -> Document:
    if not isinstance(value, str):
        message = f"{shown(value)} is no Document: write it as text."
        raise ValueError(message)  # noqa: TRY004 - likewise
    return Document(value)


def _read_decimal(value: Any) -> Decimal:
    text = str(value)
    if isinstance(value, bool) or len(text) > _MAX_DECIMAL:
        raise ValueError(f"{text[:_MAX_DECIMAL]!r} is no Decimal of up to {_MAX_DECIMAL} digits.")
    try:
        exact = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no Decimal, such as 12.50.") from None
    if not exact.is_finite():
        raise ValueError(f"{text!r} is no finite number.")
    return exact


DATE_TIME = strawberry.scalar(
    name="DateTime",
    description=(
        "A moment in ISO 8601, such as 2026-05-01T08:00:00Z. Answers are in UTC; a moment you "
        "send needs a time zone."
    ),
    serialize=datetime.isoformat,
    parse_value=_read_moment,
)
DOCUMENT = strawberry.scalar(
    name="Document",
    description="The text of a GraphQL document, such as `{ products { nodes { id } } }`.",
    parse_value=_read_document,
)
DECIMAL = strawberry.scalar(
    name="Decimal",
    description='An exact decimal number, as text so that no client rounds it, such as "12.50".',
    serialize=str,
    parse_value=_read_decimal,
)
