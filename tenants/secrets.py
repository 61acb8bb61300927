"""Secrets that we hand out once and keep only as a hash: API keys, refresh and invitation tokens.

Each is `<prefix>_<workspace>_<id>_<secret>`, so that the row can be found within its workspace.
The secret has 256 random bits, which is why a plain SHA-256 is enough to keep it.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Secret:
    prefix: str
    workspace_id: UUID
    id: UUID
    value: str

    def text(self) -> str:
        return f"{self.prefix}_{self.workspace_id.hex}_{self.id.hex}_{self.value}"

    def hash(self) -> bytes:
        return hashlib.sha256(self.value.encode()).digest()

    def matches(self, stored: bytes | None) -> bool:
        return stored is not None and hmac.compare_digest(self.hash(), stored)


def new_secret(prefix: str, *, workspace_id: UUID, id: UUID) -> Secret:
    return Secret(prefix, workspace_id, id, secrets.token_hex(32))


def read_secret(text: str, *, prefix: str) -> Secret | None:
    """The parts of a secret, or None where the text is not one."""
    parts = text.split("_")
    if len(parts) != 4 or parts[0] != prefix or len(parts[3]) != 64:  # noqa: PLR2004
        return None
    try:
        return Secret(prefix, UUID(parts[1]), UUID(parts[2]), parts[3])
    except ValueError:
        return None
