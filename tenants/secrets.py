"""Secrets that we hand out once and keep only as a hash: API keys, refresh and invitation tokens.

Each is `<prefix>_<workspace>_<id>_<secret>`, so that the row can be found within its workspace.
The secret has 256 random bits, which is why a plain SHA-256 is enough to keep it.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from uuid import UUID

_HALF = 32
_SHAPE = re.compile(
    r"(?P<prefix>[a-z]{3})_(?P<workspace>[0-9a-f]{32})_(?P<id>[0-9a-f]{32})_(?P<value>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Secret:
    prefix: str
    workspace_id: UUID
    id: UUID
    value: str

    def text(self) -> str:
        return f"{self.prefix}_{self.workspace_id.hex}_{self.id.hex}_{self.value}"

    def hash(self) -> bytes:
        return _hash(self.value)

    def family_hash(self) -> bytes:
        """The hash of the half that a secret and its successors share."""
        return _hash(self.value[:_HALF])

    def successor(self) -> "Secret":
        """Another secret of the same family, with 128 new random bits."""
        value = self.value[:_HALF] + secrets.token_hex(16)
        return Secret(self.prefix, self.workspace_id, self.id, value)

    def matches(self, stored: bytes | None) -> bool:
        return stored is not None and hmac.compare_digest(self.hash(), stored)

    def of_family(self, stored: bytes | None) -> bool:
        return stored is not None and hmac.compare_digest(self.family_hash(), stored)


def new_secret(prefix: str, *, workspace_id: UUID, id: UUID) -> Secret:
    return Secret(prefix, workspace_id, id, secrets.token_hex(32))


def read_secret(text: str, *, prefix: str) -> Secret | None:
    """The parts of a secret, or None where the text is not one."""
    found = _SHAPE.fullmatch(text)
    if found is None or found["prefix"] != prefix:
        return None
    return Secret(prefix, UUID(found["workspace"]), UUID(found["id"]), found["value"])


def _hash(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()
