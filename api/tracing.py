"""OpenTelemetry, where a collector is named; otherwise nothing is loaded and a span costs nothing.

with span("graphql query", operation="Products") as current:
    current.set_attribute("statements", 3)
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Tracer

Value = str | int | float | bool


class Span(Protocol):
    """What may be said about a piece of work. Never a token, an address or a variable's value."""

    def set_attribute(self, key: str, value: Value, /) -> None: ...


class _Untold:
    def set_attribute(self, key: str, value: Value, /) -> None:
        """Nobody listens."""


_NOBODY_LISTENS: AbstractContextManager[Span] = nullcontext(_Untold())
_tracer: "Tracer | None" = None


def set_up_tracing(endpoint: str | None, *, also: "SpanProcessor | None" = None) -> None:
    """Send spans to `endpoint` (OTLP over HTTP), and to `also`; neither: no spans."""
    global _tracer  # noqa: PLW0603 - one per process, as OpenTelemetry has it
    if endpoint is None and also is None:
        _tracer = None
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "seller-center"}))
    if endpoint is not None:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    if also is not None:
        provider.add_span_processor(also)
    _tracer = provider.get_tracer("seller-center")


def span(name: str, **attributes: Value) -> AbstractContextManager[Span]:
    """A piece of work, timed; spans opened inside become its children."""
    return _NOBODY_LISTENS if _tracer is None else _timed(_tracer, name, attributes)


@contextmanager
def _timed(tracer: "Tracer", name: str, attributes: dict[str, Value]) -> Iterator[Span]:
    # An exception's text may hold what a client sent, so only its class is told.
    with tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_attribute("error.type", type(error).__name__)
            raise
