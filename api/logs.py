"""Structured logs: JSON lines for machines, colours for a terminal. Never a token or an address.

What libraries log takes the same form. Whatever slips through is masked: `masked` is the last
fence, not the first one.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from typing import Any

import orjson
import structlog

# Without the frames' local variables: they hold tokens and addresses.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)
_CONSOLE = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
_SECRETS = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]+"  # a JWT
    r"|\bsc[a-z]_[\w.-]{8,}"  # API keys, refresh and invitation tokens (tenants/secrets.py)
    r"|(?<=://)[^\s/@]*:[^\s/@]+(?=@)"  # user and password of a URL
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # an e-mail address
)
# One of these is in whatever matches; most texts have none, and looking for them is quick.
_SIGNS = ("@", "eyJ", "sc")
# These name the client's network address at INFO.
_TALKATIVE = ("uvicorn.error", "websockets.server", "websockets.client")


def set_up_logs(*, style: str = "auto", level: str = "INFO") -> None:
    """`style` is auto (colours on a terminal), json or console."""
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    ending: list[structlog.typing.Processor] = [
        *([] if console else [_TRACEBACKS]),
        _mask_secrets,
        _CONSOLE if console else structlog.processors.JSONRenderer(serializer=_as_json),
    ]
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _set_up_library_logs(shared, ending, level=level)


def _as_json(event: Any, *, default: Callable[[Any], Any]) -> str:
    try:
        return orjson.dumps(event, default=default).decode()
    except TypeError:  # of whole numbers beyond 64 bits and halves of surrogate pairs
        return json.dumps(event, default=default)


def masked(text: str) -> str:
    """`text` without tokens, keys, passwords in URLs and e-mail addresses."""
    if not any(sign in text for sign in _SIGNS):
        return text
    return _SECRETS.sub("***", text)


def _mask_secrets(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name, value in event.items():
        event[name] = _masked_within(value)
    return event


def _masked_within(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {name: _masked_within(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_masked_within(one) for one in value]
    return value


def _set_up_library_logs(
    shared: list[structlog.typing.Processor],
    ending: list[structlog.typing.Processor],
    *,
    level: str,
) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    for old in [one for one in root.handlers if getattr(one, "_ours", False)]:
        root.removeHandler(old)
    handler._ours = True  # type: ignore[attr-defined]  # noqa: SLF001 - found again above
    root.addHandler(handler)
    root.setLevel(max(logging.WARNING, logging.getLevelName(level)))
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
