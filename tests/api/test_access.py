"""Which pages of browsers may use us."""

import pytest
from starlette.requests import HTTPConnection

from api.access import origin_allowed


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("https://api.example", True),
        ("https://dashboard.example", True),
        ("https://evil.example", False),
        ("https://api.example.evil.example", False),
        ("null", False),
        ("", False),
        ("https://[", False),
        ("https://[::::" + ":" * 50_000, False),
        ("https://[api.example]", False),
        ("https://\u2100.example", False),  # NFKC makes a/c of it
    ],
)
def test_pages_of_our_own_and_of_named_origins_may(origin: str | None, allowed: bool) -> None:  # noqa: FBT001
    headers = [(b"host", b"api.example")]
    if origin is not None:
        headers.append((b"origin", origin.encode("utf-8")))
    connection = HTTPConnection({"type": "http", "headers": headers})

    assert origin_allowed(connection, frozenset({"https://dashboard.example"})) is allowed
