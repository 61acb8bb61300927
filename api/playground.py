"""GraphiQL at `/`: the built files of web/dist, their security headers, and the demo tokens."""

import html
import json
import re
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
)
from starlette.routing import BaseRoute, Route, request_response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()

_DIRECTIVES = (
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self'",
    # Monaco writes its themes and its layout into <style> elements and style attributes at run
    # time, and GraphiQL's dialogs do likewise; neither takes a nonce. Scripts stay strict.
    "style-src 'self' 'unsafe-inline'",
    "font-src 'self'",
    # Monaco draws the waves under a mistake as data: pictures.
    "img-src 'self' data:",
    # 'self' covers the WebSocket of the same host and port (Content Security Policy level 3).
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)
CONTENT_SECURITY_POLICY = "; ".join(_DIRECTIVES)

SECURITY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), "
    "payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

# Said here since the tables of the operating system differ, and with nosniff a wrong one is fatal.
MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}

A_YEAR = "public, max-age=31536000, immutable"
_UNCACHED = {"cache-control": "no-store"}
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def playground_routes(
    *,
    dist: Path,
    enabled: bool = True,
    demo_file: Path | None = None,
    graphql_path: str = "/graphql",
) -> list[BaseRoute]:
    """`/`, `/assets/...` and `/playground.json`; with `enabled=False` each of them answers 404.

    `dist` is what `npm run build` writes; it may appear or change while the server runs.
    `demo_file` holds `{"workspaces": [{"id", "slug", "name", "tokens": {role: token}}]}` and is
    read at each request, since its tokens expire and are renewed.
    """
    handlers: dict[str, Callable[[Request], Response]] = {
        "/": partial(_page, dist, graphql_path),
        "/assets/{path:path}": partial(_asset, dist / "assets"),
        "/playground.json": partial(_facts, demo_file, graphql_path),
    }
    return [
        Route(path, _Guarded(handler if enabled else _not_found))
        for path, handler in handlers.items()
    ]


def _page(dist: Path, graphql_path: str, request: Request) -> Response:
    index = dist / "index.html"
    if not index.is_file():
        return HTMLResponse(not_built_page(request, graphql_path), headers=_UNCACHED)
    return FileResponse(index, media_type="text/html", headers={"cache-control": "no-cache"})


def _asset(assets: Path, request: Request) -> Response:
    """A built file; the .gz beside it, where there is one, to whoever takes gzip."""
    file = _file_below(assets, request.path_params["path"])
    if file is None:
        return _not_found(request)
    media_type = MEDIA_TYPES.get(file.suffix, "application/octet-stream")
    headers = {"cache-control": A_YEAR, "vary": "accept-encoding"}
    smaller = file.with_name(f"{file.name}.gz")
    if "gzip" in request.headers.get("accept-encoding", "") and smaller.is_file():
        file, headers = smaller, {**headers, "content-encoding": "gzip"}
    return FileResponse(file, media_type=media_type, headers=headers)


def _facts(demo_file: Path | None, graphql_path: str, request: Request) -> Response:
    shown = demo_file is not None and _asked_on_this_machine(request)
    content = {
        "graphql": graphql_path,
        "subscriptions": graphql_path,
        "workspaces": _demo_workspaces(demo_file) if shown and demo_file else [],
    }
    return JSONResponse(content, headers=_UNCACHED)


def not_built_page(request: Request, graphql_path: str) -> str:
    """What stands at `/` where web/dist is missing: why, how to mend it, and what works already."""
    host = request.url.netloc
    secure = request.url.scheme == "https"
    endpoint = f"{request.url.scheme}://{host}{graphql_path}"
    socket = f"{'wss' if secure else 'ws'}://{host}{graphql_path}"
    curl = (
        f"curl {endpoint} \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        "  -H 'Authorization: Bearer YOUR_TOKEN' \\\n"
        """  -d '{"query": "{ viewer { role workspace { name } } }"}'"""
    )
    return _NOT_BUILT.format(
        endpoint=html.escape(endpoint), socket=html.escape(socket), curl=html.escape(curl)
    )


_NOT_BUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Seller Center</title>
<link rel="icon" href="data:,">
<style>
  body {{ max-width: 42rem; margin: 12vh auto; padding: 0 1.5rem; font: 16px/1.6 system-ui; }}
  pre {{ padding: 1rem; border: 1px solid #8886; border-radius: 6px; overflow-x: auto; }}
</style>
<h1>Seller Center</h1>
<p>The server is up. Its playground, GraphiQL, was not built, since npm was absent at set-up.
To have it here, install Node.js 20.19 or newer (npm comes with it) and run <code>make run</code>
again.</p>
<p>The API needs none of that:</p>
<ul>
  <li>queries and mutations: <code>{endpoint}</code></li>
  <li>subscriptions (graphql-transport-ws): <code>{socket}</code></li>
</ul>
<pre>{curl}</pre>
<p><code>make run</code> printed tokens for its demo workspaces; they are also in
<code>.state/demo.json</code>.</p>
</html>
"""


def _file_below(folder: Path, name: str) -> Path | None:
    """The file of that name, unless it lies elsewhere once `..` and links are followed."""
    try:
        file = (folder / name).resolve()
        return file if file.is_relative_to(folder.resolve()) and file.is_file() else None
    except (ValueError, OSError):  # a NUL byte, a name too long for the file system
        return None


def _asked_on_this_machine(request: Request) -> bool:
    """Whether a person at this very machine asks, from our own page.

    The client's address alone does not tell: a proxy on this machine has a loopback address too,
    and so has the browser of someone lured to a foreign site whose name resolves to 127.0.0.1. So
    the Host must be a loopback name as well, no proxy may have been involved, and a browser must
    not say that another site asks.
    """
    if any(name in request.headers for name in _FORWARDED):
        return False
    if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        return False
    host = re.fullmatch(
        r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", request.headers.get("host", "").lower()
    )
    return host is not None and request.client is not None and _is_loopback(request.client.host)


def _is_loopback(address: str) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_loopback


def _demo_workspaces(demo_file: Path) -> list[Any]:
    """Empty where the file is absent; an unreadable one is logged and counts as absent."""
    try:
        demo = json.loads(demo_file.read_text(encoding="utf-8"))
        workspaces = demo["workspaces"]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("demo_file_unreadable", path=str(demo_file), error=repr(error))
        return []
    return workspaces if isinstance(workspaces, list) else []


def _not_found(_request: Request) -> Response:
    return PlainTextResponse("Not found", status_code=404, headers=_UNCACHED)


class _Guarded:
    """A handler as an ASGI application: GET and HEAD only, security headers on every answer.

    An application and not a plain endpoint, since Starlette answers a wrong method before its
    endpoint (and any middleware of the route) is asked.
    """

    def __init__(self, handler: Callable[[Request], Response]) -> None:
        self.app: ASGIApp = request_response(handler)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        if scope["method"] in {"GET", "HEAD"}:
            await self.app(scope, receive, send_guarded)
        else:
            refusal = PlainTextResponse(
                "Method not allowed", status_code=405, headers={"allow": "GET, HEAD"}
            )
            await refusal(scope, receive, send_guarded)
