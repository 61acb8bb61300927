"""What a process opens, and what it leaves alone."""

from pathlib import Path

from api.parts import open_parts
from api.settings import Settings


async def test_signing_keys_are_read_only_by_who_needs_them(
    settings: Settings, tmp_path: Path
) -> None:
    keys = tmp_path / "signing-keys.json"
    async with open_parts(settings.model_copy(update={"state": tmp_path})) as parts:
        parts.wake_relay()
        assert not keys.exists()
        assert parts.tokens is parts.tokens
    assert keys.exists()
    assert keys.stat().st_mode & 0o077 == 0
