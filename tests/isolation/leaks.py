"""What one workspace must never see of another, and the search for it in anything it was told."""

import base64
import binascii
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

_UUID = re.compile(r"(?<![0-9a-f])[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}(?![0-9a-f])")
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{16,}")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?!\w)")
_SHORTEST_ECHO = 4
SENT = "«sent»"


@dataclass(frozen=True)
class Marks:
    """A canary that is part of every text, the ids of every row (hexadecimal digits only), and
    amounts that no other workspace has."""

    canary: str
    ids: frozenset[str]
    amounts: frozenset[str]

    def found_in(self, text: str, *, sent: Iterable[str] = ()) -> list[str]:
        """What of them a text tells, base64 opened; `sent` is what the asker said itself."""
        told = without(text, sent)
        opened = " ".join(_opened(told))
        return sorted(self._in(told) | self._in(opened))

    def _in(self, text: str) -> set[str]:
        lower = text.lower()
        found = {self.canary} if self.canary and self.canary in lower else set()
        ids = {token.replace("-", "") for token in _UUID.findall(lower)} & self.ids
        return found | ids | set(_NUMBER.findall(lower)) & self.amounts


NO_MARKS = Marks("", frozenset(), frozenset())


def without(text: str, sent: Iterable[str]) -> str:
    """A text in which what was sent is one word, however the answer spells it."""
    spellings = {one for value in sent for one in _spelled(value)}
    for spelling in sorted(spellings, key=len, reverse=True):
        text = text.replace(spelling, SENT)
    return text


def amounts_of(number: int) -> set[str]:
    """How an integer of minor units or millionths may be written."""
    exact = [Decimal(number).scaleb(-digits) for digits in (0, 2, 6)]
    plain = {f"{value:f}" for value in exact}
    trimmed = {text.rstrip("0").rstrip(".") if "." in text else text for text in plain}
    return plain | trimmed


@lru_cache(maxsize=4_096)
def _spelled(value: str) -> frozenset[str]:
    if len(value) < _SHORTEST_ECHO:
        return frozenset()
    forms = {value, repr(value)[1:-1], ascii(value)[1:-1]}
    return frozenset(forms) | {
        json.dumps(form, ensure_ascii=plain)[1:-1] for form in forms for plain in (True, False)
    }


def _opened(text: str) -> Iterable[str]:
    for token in set(_ENCODED.findall(text)):
        padded = token + "=" * (-len(token) % 4)
        for decode in (base64.b64decode, base64.urlsafe_b64decode):
            try:
                yield decode(padded).decode()
            except (binascii.Error, ValueError):
                continue
