"""Animals: interfaces and unions, told apart by class, by function and by name."""

from types import SimpleNamespace
from typing import Annotated, Any
from zlib import crc32

import strawberry
from graphql import GraphQLAbstractType, GraphQLResolveInfo

from execution import by_class
from tests.execution.zoo.arguments import Style, styled
from tests.execution.zoo.relations import finds
from tests.execution.zoo.tickets import Record, Ticket, ticket
from tests.execution.zoo.whims import Whims


@strawberry.interface
class Named:
    name: str

    @strawberry.field
    def label(self, shout: bool = False) -> str:  # noqa: FBT001, FBT002
        name = str(self.name)
        return name.upper() if shout else name


@strawberry.interface
class Being(Named):
    id: strawberry.ID
    age: int | None

    @strawberry.field
    def described(root: strawberry.Parent[Any], style: Style | None = None) -> str | None:  # noqa: N805
        told: str | None = root.whims.told(f"{root.place}.described", styled(root.name, style))
        return told

    @strawberry.field
    async def mother(root: strawberry.Parent[Any]) -> "Being | None":  # noqa: N805
        found: Being | None = await root.whims.brought(
            f"{root.place}.mother", being(root.whims, f"{root.place}.mother")
        )
        return found

    @strawberry.field
    async def young(root: strawberry.Parent[Any], first: int = 2) -> "list[Being]":  # noqa: N805
        young = [being(root.whims, f"{root.place}.young{n}") for n in range(min(first, 4))]
        found: list[Being] = await root.whims.brought(
            f"{root.place}.young", root.whims.items(f"{root.place}.young", young)
        )
        return found

    @strawberry.field
    def ticket(root: strawberry.Parent[Any]) -> "Ticket | None":  # noqa: N805
        place = f"{root.place}.ticket"
        found: Ticket | None = root.whims.told(place, ticket(root.whims, place))
        return found

    @strawberry.field
    def tickets(root: strawberry.Parent[Any], info: strawberry.Info) -> "list[Ticket]":  # noqa: N805
        place = f"{root.place}.tickets"
        made = [ticket(info.context.whims, f"{place}.{n}") for n in range(3)]
        found: list[Ticket] = root.whims.told(place, root.whims.items(place, made))
        return found


@strawberry.type
class Lion(Being):
    place: strawberry.Private[str]
    whims: strawberry.Private[Whims]
    mane: float | None = None


class ParrotRow(Record):
    """The rows of parrots, of a class of their own."""


@strawberry.type
class Parrot(Being):
    words: list[str] | None

    @classmethod
    @by_class
    def is_type_of(cls, value: Any, _info: GraphQLResolveInfo[Any]) -> bool:
        return isinstance(value, (ParrotRow, Parrot))


def _is(kind: str) -> Any:
    def is_type_of(value: Any, _info: GraphQLResolveInfo[Any]) -> bool:
        return getattr(value, "kind", None) == kind

    return is_type_of


@strawberry.type
class Turtle(Being):
    is_type_of = _is("turtle")
    shell: int


@strawberry.type
class Snail(Being):
    is_type_of = _is("snail")
    shell: str | None


@strawberry.type
class Keeper(Named):
    place: strawberry.Private[str]
    whims: strawberry.Private[Whims]
    motto: str | None = None

    @strawberry.field
    async def charges(self) -> "list[Inhabitant | None] | None":
        place = f"{self.place}.charges"
        made = [being(self.whims, f"{place}.{n}") for n in range(3)]
        found: list[Any] = await self.whims.brought(place, self.whims.items(place, made))
        return found


Inhabitant = Annotated[Lion | Parrot | Turtle, strawberry.union("Inhabitant")]
Anything = Annotated[Keeper | Lion | Parrot | Snail, strawberry.union("Anything")]


@strawberry.interface
class Sounding:
    loud: int | None

    @classmethod
    def resolve_type(
        cls, value: Any, _info: GraphQLResolveInfo[Any], _type: GraphQLAbstractType
    ) -> str:
        kind: str = value.kind
        return kind


@strawberry.type
class Bell(Sounding):
    metal: str

    @classmethod
    def is_type_of(cls, value: Any, _info: GraphQLResolveInfo[Any]) -> bool:
        return getattr(value, "kind", None) in {"Bell", "Cracked"}


@strawberry.type
class Horn(Sounding):
    curved: bool

    @classmethod
    def is_type_of(cls, _value: Any, _info: GraphQLResolveInfo[Any]) -> bool:
        return True


def sounding(whims: Whims, place: str) -> Any:
    kind = ["Bell", "Bell", "Horn", "Horn", "Bell", "Gong", "Lion", ""]
    return SimpleNamespace(
        kind=kind[_drawn(whims, place) % (8 if whims.seed else 4)],
        loud=whims.column(f"{place}.loud", 3, "x"),
        metal=whims.column(f"{place}.metal", "bronze"),
        curved=whims.column(f"{place}.curved", True),
    )


def being(whims: Whims, place: str) -> Any:
    values = {
        "place": place,
        "whims": whims,
        "name": whims.column(f"{place}.name", f"name {_drawn(whims, place) % 100}", 7),
        "id": whims.column(f"{place}.id", place),
        "age": whims.column(f"{place}.age", _drawn(whims, place) % 30, "old", 2**40),
    }
    match _drawn(whims, place) % 8:
        case 0 | 1:
            return Lion(**values, mane=whims.column(f"{place}.mane", 1.5, 1, None))
        case 2 | 3:
            words = whims.column(f"{place}.words", ["hello"], None, [None], ["a", 1])
            return ParrotRow({**values, "words": words})
        case 4 | 5:
            return SimpleNamespace(**values, kind="turtle", shell=whims.column(f"{place}.shell", 4))
        case 6:
            return SimpleNamespace(**values, kind="snail", shell=None)
    if whims.seed is None or _drawn(whims, place) % 3:
        return strawberry.cast(Lion, SimpleNamespace(**values, mane=None))
    return SimpleNamespace(**values, kind="unknown")


def keeper(whims: Whims, place: str) -> Keeper:
    name = whims.column(f"{place}.name", f"Keeper {place}")
    return Keeper(name=name, place=place, whims=whims, motto=whims.column(f"{place}.motto", "Go"))


@finds("holder")
def _holder(context: Any, key: Any) -> Any:
    return keeper(context.whims, f"holder.{key}")


@finds("many_holders")
def _many_holders(context: Any, key: Any) -> Any:
    return [keeper(context.whims, f"holder.{key}.{n}") for n in range(int(key) % 3)]


def _drawn(whims: Whims, place: str) -> int:
    return crc32(f"{whims.seed} {place} drawn".encode())
