"""Answers as bytes."""

import json
from datetime import datetime
from typing import Any

import orjson

Answer = dict[str, Any]


def encoded(answer: Answer | list[Answer]) -> bytes:
    """JSON of an answer, whatever lies in it.

    orjson refuses whole numbers of more than 64 bits and halves of surrogate pairs, which JSON
    itself can say; the standard library, slower by far, writes those.
    """
    try:
        return orjson.dumps(answer)
    except (TypeError, ValueError):
        return json.dumps(answer, default=_text, separators=(",", ":")).encode()


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
