"""What an operation was worth once it is answered: the objects in the answer, and `@cost`."""

from collections.abc import Iterable
from typing import Any

from graphql import DocumentNode, FieldNode, GraphQLSchema, OperationType, Visitor, visit
from graphql.utilities import TypeInfo, TypeInfoVisitor

from api.graphql.extent import MUTATION_COST
from execution import Outcome
from schema.costs import weight_of


def weights_of(schema: GraphQLSchema, document: DocumentNode) -> dict[str, int]:
    """The weight of each response key of a document that stands for a field with `@cost`."""
    found: dict[str, int] = {}
    types = TypeInfo(schema)

    class Weighing(Visitor):
        def enter_field(self, node: FieldNode, *_rest: Any) -> None:
            field = types.get_field_def()
            weight = weight_of(field) if field else 0
            if weight:
                key = (node.alias or node.name).value
                found[key] = max(weight, found.get(key, 0))

    visit(document, TypeInfoVisitor(types, Weighing()))
    return found


def actual_cost(kind: OperationType, outcome: Outcome, weights: dict[str, int]) -> int:
    """Points of an answer. A change is worth its price whether or not it was refused."""
    data = outcome.data
    if outcome.made is None:
        objects = _objects(data, weights)
    else:
        objects = sum(count * _worth(keys, weights) for keys, count in outcome.made)
    if kind is OperationType.MUTATION:
        return objects + MUTATION_COST * len(data or ())
    return objects + (not data)


def _worth(keys: Iterable[str], weights: dict[str, int]) -> int:
    """Of an object with these keys."""
    return 1 + sum(weights.get(key, 0) for key in keys) if weights else 1


def _objects(data: Any, weights: dict[str, int]) -> int:
    """JSON objects in the answer, itself included, and the weights of what stands in them."""
    count = 0
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            count += _worth(value, weights)
            waiting.extend(one for one in value.values() if one.__class__ in _INNER)
        elif isinstance(value, list):
            waiting.extend(value)
    return count


_INNER = frozenset({dict, list})
