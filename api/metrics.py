"""What Prometheus reads at /metrics. Labels never hold a workspace, a token or a document."""

from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response

OPERATIONS = Histogram(
    "seller_operation_seconds", "Queries and mutations, by kind and outcome.", ["kind", "outcome"]
)
STATEMENTS = Histogram(
    "seller_operation_statements",
    "Round trips to Postgres per operation.",
    buckets=(0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 25, 50),
)
SUBSCRIPTIONS = Gauge("seller_subscriptions", "Subscriptions that are running.")
SOCKETS = Gauge("seller_sockets", "WebSocket connections that are open.")
EVENTS = Histogram("seller_event_seconds", "From an event's arrival to its answer.")
RELAYED = Counter("seller_relayed_events_total", "Events moved from the outbox to Redis.")


async def metrics(_request: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
