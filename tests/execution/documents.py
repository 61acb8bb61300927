"""Random operations on a schema: the same ones for the same number."""

import random
from collections.abc import Callable
from typing import Any
from zlib import crc32

from graphql import (
    GraphQLField,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_union_type,
)

from tests.execution.answering import Asked

_MOST_FIELDS = 12
_OFTEN = (0, 0, 10, 10, 30, 30, 100, 300)  # how many of a thousand places meet a whim
_LITERALS: dict[str, Callable[[random.Random], str]] = {
    "Int": lambda chance: str(chance.randint(0, 5)),
    "Float": lambda chance: chance.choice(["1.5", "2", "-0.25", "1e3"]),
    "String": lambda chance: chance.choice(['"s"', '""', '"\\u00fc"', '"""block"""']),
    "Boolean": lambda chance: chance.choice(["true", "false"]),
    "ID": lambda chance: chance.choice(['"1"', "2", '"x"']),
    "Decimal": lambda _: '"1.25"',
    "DateTime": lambda chance: chance.choice(['"2026-05-01T08:00:00Z"', '"2026-05-01T08:00:00"']),
    "Date": lambda _: '"2026-05-01"',
    "UUID": lambda _: '"00000000-0000-0000-0000-000000000001"',
}
_VALUES: dict[str, tuple[Any, ...]] = {
    "Int": (0, 1, 3, 5, True, 2.0, "3", None, 2**31, -(2**31), 1.5),
    "Float": (1.5, 2, 0, True, "1.5", None, 10**400),
    "String": ("s", "", "\u00fc", 7, None, True),
    "Boolean": (True, False, 0, "true", None),
    "ID": ("1", 2, "x", 1.0, True, None),
    "Decimal": ("1.25", 1, "x", None),
    "DateTime": ("2026-05-01T08:00:00Z", "yesterday", None),
    "Date": ("2026-05-01", None),
    "UUID": ("00000000-0000-0000-0000-000000000001", "x", None),
}


