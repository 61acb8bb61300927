"""Files that only their owner reads: keys, tokens, addresses with passwords."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Put `text` in place of what was there, whole or not at all."""
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.replace(path)
