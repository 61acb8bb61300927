"""Leaf types of the zoo, and the values that columns of them have, usual and odd."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any, NewType
from uuid import UUID
from zlib import crc32

import strawberry
from strawberry.schema.config import StrawberryConfig

from tests.execution.zoo.whims import Misfortune, Whims

BANGKOK = timezone(timedelta(hours=7))


@strawberry.enum
class Diet(Enum):
    MEAT = "meat"
    PLANTS = "plants"
    ANYTHING = 3


@strawberry.enum
class Colour(StrEnum):
    RED = "red"
    BLUE = "BLUE"


@strawberry.enum
class Size(Enum):
    SMALL = "small"
    LARGE = strawberry.enum_value("large", name="HUGE")


@strawberry.enum
class Rank(IntEnum):
    JUNIOR = 1
    SENIOR = 2


Weight = NewType("Weight", object)


def _weighed(value: Any) -> Any:
    if value == 13:
        raise Misfortune("nothing weighs 13")
    return None if value == 0 else f"{value} kg"


CONFIG = StrawberryConfig(
    scalar_map={Weight: strawberry.scalar(name="Weight", serialize=_weighed, parse_value=int)}
)


def columns(whims: Whims, place: str) -> dict[str, Any]:
    """One of all leaf types, by name, as a row of that place has them."""
    n = crc32(place.encode()) % 1000
    at = datetime(2026, 5, n % 28 + 1, 8, 30, 15, n * 1000 if n % 2 else 0, UTC)

    def column(name: str, usual: Any, *odd: Any) -> Any:
        return whims.column(f"{place}.{name}", usual, *odd)

    return {
        "id": column("id", str(n), n, 2.0, "", True, UUID(int=n)),
        "seats": column("seats", n, True, "12", "x", 3.0, 3.5, 2**31, -(2**31), Rank.SENIOR),
        "discount": column("discount", n / 4, n, "1.5", "x", float("nan"), float("inf"), False),
        "note": column("note", f"note {n} \u00fc", n, 1.5, True, b"bytes", Size.LARGE, ""),
        "valid": column("valid", bool(n % 2), 0, 1, "true", 0.0, 1.5, float("nan")),
        "price": column("price", Decimal(n) / 4, n, "1.0", "x", Decimal("NaN"), 1.5),
        "opened": column("opened", at, at.astimezone(BANGKOK), at.replace(tzinfo=None), at.date()),
        "day": column("day", date(2026, 5, 1), at, "2026-05-01"),
        "closing": column("closing", time(10, n % 60), at.timetz(), at),
        "code": column("code", UUID(int=n), str(UUID(int=n)), n),
        "extras": column("extras", {"b": [n, {"a": None}], "a": 1.5}, [], "text", 0, False, n),
        "weight": column("weight", n or 1, 0, 13),
        "diet": column("diet", [*Diet][n % 3], "meat", 3, "MEAT", "nothing", [], True, 3.0),
        "size": column("size", [*Size][n % 2], "large", "HUGE", "LARGE", {}),
        "colour": column("colour", [*Colour][n % 2], "red", "RED", Size.SMALL, b"red"),
        "rank": column("rank", [*Rank][n % 2], 1, 2.0, True, "JUNIOR", 9),
        "tags": column("tags", ["a", "b"], [], ("t",), ["a", None], ["a", 7], [[]], "ab", {"k": 1}),
        "marks": column("marks", [n, None], [], ["3", True], [Misfortune(place)], (1,), range(3)),
        "missing": column("missing", None, "there"),
        "holder_id": column("holder_id", n % 5, None),
    }