class Writing:
    """Writes one operation; what variables and fragments it needs is noted on the way."""

    def __init__(self, schema: GraphQLSchema, chance: random.Random) -> None:
        self._schema = schema
        self._chance = chance
        self._fields = 0
        self._variables: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        self._fragments: dict[str, tuple[str, str]] = {}

    def operation(self) -> tuple[str, dict[str, Any]]:
        kind = self._chance.choice(["query"] * 8 + ["mutation", "subscription"])
        root: Any = getattr(self._schema, f"{kind}_type")
        if kind == "subscription":
            name, definition = self._chance.choice(list(root.fields.items()))
            body = f"{{ {name}{self._selection(get_named_type(definition.type), 2)} }}"
        else:
            body = self._selection(root, self._chance.randint(2, 4))
        defined = ", ".join(f"${name}: {kind}" for name, kind in self._variables.items())
        fragments = " ".join(text for _, text in self._fragments.values())
        header = f"{kind} Q({defined})" if defined else kind
        return f"{header} {body} {fragments}".strip(), self._values

    def _selection(self, kind: Any, depth: int) -> str:
        chance = self._chance
        parts = []
        fields = {} if is_union_type(kind) else kind.fields
        for name in chance.sample(list(fields), min(len(fields), chance.randint(1, 4))):
            times = chance.choice([1] * 9 + [2])
            parts += [self._field(kind, name, fields[name], depth) for _ in range(times)]
        if is_abstract_type(kind) and depth > -2:
            for possible in self._conditions(kind):
                if chance.random() < 0.6:
                    below = self._selection(possible, depth - 1)
                    parts.append(f"... on {possible.name}{self._condition()} {below}")
        if chance.random() < 0.25 and depth > 0:
            parts.append(self._spread(kind, depth))
        if chance.random() < 0.1 and depth > 0:
            parts.append(f"...{self._condition()} {self._selection(kind, depth - 1)}")
        if chance.random() < 0.3 or not any(parts):
            parts.append("__typename")
        chance.shuffle(parts)
        return f"{{ {' '.join(part for part in parts if part)} }}"

    def _conditions(self, kind: Any) -> list[Any]:
        found: list[Any] = list(self._schema.get_possible_types(kind))
        above = {one.name: one for possible in found for one in possible.interfaces}
        return [*found, *(above[name] for name in sorted(above))]

    def _field(self, parent: Any, name: str, definition: GraphQLField, depth: int) -> str:
        inner = get_named_type(definition.type)
        if self._fields > _MOST_FIELDS or (depth <= 0 and not is_leaf_type(inner)):
            return ""
        self._fields += 1
        given = self._arguments(definition)
        alias = ""
        if given or self._chance.random() < 0.3:
            # The same field with the same arguments has the same alias, so that they merge.
            owner = "" if is_interface_type(parent) else parent.name
            alias = f"a{crc32(f'{owner} {name} {given} {definition.type}'.encode()) % 10_000}: "
        text = f"{alias}{name}{given}{self._condition()}"
        return text if is_leaf_type(inner) else f"{text} {self._selection(inner, depth - 1)}"

    def _spread(self, kind: Any, depth: int) -> str:
        known = [name for name, (on, _) in self._fragments.items() if on == kind.name]
        if known and self._chance.random() < 0.5:
            return f"...{self._chance.choice(known)}{self._condition()}"
        body = self._selection(kind, depth - 1)
        name = f"F{len(self._fragments)}"
        self._fragments[name] = (kind.name, f"fragment {name} on {kind.name} {body}")
        return f"...{name}{self._condition()}"

    def _condition(self) -> str:
        drawn = self._chance.random()
        if drawn > 0.12:
            return ""
        directive = "include" if drawn < 0.07 else "skip"
        value = self._chance.choice(["true", "false", "$yes", "$no", "$maybe"])
        if value.startswith("$"):
            name = value[1:]
            if name not in self._variables:
                self._variables[name] = "Boolean = true" if name == "maybe" else "Boolean!"
                if name != "maybe" or self._chance.random() < 0.4:
                    self._values[name] = self._chance.choice([True, False])
        return f" @{directive}(if: {value})"

    def _arguments(self, definition: GraphQLField) -> str:
        given = []
        for name, argument in definition.args.items():
            if not is_required_argument(argument) and self._chance.random() < 0.5:
                continue
            value = self._variable(argument.type) if self._chance.random() < 0.4 else None
            value = value or self._literal(argument.type)
            given.append(f"{name}: {value}")
        return f"({', '.join(given)})" if given else ""

    def _variable(self, kind: Any) -> str | None:
        """A variable of that type, whose value may be one that is refused."""
        inner = get_named_type(kind)
        name = f"v{crc32(str(kind).encode()) % 1000}{self._chance.choice('ab')}"
        if name not in self._variables:
            default = ""
            is_list = is_list_type(getattr(kind, "of_type", kind))
            if is_leaf_type(inner) and not is_list and self._chance.random() < 0.3:
                default = f" = {self._literal(inner)}"
            self._variables[name] = f"{kind}{default}"
            if self._chance.random() < 0.85:
                self._values[name] = self._value(kind)
        return f"${name}"

    def _literal(self, kind: Any) -> str:
        chance = self._chance
        if is_non_null_type(kind):
            return self._sure_literal(kind.of_type)
        return "null" if chance.random() < 0.08 else self._sure_literal(kind)

    def _sure_literal(self, kind: Any) -> str:
        chance = self._chance
        if is_list_type(kind):
            items = [self._literal(kind.of_type) for _ in range(chance.randint(0, 2))]
            return f"[{', '.join(items)}]"
        if is_enum_type(kind):
            return str(chance.choice(list(kind.values)))
        if is_input_object_type(kind):
            names = self._chosen(kind)
            # No null in an input of which exactly one has to be given.
            write = self._sure_literal if kind.is_one_of else self._literal
            pairs = [f"{name}: {write(kind.fields[name].type)}" for name in names]
            return f"{{{', '.join(pairs)}}}"
        return _LITERALS[kind.name](chance)

    def _value(self, kind: Any) -> Any:
        """Of JSON, for a variable; mostly one that fits."""
        chance = self._chance
        if is_non_null_type(kind):
            kind = kind.of_type
        elif chance.random() < 0.1:
            return None
        if is_list_type(kind):
            return [self._value(kind.of_type) for _ in range(chance.randint(0, 2))]
        if is_enum_type(kind):
            return chance.choice([*kind.values, *kind.values, "NONE"])
        if is_input_object_type(kind):
            return {name: self._value(kind.fields[name].type) for name in self._chosen(kind)}
        values = _VALUES[kind.name]
        return chance.choice(values if chance.random() < 0.1 else values[:2])

    def _chosen(self, kind: Any) -> list[str]:
        if kind.is_one_of:
            return [self._chance.choice(list(kind.fields))]
        return [name for name in kind.fields if self._chance.random() < 0.5]


def asked(schema: GraphQLSchema, number: int) -> Asked:
    """The operation of that number; not each is valid."""
    chance = random.Random(number)
    query, variables = Writing(schema, chance).operation()
    often = chance.choice(_OFTEN)
    return Asked(
        query,
        variables or None,
        seed=chance.randint(1, 10**6) if often else None,
        often=often,
        cancelling=chance.random() < 0.2,
    )
