"""How much of this process each workspace occupies for long: sockets, and what runs on them.

A workspace that wants more is refused, so that one alone never has all of what all share.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID


class Full(Exception):
    """The workspace has as much as it may have at a time."""

    code = "LIMIT_EXCEEDED"


class Occupancy:
    """At most `sockets` of a workspace, and `subscriptions`: what runs on its sockets, and its
    event streams."""

    def __init__(self, *, sockets: int, subscriptions: int) -> None:
        self._limits = {"sockets": sockets, "subscriptions": subscriptions}
        self._taken: Counter[tuple[str, UUID]] = Counter()

    @contextmanager
    def socket(self, workspace_id: UUID) -> Iterator[None]:
        """A place for one socket, or `Full`."""
        with self._place("sockets", workspace_id):
            yield

    @contextmanager
    def subscription(self, workspace_id: UUID) -> Iterator[None]:
        """A place for one subscription, or `Full`."""
        with self._place("subscriptions", workspace_id):
            yield

    @contextmanager
    def _place(self, what: str, workspace_id: UUID) -> Iterator[None]:
        key, limit = (what, workspace_id), self._limits[what]
        if self._taken[key] >= limit:
            raise Full(
                f"This workspace has {limit:,} {what} open on this server, and that is the limit. "
                "Close those that nobody looks at."
            )
        self._taken[key] += 1
        try:
            yield
        finally:
            self._taken[key] -= 1
            if not self._taken[key]:
                del self._taken[key]
