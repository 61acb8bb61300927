"""Credentials that are dear to refuse: tokens in a header and in a frame, and attempts to sign in."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from benchmarks.held_loop.attack import MEGABYTE, Attack, body, frames

_ASKED = json.dumps({"query": "{ viewer { kind } }"}).encode()
_LONGEST = 4_096  # characters, which a credential may have
_GOOD = {"alg": "ES256", "typ": "JWT"}
_SIGNATURE = "A" * 86
_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"
_PASSWORD = "grant_type=password&username=a@b.c&password="
_NAME = "grant_type=password&password=aaaaaaaaaaaa&username="
_SIGN_INS = {
    "a long password": (_FORM, _PASSWORD + "a" * 16_000),
    "a wide password": (_FORM, _PASSWORD + "%F0%9F%98%80" * 1_300),
    "a long name": (_FORM, _NAME + "a@" * 8_000),
    "a name of sigmas": (_FORM, _NAME + "%CE%A3" * 2_600),
    "a workspace": (_FORM, _PASSWORD + "aaaaaaaaaaaa&workspace=" + "a" * 15_000),
    "a refresh token": (_FORM, "grant_type=refresh_token&refresh_token=" + "a" * 16_000),
    "a token of dots": (_FORM, "grant_type=refresh_token&refresh_token=scr_" + "." * 16_000),
    "many fields": (_FORM, "&".join(f"a{n}=b" for n in range(2_000))),
    "ampersands": (_FORM, "&" * 16_000),
    "percent signs": (_FORM, "grant_type=" + "%" * 16_000),
    "nested JSON": (_JSON, "[" * 16_000),
    "JSON of lists": (_JSON, "[" + ",".join(["[]"] * 5_000) + "]"),
    "an invitation": (_JSON, json.dumps(dict.fromkeys(("token", "name", "password"), "a" * 5_000))),
    "a megabyte": (_JSON, "[" * MEGABYTE),
}


def attacks() -> Iterator[Attack]:
    for name, token in _tokens().items():
        assert len(token) <= _LONGEST, name
        headers = {"authorization": f"Bearer {token}"}
        yield body(f"token: {name}", _ASKED, headers=headers)
        hello = json.dumps({"type": "connection_init", "payload": headers})
        yield frames(f"token: {name}, in a frame", [hello], sign_in=False)
    for name, (kind, given) in _SIGN_INS.items():
        for path in ("/auth/token", "/auth/revoke", "/auth/accept-invitation"):
            yield body(f"{path}: {name}", given.encode(), kind=kind, path=path)


def _tokens() -> dict[str, str]:
    nested = "[" * 1_400 + "]" * 1_400
    bad_key = {"kty": "RSA", "n": "f" * 1_500, "e": "f" * 1_000}
    derived = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 10**9, "p2s": "YQ"}
    return {
        "dots": "." * _LONGEST,
        "letters": "a" * _LONGEST,
        "an API key": "sck_" + "a" * 4_000,
        "an API key of dots": "sck_" + "." * 4_000,
        "a header of open brackets": f"{_part('[' * 2_900)}.e30.YQ",
        "a header of nested lists": f"{_part(nested)}.e30.YQ",
        "a long number in the header": _part('{"alg": ' + "9" * 2_900 + "}") + ".e30.YQ",
        "a header of many names": f"{_part({f'{n:x}': 1 for n in range(260)})}.e30.YQ",
        "a long kid": f"{_part({**_GOOD, 'kid': 'a' * 2_900})}.e30.YQ",
        "crit": f"{_part({**_GOOD, 'crit': ['b64'] * 400, 'b64': False})}.e30.YQ",
        "no signature": f"{_part({'alg': 'none'})}.{_part({'sub': 'a' * 2_000})}.",
        "HMAC": f"{_part({'alg': 'HS256'})}.{_part({'sub': 'a' * 2_000})}.YQ",
        "a key from a password": ".".join([_part(derived), "YQ", "YQ", "YQ", "YQ"]),
        "compressed": f"{_part({'alg': 'dir', 'enc': 'A128GCM', 'zip': 'DEF'})}..YQ.YQ.YQ",
        "claims of nested lists": f"{_part(_GOOD)}.{_part(nested)}.{_SIGNATURE}",
        "a key of its own": f"{_part({**_GOOD, 'jwk': bad_key})}.e30.{_SIGNATURE}",
        "an address of keys": f"{_part({**_GOOD, 'jku': 'http://127.0.0.1:1/'})}.e30.{_SIGNATURE}",
    }


def _part(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
