"""The playground's examples are operations of our schema; no browser is needed to know that."""

from pathlib import Path

import pytest
from graphql import OperationDefinitionNode, OperationType, parse, validate

from schema.root import SCHEMA

EXAMPLES = Path(__file__).parents[2] / "web" / "src" / "examples"
FILES = sorted(EXAMPLES.rglob("*.graphql"))


def test_there_are_queries_a_mutation_and_subscriptions() -> None:
    kinds = [_operation(file).operation for file in FILES if file.parent == EXAMPLES]
    assert kinds.count(OperationType.QUERY) >= 4
    assert kinds.count(OperationType.MUTATION) >= 1
    assert kinds.count(OperationType.SUBSCRIPTION) >= 2


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_is_valid_against_the_schema(file: Path) -> None:
    document = parse(file.read_text(encoding="utf-8"))
    assert validate(SCHEMA._schema, document) == []


@pytest.mark.parametrize(
    "file", [file for file in FILES if file.parent == EXAMPLES], ids=lambda file: file.stem
)
def test_an_example_begins_with_its_title_and_what_it_shows(file: Path) -> None:
    title, description, *_ = file.read_text(encoding="utf-8").split("\n")
    assert title.startswith("# ")
    assert description.startswith("# ")
    assert description.endswith(".")
    assert _operation(file).name is not None


def _operation(file: Path) -> OperationDefinitionNode:
    definition = parse(file.read_text(encoding="utf-8")).definitions[0]
    assert isinstance(definition, OperationDefinitionNode)
    return definition
