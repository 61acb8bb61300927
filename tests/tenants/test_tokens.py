"""Access tokens: only what we signed, for us, unexpired, with a key we still hold."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from tenants.grants import GRANTS_BY_ROLE, Role
from tenants.identity import NotAuthenticated
from tenants.tokens import AccessTokens, SigningKeys, TokenRules

RULES = TokenRules(issuer="us", audience="our-api", lifetime=timedelta(minutes=15))


@pytest.fixture
def tokens(tmp_path: Path) -> AccessTokens:
    return AccessTokens(SigningKeys.open(tmp_path / "keys.json"), RULES)


def claims(**given: Any) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp())
    made = {
        "iss": "us", "aud": "our-api", "sub": str(uuid4()), "sid": str(uuid4()), "iat": now,
        "workspace": str(uuid4()), "role": "OWNER", "exp": now + 60, **given,
    }  # fmt: skip
    return {name: value for name, value in made.items() if value is not None}


def refused(tokens: AccessTokens, token: str) -> str:
    with pytest.raises(NotAuthenticated) as error:
        tokens.read(token)
    return str(error.value)


def part(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def test_a_token_says_who_where_and_what(tokens: AccessTokens) -> None:
    given = claims(role="ORDERS")

    principal = tokens.read(tokens.keys.sign(given))

    assert str(principal.id) == given["sub"]
    assert str(principal.workspace_id) == given["workspace"]
    assert principal.role is Role.ORDERS
    assert principal.grants == GRANTS_BY_ROLE[Role.ORDERS]


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "sub", "sid", "workspace", "role"])
def test_a_token_without_a_claim_is_no_token(tokens: AccessTokens, name: str) -> None:
    refused(tokens, tokens.keys.sign(claims(**{name: None})))


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "them"}, {"aud": "their-api"}, {"aud": []}, {"exp": 1}, {"exp": -1},
        {"exp": 10**300}, {"exp": 1e300}, {"exp": float("nan")}, {"exp": "tomorrow"},
        {"exp": 10**15}, {"role": "SUPERUSER"}, {"role": ["OWNER"]}, {"sub": "me"},
        {"sub": {"a": 1}}, {"workspace": "' OR 1=1"}, {"sid": 7},
    ],
    ids=str,
)  # fmt: skip
def test_a_claim_that_is_wrong_is_refused(tokens: AccessTokens, wrong: dict[str, Any]) -> None:
    refused(tokens, tokens.keys.sign(claims(**wrong)))


def test_no_other_algorithm_is_taken(tokens: AccessTokens) -> None:
    key = tokens.keys._set.keys[0]
    public = json.dumps(key.as_dict(private=False)).encode()
    unsigned = f"{part({'alg': 'none', 'kid': key.kid})}.{part(claims())}."
    confused = jwt.encode(
        {"alg": "HS256", "kid": key.kid}, claims(), OctKey.import_key(public), ["HS256"]
    )
    rebadged = (
        f"{part({'alg': 'HS256', 'kid': key.kid})}.{tokens.keys.sign(claims()).split('.', 1)[1]}"
    )

    for token in (unsigned, confused, rebadged):
        refused(tokens, token)


def test_another_key_is_refused_under_any_name(tokens: AccessTokens) -> None:
    ours = tokens.keys._set.keys[0]
    theirs = ECKey.generate_key("P-256")
    for kid in (ours.kid, "unknown", None):
        header = {"alg": "ES256", **({"kid": kid} if kid else {})}
        refused(tokens, jwt.encode(header, claims(), theirs, ["ES256"]))


@pytest.mark.parametrize(
    "token",
    [
        "", ".", "..", "a.b.c", "é.é.é", "\x00", "." * 4000, "A" * 4096,
        f"{part(b'[' * 3000)}.e30.e30", f"{part([])}.e30.e30", f"{part({'alg': []})}.e30.e30",
        f"{part({'alg': 'ES256', 'kid': {}})}.e30.e30",
        f"{part({'alg': 'ES256', 'crit': ['x']})}.e30.e",
    ],
    ids=lambda token: token[:20],
)  # fmt: skip
def test_what_is_no_token_is_refused_and_never_a_fault(tokens: AccessTokens, token: str) -> None:
    assert refused(tokens, token).startswith("The access token is not good")


def test_a_changed_payload_is_refused(tokens: AccessTokens) -> None:
    header, _, signature = tokens.keys.sign(claims(role="VIEWER")).split(".")

    refused(tokens, f"{header}.{part(claims(role='OWNER'))}.{signature}")


def test_a_remembered_token_is_refused_once_it_has_expired(
    tokens: AccessTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.keys.sign(claims())
    tokens.read(token)
    assert tokens.read(token) is tokens.read(token)

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Later":
            return cls.fromtimestamp(datetime.now(UTC).timestamp() + 61, tz)

    monkeypatch.setattr("tenants.tokens.datetime", Later)

    assert refused(tokens, token).startswith("The access token has expired.")


def test_rotation_keeps_three_old_keys_and_forgets_the_fourth(tokens: AccessTokens) -> None:
    made = []
    for _ in range(5):
        made.append(tokens.keys.sign(claims()))
        tokens.keys.rotate()

    for token in made[2:]:
        tokens.read(token)
    for token in made[:2]:
        refused(tokens, token)
    kept = [key.get("d") for key in tokens.keys.published()["keys"]]
    assert kept == [None] * 4
    assert tokens.keys.path.stat().st_mode & 0o077 == 0


def test_a_token_of_staff_opens_no_workspace(tokens: AccessTokens) -> None:
    token = tokens.keys.sign(claims(aud="our-api-staff"))

    assert refused(tokens, token) == (
        "This token is for the platform's staff and opens no workspace. Sign in as a member of "
        "the workspace."
    )
