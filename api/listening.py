"""The socket that is served on, or why it cannot be had."""

import errno
import socket

_BACKLOG = 2_048


class CannotListenError(OSError):
    """Host and port cannot be had; says why and what to do."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there, port 0 being any free one, or `CannotListenError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise CannotListenError(_why(error, host, port)) from error
    # Connections inherit it. asyncio sets it only on sockets that name their protocol, which these
    # do not; without it the body of every answer waits 40 ms for the client to have its headers.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use; end what listens there or choose another port: PORT=8001."
    if error.errno == errno.EACCES:
        return f"This account may not listen on port {port}; choose one above 1023: PORT=8000."
    return f"HOST={host} is no address of this machine to listen on ({error.strerror or error})."
