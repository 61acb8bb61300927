"""Global ids and the `node` look-up.

An id is opaque: base64 of `Type:id`. It says nothing about the workspace, so an id of another
workspace reads as absent, exactly like one that never was.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import strawberry

from commerce.pages import BadArgument
from execution import by_class
from schema.context import Info


@strawberry.interface(description="Anything that can be fetched again by its id.")
class Node:
    id: strawberry.ID


@dataclass(frozen=True, slots=True)
class _Kind:
    relation: str
    read: Callable[[str], Any]


_kinds: dict[str, _Kind] = {}


def node_id(type_name: str, *, relation: str, read: Callable[[str], Any] = UUID) -> Any:
    """The `id` field of a node type, and how `node` finds one again."""
    _kinds[type_name] = _Kind(relation, read)

    def resolve(root: strawberry.Parent[Any]) -> strawberry.ID:
        return global_id(type_name, root["id"])

    return strawberry.field(resolver=resolve)


def instances_of(kind: type) -> Any:
    """The `is_type_of` of a type whose objects are of that class, and are no others'."""

    @by_class
    def is_type_of(obj: Any, _info: Any) -> bool:
        return isinstance(obj, kind)

    return staticmethod(is_type_of)


def global_id(type_name: str, value: Any) -> strawberry.ID:
    return strawberry.ID(base64.b64encode(f"{type_name}:{value}".encode()).decode())


def local_id(type_name: str, value: str, *, argument: str) -> Any:
    """The row id within a global id of that type; anything else is `BadArgument`."""
    name, local = _split(value, argument)
    if name != type_name:
        raise BadArgument(argument, f"is the id of a {name}; the id of a {type_name} is wanted.")
    return local


async def find_node(info: Info, id: strawberry.ID) -> Any:
    name, local = _split(id, "id")
    return await info.context.load(_kinds[name].relation, local)


def _split(value: str, argument: str) -> tuple[str, Any]:
    try:
        name, _, text = base64.b64decode(value, validate=True).decode().partition(":")
        return name, _kinds[name].read(text)
    except (binascii.Error, ValueError, KeyError):
        raise BadArgument(
            argument, "is not an id of ours; pass one from an `id` field unchanged."
        ) from None
