"""Events, and how they lie in Redis and in the outbox."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tenants.database import platform_door
from tenants.pool import Pool

WAKE_CHANNEL = "seller:outbox"

_PAGE = 500
_LAST = "SELECT workspace_id, last_sequence FROM event_counters WHERE workspace_id = ANY($1)"
_SINCE = """
SELECT id, sequence, kind, entity_id, live_room_id, payload, occurred_at FROM outbox_events
 WHERE workspace_id = $1 AND sequence > $2 AND sequence <= $3 ORDER BY sequence LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class Event:
    """`sequence` rises by one from event to event of a workspace."""

    id: UUID
    sequence: int
    kind: str
    entity_id: UUID
    live_room_id: UUID | None
    payload: dict[str, Any]
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that can no longer be replayed, both ends included."""

    first: int
    last: int


def end_of(item: Event | Gap) -> int:
    """The sequence that a reader has reached with this item."""
    return item.last if isinstance(item, Gap) else item.sequence


async def last_sequences(pool: Pool, workspace_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The newest sequence of each workspace; 0 where there was no event yet."""
    async with platform_door(pool, "relay") as connection:
        rows = await connection.fetch(_LAST, workspace_ids)
    return dict.fromkeys(workspace_ids, 0) | {r["workspace_id"]: r["last_sequence"] for r in rows}


async def replay(
    pool: Pool, workspace_id: UUID, *, after: int, until: int
) -> AsyncGenerator[Event | Gap, None]:
    """The events after one sequence and up to another, from the outbox, gaps told.

    Sequences are given in the transaction that stores them, so up to `until`, which somebody has
    seen, an absent one was trimmed. No connection is held between two pages.
    """
    while after < until:
        async with platform_door(pool, "relay") as connection:
            rows = await connection.fetch(_SINCE, workspace_id, after, until, _PAGE)
        for row in rows:
            if row["sequence"] != after + 1:
                yield Gap(after + 1, row["sequence"] - 1)
            after = row["sequence"]
            yield Event(**dict(row))
        if not rows:
            yield Gap(after + 1, until)
            return


def stream_key(workspace_id: Any) -> str:
    """The stream of a workspace; the braces keep its keys in one slot of a Redis Cluster."""
    return f"seller:{{{workspace_id}}}:events"


def encode_event(row: Any) -> bytes:
    """An event as it lies in the stream."""
    return orjson.dumps(
        {
            "id": row["id"],
            "sequence": row["sequence"],
            "kind": row["kind"],
            "entity_id": row["entity_id"],
            "live_room_id": row["live_room_id"],
            "payload": row["payload"],
            "occurred_at": row["occurred_at"],
        },
        default=str,  # asyncpg's UUIDs are a class of their own, which orjson does not know
    )


def entries(answer: Any) -> Iterator[tuple[UUID, int, Mapping[Any, Any]]]:
    """Workspace, sequence and fields of every entry that an XREAD answered."""
    for key, found in _by_stream(answer):
        workspace_id = UUID(_text(key).split("{")[1].split("}")[0])
        for entry_id, fields in found:
            yield workspace_id, int(_text(entry_id).split("-")[0]), fields


def decode_event(fields: Mapping[Any, Any]) -> Event:
    """Raises `KeyError`, `TypeError` or `ValueError` on what is no event of ours."""
    data = orjson.loads(fields[b"event"] if b"event" in fields else fields["event"])
    room = data["live_room_id"]
    return Event(
        id=UUID(data["id"]),
        sequence=data["sequence"],
        kind=data["kind"],
        entity_id=UUID(data["entity_id"]),
        live_room_id=UUID(room) if room else None,
        payload=data["payload"],
        occurred_at=datetime.fromisoformat(data["occurred_at"]),
    )


def impatient(redis: "Redis") -> "Redis":
    """A client of the same server that fails at once, for those who have another way.

    redis-py retries ten times, for seconds, in which neither the relay nor a feed would turn to
    what it can do without Redis. Whoever asks for it closes it.
    """
    pool = redis.connection_pool
    kwargs = {**pool.connection_kwargs, "retry": Retry(NoBackoff(), 0)}
    own: Any = ConnectionPool(connection_class=pool.connection_class, **kwargs)
    return Redis.from_pool(own)


def _by_stream(answer: Any) -> Any:
    """redis-py answers XREAD with a mapping (RESP3) or a list of pairs (RESP2)."""
    if not answer:
        return []
    if isinstance(answer, dict):
        return [(key, [e for part in parts for e in part]) for key, parts in answer.items()]
    return answer


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
