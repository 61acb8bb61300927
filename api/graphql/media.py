"""Which media type an answer has: GraphQL over HTTP's negotiation, and SSE where it ranks first."""

from enum import StrEnum
from functools import lru_cache


class Media(StrEnum):
    JSON = "application/json"
    GRAPHQL = "application/graphql-response+json"
    EVENTS = "text/event-stream"


_BY_RANGE = {
    "application/json": Media.JSON,
    "application/graphql-response+json": Media.GRAPHQL,
    "text/event-stream": Media.EVENTS,
    "application/*": Media.JSON,
    "*/*": Media.JSON,
}
_ORDINARY = 200  # characters; longer headers are read anew


def negotiate(accept: str | None) -> Media | None:
    """The best type for an Accept header; None where it wants nothing that we have.

    Equal weights go to the one named first, so a client that lists text/event-stream last, as
    urql does with every query, is not given a stream.
    """
    if accept is None:
        return Media.JSON
    return _known(accept) if len(accept) <= _ORDINARY else _best(accept)


@lru_cache(maxsize=200)
def _known(accept: str) -> Media | None:
    return _best(accept)


def _best(accept: str) -> Media | None:
    if not accept.strip():
        return Media.JSON
    best: Media | None = None
    best_weight = 0.0
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        media, weight = _BY_RANGE.get(name), _weight(parameters)
        if media is not None and weight > best_weight:
            best, best_weight = media, weight
    return best


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(1.0, max(0.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0
