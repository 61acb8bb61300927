"""The log: one JSON object a line, whoever wrote it, without tokens and addresses."""

import json
import subprocess
import sys

from api.logs import masked

_TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
_KEY = f"sck_{'0' * 32}_{'1' * 32}_{'2' * 64}"
_URL = "postgresql://seller:passing@db/x"
# In a process of its own: a logger keeps the stream it first wrote to.
_WRITING = f"""
import logging, structlog
from api.logs import set_up_logs
set_up_logs(style="json", level="INFO")
log = structlog.get_logger()
log.debug("too quiet")
log.info("told", headers={{"authorization": "Bearer {_TOKEN}"}}, keys=["{_KEY}"])
logging.getLogger("uvicorn.error").info("1.2.3.4 - WebSocket [accepted]")
logging.getLogger("uvicorn.error").error("lost {_URL} for mali@shop.example")
def fail(token): raise ValueError("bad " + token)
try: fail("{_TOKEN}")
except ValueError: log.exception("failed")
"""


def test_secrets_are_masked_wherever_they_stand() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WRITING], capture_output=True, text=True, check=True
    )
    for secret in (_TOKEN, _KEY, "passing", "mali@shop.example", "1.2.3.4"):
        assert secret not in done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == [
        "told",
        "lost postgresql://***@db/x for ***",
        "failed",
    ]
    assert [line["level"] for line in lines] == ["info", "error", "error"]
    assert lines[1]["logger"] == "uvicorn.error"
    assert lines[2]["exception"][0]["exc_type"] == "ValueError"
    assert all(line["timestamp"].endswith("Z") for line in lines)


def test_what_is_no_secret_stays() -> None:
    for text in ("orders of shop-1 at 10.00", "2026-11-23T23:15:00Z", "http://127.0.0.1:8000/"):
        assert masked(text) == text
