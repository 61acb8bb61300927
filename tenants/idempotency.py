"""Do a thing once per key, however often it is asked for.

The key and its answer are stored in the transaction of the change. Same key and same request:
the first answer again. Same key and another request: refused. A refused change stores nothing,
so the key can be used again once the reason is mended.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import fields, is_dataclass
from typing import Any

from tenants.database import Writer
from tenants.pool import Row

MAX_KEY = 255

_CLAIM = """
INSERT INTO idempotency_records (workspace_id, key, action, request_hash, created_at)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace_id, key) DO NOTHING
"""
_FIRST = """
SELECT action, request_hash, answer FROM idempotency_records WHERE workspace_id = $1 AND key = $2
"""
_ANSWER = "UPDATE idempotency_records SET answer = $3 WHERE workspace_id = $1 AND key = $2"


class KeyReused(ValueError):
    """The key was used before, for something else."""

    code = "IDEMPOTENCY_KEY_REUSED"


class FirstAnswer(Row):
    action: str
    request_hash: bytes
    answer: Any


async def once(
    writer: Writer, key: str, *, request: Any, work: Callable[[], Awaitable[Any]]
) -> Any:
    """The JSON answer of `work`, run now or taken from the first time. `request` is JSON as well,
    or dataclasses, or what can be told from its kind by its text.

    A concurrent request with the same key waits here until the first has committed.
    """
    if not 1 <= len(key) <= MAX_KEY or "\x00" in key:
        raise KeyReused(f"An idempotency key has 1 to {MAX_KEY} characters; this has {len(key)}.")
    action, digest = writer.changes.action, _digest(request)
    claimed = await writer.execute(
        _CLAIM, writer.workspace_id, key, action, digest, writer.changes.at
    )
    if not claimed:
        first = await writer.fetchrow(_FIRST, writer.workspace_id, key, row=FirstAnswer)
        if first is None or first.action != action or first.request_hash != digest:
            raise KeyReused(
                "This idempotency key was used before with another input. Use a new key for a "
                "new change, or send the first input again to get its answer."
            )
        writer.changes.replayed = True
        return first.answer
    answer = await work()
    await writer.execute(_ANSWER, writer.workspace_id, key, answer)
    return answer


def _digest(request: Any) -> bytes:
    text = json.dumps(request, sort_keys=True, default=_plain, ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()


def _plain(value: Any) -> Any:
    """What JSON has no word for. An input is taken apart here and not by `asdict`, which copies
    every text of it by itself: a large one would hold the event loop."""
    if is_dataclass(value):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    return str(value)
