"""What Prometheus and the collector are told; and what they are never told."""

import re
import urllib.request

import httpx
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from api.metrics import serve_metrics
from api.tracing import set_up_tracing, span
from tests.command_line.conftest import free_port
from tests.world import World
from tests.world.served import Served

_SERIES = (
    "seller_operation_seconds",
    "seller_operation_statements",
    "seller_subscriptions",
    "seller_sockets",
    "seller_event_seconds",
    "seller_relayed_events_total",
    "seller_relay_backlog_events",
    "seller_relay_backlog_seconds",
    "seller_pool_connections",
)


async def test_every_series_is_there_and_none_names_a_workspace(
    served: Served, world: World
) -> None:
    workspace = await world.workspace()
    await workspace.ask("{ products(first: 1) { nodes { id } } }")
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{served.url}/metrics")).text
    for series in _SERIES:
        assert f"# TYPE {series.removesuffix('_total')}" in text
    assert re.search(r'seller_operation_seconds_count\{kind="query",outcome="ok"\} [1-9]', text)
    assert re.search(r"^seller_relay_backlog_events \d", text, re.MULTILINE), "Postgres was asked"
    assert str(workspace.id) not in text


def test_a_relay_answers_prometheus_where_a_port_is_named() -> None:
    port = free_port()
    with serve_metrics("127.0.0.1", port):
        answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5)
        assert b"seller_relayed_events_total" in answer.read()
    with serve_metrics("127.0.0.1", None):
        pass


def test_spans_carry_name_kind_and_statements_and_no_text_of_errors() -> None:
    kept = InMemorySpanExporter()
    set_up_tracing(None, also=SimpleSpanProcessor(kept))
    try:
        with span("graphql query", operation="Recent") as outer:
            outer.set_attribute("statements", 3)
            with pytest.raises(ValueError, match="secret"), span("inside"):
                raise ValueError("secret")
    finally:
        set_up_tracing(None)
    inner, outer_told = kept.get_finished_spans()
    assert dict(outer_told.attributes or {}) == {"operation": "Recent", "statements": 3}
    assert dict(inner.attributes or {}) == {"error.type": "ValueError"}
    assert inner.parent is not None
    assert inner.parent.span_id == outer_told.context.span_id
    assert "secret" not in inner.to_json()
    with span("nobody listens") as quiet:
        quiet.set_attribute("statements", 1)


async def test_an_operation_is_one_span_with_its_statements(world: World) -> None:
    workspace = await world.workspace()
    await workspace.token()
    kept = InMemorySpanExporter()
    set_up_tracing(None, also=SimpleSpanProcessor(kept))
    try:
        await workspace.ask("{ products(first: 1) { nodes { id } } }")
    finally:
        set_up_tracing(None)
    told = kept.get_finished_spans()  # tests ask twice: a plan, and graphql-core
    assert [one.name for one in told] == ["graphql query"] * 2
    assert all(dict(one.attributes or {}) == {"operation": "", "statements": 2} for one in told)
