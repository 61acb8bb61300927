"""gql, as integrators in Python use it: over HTTP and WebSocket, and by the schema it reads."""

import asyncio
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest
import pytest_asyncio
from gql import Client, GraphQLRequest, gql
from gql.client import AsyncClientSession
from gql.dsl import DSLQuery, DSLSchema, dsl_gql
from gql.transport.async_transport import AsyncTransport
from gql.transport.exceptions import TransportConnectionFailed, TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport
from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
)
from websockets.exceptions import ConnectionClosedError

from schema.root import SCHEMA
from tests.clients.conversation import Conversation, Saw, conversation, seen
from tests.clients.conversation import conversation_with_control as with_control
from tests.world import TestWorkspace, World
from tests.world.conformance import Finding, tell
from tests.world.plain_strawberry import VERSIONS, PlainStrawberry
from tests.world.served import Served

PACKAGES = {name: version(name) for name in ("gql", "httpx", "websockets")}
PATIENCE = 20.0
# The control's errors have no code; and of the protocols that gql offers it takes the old one, over
# which it runs subscriptions only.
PASSED_WITH_CONTROL = {"HTTPX": {"query", "events", "mutation"}, "WebSockets": {"events"}}

Question = dict[str, Any]


def over_http(question: Question) -> AsyncTransport:
    headers = {"Authorization": f"Bearer {question['token']}"}
    return HTTPXAsyncTransport(url=question["url"], headers=headers)


def over_websocket(question: Question) -> AsyncTransport:
    payload = {"authorization": f"Bearer {question['token']}"}
    return WebsocketsTransport(url=question["websocketUrl"], init_payload=payload)


TRANSPORTS = {"HTTPX": over_http, "WebSockets": over_websocket}


async def converse(question: Question, transport: Callable[[Question], AsyncTransport]) -> Saw:
    """The conversation of the other clients; gql has subscriptions over WebSocket only."""
    documents, variables = question["documents"], question["variables"]

    async def said(part: str) -> Any:
        return await ask(session, documents[part], variables.get(part))

    async with (
        Client(transport=transport(question)) as session,
        Client(transport=over_websocket(question)) as listening,
    ):
        saw: Saw = {"query": await said("query"), "events": []}
        subscription = GraphQLRequest(
            documents["subscription"], variable_values=variables.get("subscription")
        )
        async for event in listening.subscribe(subscription):
            saw["events"].append({"data": event})
            if len(saw["events"]) == 2:
                break
            saw["mutation"] = await said("mutation")
        return {**saw, "refused": await said("refused"), "invalid": await said("invalid")}


async def ask(session: AsyncClientSession, document: str, variables: Any) -> dict[str, Any]:
    try:
        return {"data": await session.execute(GraphQLRequest(document, variable_values=variables))}
    except TransportQueryError as error:
        return {"data": error.data, "errors": error.errors}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def workspace(world: World) -> TestWorkspace:
    return await world.workspace()


@pytest.mark.parametrize("name", TRANSPORTS)
async def test_gql_converses_with_us_and_less_with_the_control(
    served: Served, world: World, control: PlainStrawberry, name: str
) -> None:
    ours: Conversation = await conversation(world, served)
    other = with_control(control)
    async with asyncio.timeout(PATIENCE):
        saw = await converse(ours.question, TRANSPORTS[name])
        saw_of_control = await converse(other.question, TRANSPORTS[name])
    passed, of_control = ours.passed(saw), other.passed(saw_of_control)
    tell(
        Finding(
            section="Clients",
            check=f"gql over {name}: query, subscription, mutation, refused field, "
            "invalid document",
            passed=len(passed),
            of=len(ours.expected),
            versions=PACKAGES | VERSIONS,
            control=f"with plain Strawberry {len(of_control)} of {len(other.expected)}",
        )
    )
    assert PACKAGES["gql"] == "4.4.0"
    assert seen(saw) == ours.expected
    assert len(passed) == 5
    assert set(of_control) == PASSED_WITH_CONTROL[name]


async def test_gql_reads_the_schema_and_writes_its_operations_by_it(
    served: Served, workspace: TestWorkspace
) -> None:
    token = await workspace.token()
    transport = over_http({"url": f"{served.url}/graphql", "token": token})
    client = Client(transport=transport, fetch_schema_from_transport=True)
    async with asyncio.timeout(PATIENCE), client as session:
        assert client.schema is not None
        schema = DSLSchema(client.schema)
        viewer = schema.Query.viewer.select(schema.Viewer.role, schema.Viewer.kind)
        products = schema.Query.products(first=5).select(schema.ProductConnection.totalCount)
        answer = await session.execute(dsl_gql(DSLQuery(viewer, products)))
        with pytest.raises(GraphQLError, match="nonsense"):
            await session.execute(gql("{ nonsense }"))
    assert answer == {
        "viewer": {"role": "OWNER", "kind": "USER"},
        "products": {"totalCount": 0},
    }
    read, whole = _fields(client.schema), _fields(SCHEMA._schema)
    tell(
        Finding(
            section="Clients",
            check="gql: fields with their types that it reads by introspection, of all there are",
            passed=len(read & whole),
            of=len(whole),
            versions=PACKAGES,
            control="a field that is not in them is refused before it is sent",
        )
    )
    assert read == whole
    assert len(whole) > 300


async def test_gql_tells_a_token_that_is_no_good(served: Served) -> None:
    nobody = {"url": f"{served.url}/graphql", "websocketUrl": served.websocket_url, "token": "no"}
    async with asyncio.timeout(PATIENCE):
        async with Client(transport=over_http(nobody)) as session:
            answer = await ask(session, "{ viewer { role } }", None)
        with pytest.raises(TransportConnectionFailed) as refused:
            async with Client(transport=over_websocket(nobody)):
                pass
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
    closed = refused.value.__cause__
    assert isinstance(closed, ConnectionClosedError)
    assert closed.rcvd is not None
    assert (closed.rcvd.code, closed.rcvd.reason) == (4403, "Forbidden")


def _fields(schema: GraphQLSchema) -> set[str]:
    """`Type.field: its type` of every object, interface and input, but those of introspection."""
    return {
        f"{one.name}.{name}: {field.type}"
        for one in schema.type_map.values()
        if isinstance(one, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType)
        for name, field in one.fields.items()
        if not one.name.startswith("__")
    }
