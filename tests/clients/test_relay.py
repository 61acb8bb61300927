"""Our schema as Relay's compiler wants it: connections, nodes and what is fetched again by them."""

import re
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, build_schema, get_named_type

from tests.clients.node_project import FOLDER, Ended, NodeProject, version_of
from tests.world.conformance import Finding, tell

pytestmark = pytest.mark.timeout(400)

PACKAGE = "relay-compiler"
SCHEMA_FILE = Path(__file__).parents[2] / "schema" / "schema.graphql"
SCHEMA = SCHEMA_FILE.read_text(encoding="utf-8")
COMPILED = re.compile(
    r"compiled documents: (\d+) reader, (\d+) normalization, (\d+) operation text"
)
# What Relay cannot do without, as it is written in the schema; and what the compiler says where it
# has been taken away.
NEEDED = {
    "\n  node(id: ID!): Node": "The type `Query` has no field `node`",
    "Order implements Node": "'Order') can never occur for parent type 'Node'",
    "\n  edges: [OrderEdge!]!": "The type `OrderConnection` has no field `edges`",
    "\n  endCursor: String": "to expose a 'pageInfo { endCursor }' field",
    "\n  hasNextPage: Boolean!": "to expose a 'pageInfo { hasNextPage }' field",
}

Compile = Callable[[str], Awaitable[Ended]]


@pytest.fixture
def compiled(node: NodeProject, tmp_path: Path) -> Compile:
    """Compiles the sample, and a fragment for each connection and each Node, with a schema."""

    async def compile_with(schema: str) -> Ended:
        shutil.copytree(FOLDER / "relay", tmp_path / "relay", dirs_exist_ok=True)
        shutil.copy(FOLDER / "relay.config.json", tmp_path)
        (tmp_path / "relay" / "every.ts").write_text("\n".join(every_fragment()))
        (tmp_path / "schema.graphql").write_text(schema, encoding="utf-8")
        (tmp_path / "artifacts").mkdir(exist_ok=True)
        return await node.run(PACKAGE, "relay.config.json", folder=tmp_path)

    return compile_with


def every_fragment() -> Iterator[str]:
    """A page of each connection of Query, and a fragment of each Node that is fetched again."""
    schema = build_schema(SCHEMA)
    assert schema.query_type is not None
    for name, field in schema.query_type.fields.items():
        if get_named_type(field.type).name.endswith("Connection"):
            yield _fragment(
                f"every_{name} on Query",
                '@argumentDefinitions(count: { type: "Int" }, cursor: { type: "String" })'
                f'@refetchable(queryName: "every_{name}_Query")',
                f"{name}(first: $count, after: $cursor)"
                f'@connection(key: "every_{name}") {{ edges {{ node {{ id }} }} }}',
            )
    interface = schema.type_map["Node"]
    assert isinstance(interface, GraphQLInterfaceType)
    for node_type in schema.get_possible_types(interface):
        assert isinstance(node_type, GraphQLObjectType)
        refetchable = f'@refetchable(queryName: "every_{node_type.name}_Query")'
        yield _fragment(f"every_{node_type.name} on {node_type.name}", refetchable, "__typename")


def _fragment(head: str, directives: str, selection: str) -> str:
    return f"graphql`fragment {head} {directives} {{ {selection} }}`;"


async def test_relay_compiles_with_our_schema(
    compiled: Compile, node: NodeProject, tmp_path: Path
) -> None:
    every = list(every_fragment())
    done = await compiled(SCHEMA)
    artifacts = {path.name: path.read_text() for path in (tmp_path / "artifacts").iterdir()}
    refused = [part for part, said in NEEDED.items() if said in await refusal(compiled, part)]
    tell(
        Finding(
            section="Clients",
            check="Relay compiler: a sample app, every connection and every Node of the schema",
            passed=len(artifacts),
            of=15 + 2 * len(every),
            versions={PACKAGE: version_of(PACKAGE)},
            control=f"refuses {len(refused)} of {len(NEEDED)} schemas with a part taken away",
        )
    )
    assert (await node.run(PACKAGE, "--version")).output.split()[-1] == "21.0.1"
    assert done.status == 0, done.said
    assert "ERROR" not in done.said
    assert len(every) > 10
    assert len(artifacts) == 15 + 2 * len(every)
    found = COMPILED.search(done.said)
    assert found is not None, done.said
    assert int(found[2]) == 10 + len(every)
    again = artifacts["ordersDetailRefetchQuery.graphql.ts"]
    assert r"query ordersDetailRefetchQuery(\n  $id: ID!\n) {\n  node(id: $id) {" in again
    assert refused == list(NEEDED)


async def refusal(compiled: Compile, part: str) -> str:
    """What the compiler says of the schema without that part; nothing where it takes it."""
    assert part in SCHEMA
    done = await compiled(SCHEMA.replace(part, "Order" if part.startswith("Order") else ""))
    return done.said if done.status == 1 else ""
