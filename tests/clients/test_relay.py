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
# What makes a schema one that Relay cannot use, each as the text that is taken away, and what the
# compiler then says.
BROKEN = {
    "no node": ("\n  node(id: ID!): Node\n", "The type `Query` has no field `node`"),
    "no Node": ("type Order implements Node {", "'Order') can never occur for parent type 'Node'"),
    "no edges": ("\n  edges: [OrderEdge!]!\n", "The type `OrderConnection` has no field `edges`"),
    "no cursor": ("\n  endCursor: String\n", "to expose a 'pageInfo { endCursor }' field"),
    "no page": ("\n  hasNextPage: Boolean!\n", "to expose a 'pageInfo { hasNextPage }' field"),
}

Compile = Callable[[str], Awaitable[Ended]]


@pytest.fixture
def compiled(node: NodeProject, tmp_path: Path) -> Compile:
    """Compiles the sample, and a fragment for each connection and each Node, with a schema."""

    async def compile_with(schema: str) -> Ended:
        shutil.copytree(FOLDER / "relay", tmp_path / "relay")
        shutil.copy(FOLDER / "relay.config.json", tmp_path)
        (tmp_path / "relay" / "every.ts").write_text("\n".join(every_fragment()))
        (tmp_path / "schema.graphql").write_text(schema, encoding="utf-8")
        (tmp_path / "artifacts").mkdir()
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
    artifacts = {path.name for path in (tmp_path / "artifacts").iterdir()}
    tell(
        Finding(
            section="Clients",
            check="Relay compiler: a sample app, every connection and every Node of the schema",
            passed=len(artifacts),
            of=15 + 2 * len(every),
            versions={PACKAGE: version_of(PACKAGE)},
            control=f"refuses {len(BROKEN)} of {len(BROKEN)} schemas with a part taken away",
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
    again = (tmp_path / "artifacts" / "ordersDetailRefetchQuery.graphql.ts").read_text()
    assert r"query ordersDetailRefetchQuery(\n  $id: ID!\n) {\n  node(id: $id) {" in again


@pytest.mark.parametrize("name", BROKEN)
async def test_relay_refuses_a_schema_with_a_part_taken_away(compiled: Compile, name: str) -> None:
    taken, said = BROKEN[name]
    assert taken in SCHEMA
    left = "type Order {" if name == "no Node" else "\n"
    done = await compiled(SCHEMA.replace(taken, left))
    assert done.status == 1
    assert said in done.said
