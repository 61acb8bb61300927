"""Settings: every one described and listed, a wrong one named."""

import re
from pathlib import Path

import pytest

from api.settings import CHECKOUT, Settings, SettingsError, load_settings, variable_names

_ROW = re.compile(
    r"^\| `(?P<name>[A-Z_]+)` \| (?P<default>.*?) \| (?P<description>.*) \|$", re.MULTILINE
)


def shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, Path):
        return f"`{value.relative_to(CHECKOUT)}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def test_operations_lists_every_setting_as_it_is() -> None:
    page = (CHECKOUT / "docs" / "OPERATIONS.md").read_text(encoding="utf-8")
    listed = [match.group("name", "default", "description") for match in _ROW.finditer(page)]
    names = variable_names()
    wanted = [
        (names[field], shown(info.default), str(info.description))
        for field, info in Settings.model_fields.items()
    ]
    assert listed == wanted, "\n" + "\n".join(f"| `{n}` | {d} | {t} |" for n, d, t in wanted)


def test_every_setting_is_described() -> None:
    assert [name for name, info in Settings.model_fields.items() if not info.description] == []


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("SELLER_POOL_SIZE", "x", "valid integer"),
        ("SELLER_POOL_SIZE", "0", "greater than or equal to 1"),
        ("PORT", "70000", "less than or equal to 65535"),
        ("SELLER_LOG_LEVEL", "LOUD", "'DEBUG'"),
        ("SELLER_ALLOWED_ORIGINS", "https://shop.example", "JSON"),
    ],
)
def test_a_wrong_setting_is_named_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    try:
        with pytest.raises(SettingsError) as stopped:
            load_settings()
    finally:
        load_settings.cache_clear()
    assert name.removeprefix("SELLER_").lower() in str(stopped.value).lower()
    assert reason in str(stopped.value)


def test_a_dotenv_file_is_read_below_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / ".env"
    file.write_text("PORT=8123\nSELLER_POOL_SIZE=7\nDATABASE_URL=postgresql://o:p@db/x\n")
    monkeypatch.setenv("SELLER_POOL_SIZE", "9")
    monkeypatch.delenv("PORT", raising=False)
    settings = Settings(_env_file=file)
    assert (settings.port, settings.pool_size) == (8123, 9)
    assert "p@db" not in repr(settings), "passwords are not shown"
