"""The codes with which sockets are closed: those of graphql-transport-ws, and those of RFC 6455.

Clients act on them. After 4403, 4408, 1012 and 1013 they connect again; after the others they give
up, since the same would happen again.
"""

_LONGEST_REASON = 123  # bytes, in a frame that has to fit into 125


class Close(Exception):
    """Ends the connection of whoever raises it."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = cut(reason, _LONGEST_REASON)


# Raised as `Close(*FORBIDDEN)`: an exception that is raised again keeps every frame it ever passed.
NO_MESSAGE = 4400, "Not a message of graphql-transport-ws"
UNAUTHORIZED = 4401, "Unauthorized"
FORBIDDEN = 4403, "Forbidden"
EXPIRED = 4403, "The credential has expired"
BAD_PROTOCOL = 4406, "Subprotocol not acceptable"
NOT_INITIALISED = 4408, "Connection initialisation timeout"
ID_IN_USE = 4409, "Subscriber for <unique-operation-id> already exists"
TOO_SLOW = 4410, "Slow consumer"
TOO_MANY_INITS = 4429, "Too many initialisation requests"
TOO_MANY_SOCKETS = 4429, "Too many sockets of this workspace"
BUG = 4500, "Internal server error"
GOING_AWAY = 1012, "Service restart"
NOT_NOW = 1013, "Try again later"


def no_message(why: str) -> Close:
    code, meaning = NO_MESSAGE
    return Close(code, f"{meaning}: {why}")


def id_in_use(operation_id: str) -> Close:
    """With as much of the id as there is room for."""
    code, meaning = ID_IN_USE
    before, placeholder, after = meaning.partition("<unique-operation-id>")
    del placeholder
    room = _LONGEST_REASON - len(before) - len(after)
    return Close(code, before + cut(operation_id, room) + after)


def cut(text: str, length: int) -> str:
    """The beginning of a text that has at most so many bytes in UTF-8."""
    return text.encode()[:length].decode(errors="ignore")
