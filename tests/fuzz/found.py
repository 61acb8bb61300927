"""Inputs that found something, made small: they are sent again in every run."""

from tests.fuzz.documents import Asked
from tests.fuzz.frames import LARGEST, Step, Talk
from tests.fuzz.requests import Sent
from tests.fuzz.values import large

_HELLO = Step(
    "text",
    '{"type": "connection_init", "payload": {"Authorization": "Bearer @@principal@@"}}',
)
_NOBODY_READS = Step("text", '{"type": "ping", "payload": {"a": "' + large(LARGEST) + '"}}')


def _subscribe(id_: str, query: str) -> Step:
    payload = '{"query": "' + query + '"}'
    return Step("text", '{"type": "subscribe", "id": "' + id_ + '", "payload": ' + payload + "}")


DOCUMENTS = (
    # Rows that were asked for when everything was given up made asyncio log errors.
    Asked(
        '{ order(id: "@@own.Order@@") { liveRoom { id } packages { order { id } } } '
        "products(first: -1) { nodes { id } } }"
    ),
    # What came after a refused question in the same transaction was answered as a bug.
    Asked('{ shopByLegacyId(legacyId: "\\u0000") { timeZone } node(id: "@@own.ApiKey@@") { id } }'),
)
TALKS = (
    # The error of an operation, sent to a client who had left, was an error in the log.
    Talk("owner", (_HELLO, _subscribe("1", "{ nope }"), _subscribe("2", "{ nope }")), cut=True),
    # Text that is no UTF-8 was logged with a traceback.
    Talk("owner", (_HELLO, Step("wire", b"\x81\x82\x00\x00\x00\x00\xff\xfe"))),
    # Saying why to a client who had left was an exception in a callback.
    Talk("owner", (_HELLO, _NOBODY_READS), cut=True),
    # Operations that waited for their turn and were given up answered with a bug.
    Talk(
        "owner",
        (
            _HELLO,
            *(_subscribe(str(n), "{ products(first: 3) { nodes { id } } }") for n in range(12)),
            *(Step("text", f'{{"type": "complete", "id": "{n}"}}') for n in range(12)),
        ),
    ),
)
REQUESTS = (
    # An Origin that is no address was answered 500.
    Sent(
        "POST",
        "/graphql",
        (
            ("content-type", "application/json"),
            ("authorization", "Bearer @@principal@@"),
            ("origin", "http://[::1"),
        ),
        b'{"query": "{ viewer { role } }"}',
    ),
    # The answer came after "100 Continue", later than a stream's first moments: it was not heard.
    Sent(
        "POST",
        "/auth/token",
        (("content-type", "application/x-www-form-urlencoded"), ("expect", "100-continue")),
        b"grant_type=password&username=@@email@@&password=wrong",
    ),
)
