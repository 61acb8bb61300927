"""GraphQL documents that ask one place many times, and select all that a leak could show in."""

from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
)

from tests.isolation.places import Place, objects_of, places, required

DEEP = 4
FLAT = 1  # one level of objects: what is not found has nothing below it
NAMED = -1  # no more than the type's name
_FIELDS = 1_500  # of a document, with its fragments written out
MOST_ALIASES = 20


@dataclass(frozen=True)
class Selection:
    text: str
    fields: int


class Selections:
    """What to select of each type: every field that needs no argument, a few levels deep."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._known: dict[tuple[str, int, frozenset[str]], Selection] = {}

    def of(self, type: Any, *, depth: int) -> Selection:
        """A selection set with its braces; empty for what has no fields."""
        return self._of(get_named_type(type), depth, frozenset())

    def _of(self, named: GraphQLNamedType, depth: int, above: frozenset[str]) -> Selection:
        key = (named.name, depth, above)
        if key not in self._known:
            self._known[key] = self._made(named, depth, above)
        return self._known[key]

    def _made(self, named: GraphQLNamedType, depth: int, above: frozenset[str]) -> Selection:
        if isinstance(named, GraphQLScalarType | GraphQLEnumType):
            return Selection("", 0)
        if depth < 0:
            return Selection("{ __typename }", 1)
        if is_abstract_type(named):
            parts = [self._narrowed(one, depth, above) for one in objects_of(self._schema, named)]
        else:
            assert isinstance(named, GraphQLObjectType)
            parts = list(self._fields(named, depth, above | {named.name}))
        texts = " ".join(["__typename", *(text for text, _ in parts)])
        return Selection(f"{{ {texts} }}", 1 + sum(count for _, count in parts))

    def _narrowed(
        self, one: GraphQLObjectType, depth: int, above: frozenset[str]
    ) -> tuple[str, int]:
        """A fragment. Its fields get names of their own: types disagree on what `status` is."""
        fields = list(self._fields(one, depth, above | {one.name}))
        texts = " ".join(f"{one.name}_{text.partition(' ')[0]}: {text}" for text, _ in fields)
        return f"... on {one.name} {{ {texts} }}", sum(count for _, count in fields)

    def _fields(
        self, type: GraphQLObjectType, depth: int, above: frozenset[str]
    ) -> list[tuple[str, int]]:
        parts = []
        for name, field in type.fields.items():
            named = get_named_type(field.type)
            if any(required(argument.type) for argument in field.args.values()):
                continue  # a place of its own, with values for what it requires
            leaf = isinstance(named, GraphQLScalarType | GraphQLEnumType)
            if not leaf and (depth == 0 or named.name in above):
                continue
            inner = self._of(named, depth - 1, above)
            parts.append((f"{name} {inner.text}".strip(), inner.fields + 1))
        return parts


@dataclass(frozen=True)
class Document:
    """A document whose aliases a0, a1, ... ask one place each, with variables of their own."""

    text: str
    aliases: int

    def variables(self, given: list[dict[str, Any]], way: dict[str, Any]) -> dict[str, Any]:
        """`given` are the arguments of each alias; `way` those of the fields above the place."""
        own = {f"a{n}_{name}": value for n, one in enumerate(given) for name, value in one.items()}
        return own | {f"w_{name}": value for name, value in way.items()}


class Documents:
    """The documents of a schema, by place and number of aliases."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._selections = Selections(schema)
        self._known: dict[tuple[Place, int, int], Document] = {}

    def connections(self) -> list[Place]:
        """The places whose answer is a page with cursors."""
        return [
            place
            for place in places(self._schema)
            if place.operation == "query" and "after" in place.field.args
        ]

    def width(self, place: Place, *, depth: int = FLAT) -> int:
        """How many aliases a document of this place may have."""
        fields = self._selections.of(place.field.type, depth=depth).fields + len(place.steps)
        return max(1, min(MOST_ALIASES, _FIELDS // fields))

    def of(self, place: Place, aliases: int, *, depth: int = FLAT) -> Document:
        key = (place, aliases, depth)
        if key not in self._known:
            self._known[key] = Document(self._text(place, aliases, depth), aliases)
        return self._known[key]

    def _text(self, place: Place, aliases: int, depth: int) -> str:
        declared = [
            f"$a{n}_{name}: {argument.type}"
            for n in range(aliases)
            for name, argument in place.field.args.items()
        ]
        declared += [
            f"$w_{step}_{name}: {argument.type}"
            for step, one in enumerate(place.steps[:-1])
            for name, argument in one.field.args.items()
            if required(argument.type)
        ]
        variables = f"({', '.join(declared)})" if declared else ""
        selected = self._selections.of(place.field.type, depth=depth).text
        named = get_named_type(place.field.type).name
        asked = " ".join(
            self._asked(place, n, "{ ...Whole }" * bool(selected)) for n in range(aliases)
        )
        fragment = f" fragment Whole on {named} {selected}" if selected else ""
        return f"{place.operation}{variables} {{ {asked} }}{fragment}"

    def _asked(self, place: Place, n: int, selected: str) -> str:
        """One alias, from the root down to the place, which is always called `at`."""
        arguments = [f"{name}: $a{n}_{name}" for name in place.field.args]
        text = f"{place.steps[-1].name}{_listed(arguments)} {selected}"
        for step in range(len(place.steps) - 1, 0, -1):
            on, above = place.steps[step].on, place.steps[step - 1]
            inner = f"... on {on} {{ {text} }}" if on else text
            given = [
                f"{name}: $w_{step - 1}_{name}"
                for name, argument in above.field.args.items()
                if required(argument.type)
            ]
            text = f"{above.name}{_listed(given)} {{ {inner} }}"
        return f"a{n}: {text}"


def _listed(arguments: list[str]) -> str:
    return f"({', '.join(arguments)})" if arguments else ""
