"""A front-end developer finds in GraphiQL what each type, query and mutation is for."""

from graphql import GraphQLObjectType

from schema.root import SCHEMA


# The people and keys of a workspace, and the streams, say what they are in their fields.
def test_every_type_says_what_it_is() -> None:
    types = SCHEMA._schema.type_map.items()
    silent = {n for n, t in types if not n.startswith("__") and not t.description}
    assert silent == set()


def test_every_query_and_mutation_says_what_it_does() -> None:
    for name in ("Query", "Mutation"):
        root = SCHEMA._schema.type_map[name]
        assert isinstance(root, GraphQLObjectType)
        silent = {field for field, definition in root.fields.items() if not definition.description}
        assert silent == set()
