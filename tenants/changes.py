"""What a transaction changed: its audit entries and its events, written just before it commits.

Operations say what they did with `changes.audit(...)` and, where somebody may be waiting for it,
`changes.emit(...)`. A change without an audit entry is refused.
"""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tenants.identity import Principal
from tenants.ids import new_id

if TYPE_CHECKING:
    from tenants.database import Writer

_AUDIT = """
INSERT INTO audit_entries (workspace_id, id, occurred_at, actor_kind, actor_id, session_id,
                           request_id, action, entity_type, entity_id, before, after)
SELECT $1, e.id, $2, $3, $4, $5, $6, $7, e.entity_type, e.entity_id, e.before, e.after
  FROM jsonb_to_recordset($8) AS e(id uuid, entity_type text, entity_id uuid,
                                   before jsonb, after jsonb)
"""

_EMIT = """
INSERT INTO outbox_events (workspace_id, id, kind, entity_id, live_room_id, payload, occurred_at)
SELECT $1, e.id, e.kind, e.entity_id, e.live_room_id, e.payload, $2
  FROM ROWS FROM (jsonb_to_recordset($3) AS (id uuid, kind text, entity_id uuid,
                                             live_room_id uuid, payload jsonb))
       WITH ORDINALITY AS e(id, kind, entity_id, live_room_id, payload, place)
 ORDER BY e.place
"""


class UnauditedChange(RuntimeError):
    """A bug of ours: a mutation wrote without saying what it changed."""


class Changes:
    """Collects what one transaction has to say; `at` is the moment of the change."""

    def __init__(self, *, principal: Principal, action: str, request_id: str, at: datetime) -> None:
        self.at = at
        self.action = action
        self.emitted = 0
        self.replayed = False  # the change was made by an earlier request with the same key
        self.idle = False  # nothing was done after all, so there is nothing to tell
        self.routine = False  # told, but nothing that anybody would look for in the audit log
        self._principal = principal
        self._request_id = request_id
        self._audit: list[dict[str, Any]] = []
        self._events: list[dict[str, Any]] = []

    def audit(
        self,
        entity_type: str,
        entity_id: UUID | None,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        """Note one changed entity. Secrets and buyers' addresses never belong in here."""
        self._audit.append(
            {
                "id": str(new_id()),
                "entity_type": entity_type,
                "entity_id": str(entity_id) if entity_id else None,
                "before": _plain(before),
                "after": _plain(after),
            }
        )

    def emit(
        self,
        kind: str,
        entity_id: UUID,
        *,
        payload: dict[str, Any],
        live_room_id: UUID | None = None,
    ) -> None:
        """Note one event; it is told only if the transaction commits."""
        self.emitted += 1
        self._events.append(
            {
                "id": str(new_id()),
                "kind": kind,
                "entity_id": str(entity_id),
                "live_room_id": str(live_room_id) if live_room_id else None,
                "payload": _plain(payload),
            }
        )

    async def write(self, writer: "Writer") -> None:
        if self.replayed or self.idle:
            return
        if self._audit:
            await self._write_audit(writer)
        elif not self.routine:
            raise UnauditedChange(f"{self.action} changed something and audited nothing.")
        if self._events:
            await writer.execute(_EMIT, writer.workspace_id, self.at, self._events)

    async def _write_audit(self, writer: "Writer") -> None:
        principal = self._principal
        await writer.execute(
            _AUDIT,
            writer.workspace_id,
            self.at,
            principal.kind.value,
            principal.id,
            principal.session_id,
            self._request_id,
            self.action,
            self._audit,
        )


def _plain(value: dict[str, Any] | None) -> Any:
    """JSON as stored: times in ISO 8601, identifiers and enumerations as text."""
    return None if value is None else json.loads(json.dumps(value, default=str))
