"""What a client asks to be run."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Operation:
    """`query` is the document's text; without it `persisted` says which one is meant."""

    query: str | None
    variables: dict[str, Any] | None = None
    name: str | None = None
    persisted: str | None = None
