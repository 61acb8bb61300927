"""Types that graphql-codegen makes of the schema and the playground's examples, all strict."""

import re
import shutil
from pathlib import Path

import pytest

from tests.clients.node_project import FOLDER, NodeProject, version_of
from tests.world.conformance import Finding, tell

pytestmark = pytest.mark.timeout(400)

CHECKOUT = Path(__file__).parents[2]
EXAMPLES = CHECKOUT / "web" / "src" / "examples"
PACKAGES = ("@graphql-codegen/cli", "@graphql-codegen/client-preset", "typescript")
LOCKED = ["7.4.3", "6.2.0", "7.0.2"]


@pytest.fixture
def project(node: NodeProject, tmp_path: Path) -> Path:
    """A front-end team's project: schema, operations, configuration and the code that uses them."""
    del node  # installed
    for file in (FOLDER / "codegen").iterdir():
        shutil.copy(file, tmp_path)
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    shutil.copy(CHECKOUT / "schema" / "schema.graphql", tmp_path)
    (tmp_path / "node_modules").symlink_to(FOLDER / "node_modules")
    return tmp_path


async def test_the_types_of_the_examples_are_strict_and_refuse_mistakes(
    node: NodeProject, project: Path
) -> None:
    made = await node.run("graphql-codegen", "--config", "codegen.yml", folder=project)
    assert made.status == 0, made.said
    checked = await node.run("tsc", "--project", "tsconfig.json", folder=project)
    mistaken = await node.run(
        "tsc", "--project", "tsconfig.mistakes.json", "--pretty", "false", folder=project
    )
    documents = _documents(project / "generated" / "graphql.ts")
    wanted = {f"{name}Document" for file in EXAMPLES.rglob("*.graphql") for name in _named(file)}
    mistakes = re.findall(r"^mistakes\.ts\((\d+),\d+\): error TS", mistaken.output, re.MULTILINE)
    tell(
        Finding(
            section="Clients",
            check="graphql-codegen: the examples' operations, used under tsc --strict",
            passed=len(documents) if checked.status == 0 else 0,
            of=len(wanted),
            versions={package: version_of(package) for package in PACKAGES},
            control=f"tsc refuses {len(set(mistakes))} of 6 mistakes",
        )
    )
    assert [version_of(package) for package in PACKAGES] == LOCKED
    assert checked.said == ""
    assert checked.status == 0
    assert documents == wanted
    assert len(wanted) >= 9
    assert mistaken.status != 0
    assert len(mistakes) == len(set(mistakes)) == 6, mistaken.said


async def test_a_scalar_that_nobody_mapped_is_noticed(node: NodeProject, project: Path) -> None:
    config = project / "codegen.yml"
    config.write_text(config.read_text().replace("        Decimal: string\n", ""))
    made = await node.run("graphql-codegen", "--config", "codegen.yml", folder=project)
    assert made.status == 1
    assert "Unknown scalar type Decimal" in made.said


def _documents(generated: Path) -> set[str]:
    return set(re.findall(r"^export const (\w+Document) = ", generated.read_text(), re.MULTILINE))


def _named(file: Path) -> list[str]:
    return re.findall(r"^(?:query|mutation|subscription) (\w+)", file.read_text(), re.MULTILINE)
