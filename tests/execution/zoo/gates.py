"""Gates: permissions, extensions of fields, what resolvers are told, and odd signatures."""

# Strawberry's decorators of permissions and extensions are untyped.
# mypy: disable-error-code="untyped-decorator"

import asyncio
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission

from tests.execution.zoo.arguments import Style, told
from tests.execution.zoo.whims import Promise, Whims


class Closed(BasePermission):
    message = "closed"
    error_extensions = {"code": "CLOSED"}  # noqa: RUF012

    def has_permission(self, source: Any, info: strawberry.Info, **given: Any) -> bool:
        del source, info, given
        return False


class Asked(BasePermission):
    message = "not today"

    async def has_permission(self, source: Any, info: strawberry.Info, **given: Any) -> bool:
        del given
        await asyncio.sleep(0)
        return info.context.whims.at(f"{source.place}.permission") is None


class Loudly(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **given: Any) -> Any:
        return str(next_(source, info, **given)).upper()


class Later(FieldExtension):
    async def resolve_async(
        self, next_: Any, source: Any, info: strawberry.Info, **given: Any
    ) -> Any:
        await asyncio.sleep(0)
        return f"{await next_(source, info, **given)} later"


def _by_position(root: Any) -> str:
    return f"{root.place} by position"


@strawberry.type
class Gate:
    place: strawberry.Private[str]
    whims: strawberry.Private[Whims]
    number: int

    by_position: str = strawberry.field(resolver=_by_position)

    @strawberry.field(permission_classes=[Closed])
    def closed(self) -> str | None:
        return "never"

    @strawberry.field(permission_classes=[Closed])
    def surely_closed(self) -> list[str]:
        return ["never"]

    @strawberry.field(permission_classes=[Asked])
    async def asked(self) -> str:
        return "asked"

    @strawberry.field(extensions=[Loudly()])
    def loud(self, word: str = "hey") -> str:
        return f"{word} {self.place}"

    @strawberry.field(extensions=[Later()])
    async def later(self) -> str | None:
        found: str | None = await self.whims.brought(f"{self.place}.later", "opened")
        return found

    @strawberry.field
    def path(self, info: strawberry.Info) -> str:
        return ".".join(map(str, info.path.as_list()))

    @strawberry.field
    async def told(self, info: strawberry.Info, style: Style | None = None) -> str:
        raw = info._raw_info
        return " | ".join(
            map(
                str,
                (
                    *(info.field_name, info.python_name, info.return_type, raw.return_type),
                    *(raw.parent_type, len(raw.field_nodes), sorted(raw.fragments)),
                    *(sorted(info.variable_values.items()), info.operation.operation.value),
                    *(info.root_value, info.context.whims is self.whims, info.path.typename),
                    *(
                        type(info).__mro__[-3].__name__,
                        told(style),
                        raw.path.prev and raw.path.prev.key,
                    ),
                ),
            )
        )

    @strawberry.field
    def selected(self, info: strawberry.Info) -> "Gate | None":
        names = [_names(field) for field in info.selected_fields]
        return Gate(place=str(names), whims=self.whims, number=len(names))

    @strawberry.field
    def placed(self) -> str:
        return self.place

    @strawberry.field
    def promised(self) -> int:
        return Promise(1, self.number)  # type: ignore[return-value]

    @strawberry.field
    def broken_promise(self) -> int | None:
        return Promise(1, ValueError(f"{self.place} is broken"))  # type: ignore[return-value]

    @strawberry.field
    def promises(self) -> list[int | None]:
        kept: list[Any] = [
            Promise(2, self.number),
            None,
            Promise(1, ValueError("no")),
            ValueError("never"),
            Promise(0, None),
        ]
        return kept

    @strawberry.field
    async def twice_promised(self) -> int | None:
        return Promise(1, self.number)  # type: ignore[return-value]

    @strawberry.field
    def parent_and_self(self, parent: strawberry.Parent[Any]) -> str:
        return f"{self is parent}"

    @strawberry.field
    def keyword_only(root: strawberry.Parent[Any], *, twice: bool = False) -> str:  # noqa: N805
        return str(root.number * (2 if twice else 1))

    @strawberry.field(name="class")
    def renamed(self, from_: int = 4) -> str:
        return told(from_)

    @strawberry.field
    @staticmethod
    def static(word: str = "still") -> str:
        return word

    @strawberry.field
    @classmethod
    def of_class(cls) -> str:
        return cls.__name__


def _names(field: Any) -> str:
    inner = ",".join(_names(one) for one in field.selections)
    return f"{field.name}({inner})"


def gate(whims: Whims, place: str) -> Gate:
    return Gate(place=place, whims=whims, number=len(place))
