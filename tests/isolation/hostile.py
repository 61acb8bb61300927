"""What A puts where its own values belong: everything B has, forged and swapped, and beside each a
value of the same shape that never was."""

import base64
import json
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from tests.isolation.harvest import Harvest
from tests.isolation.places import Slot
from tests.isolation.supply import NEVER
from tests.isolation.values import ORDERED, choices

_UNKNOWN_TYPES = ("Session", "AuditEntry", "OrderEvent", "Nothing", "__proto__", "")
_INT = 2**31 - 1
_UNLIKELY = 100_000
_FEW = 3
_SEVERAL = 20
_SMALL, _LARGE, _DIGITS = string.ascii_lowercase, string.ascii_uppercase, string.digits
_OTHERS = str.maketrans(
    _SMALL + _LARGE + _DIGITS,
    "".join(
        signs[len(signs) // 2 :] + signs[: len(signs) // 2] for signs in (_SMALL, _LARGE, _DIGITS)
    ),
)


@dataclass(frozen=True)
class Value:
    """`never` has the same shape and stands for nothing; None where there is no such value, since
    the value itself is nobody's. `beside` are arguments that go with it."""

    shape: str
    value: Any
    never: Any = None
    beside: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Cursor:
    """Where it was found, in which order, and itself."""

    place: str
    beside: Mapping[str, Any]
    text: str


class Hostile:
    """Values for a slot. `theirs` are B's ids by kind, `cursors` those of its own pages."""

    def __init__(
        self,
        own: Harvest,
        other: Harvest,
        theirs: dict[str, list[UUID]],
        cursors: Sequence[Cursor] = (),
    ) -> None:
        self._other = other
        self._theirs = theirs
        self._cursors = cursors
        self._new = set(other.all_texts()) - set(own.all_texts())
        self._texts = {
            column: [text for text in texts if text in self._new]
            for column, texts in other.texts.items()
        }

    def values(self, slot: Slot, kind: str | None) -> Iterator[Value]:
        """For an ID, `kind` is the one that the slot takes (None: every kind)."""
        found = list(self._values(slot, kind))
        yield from found
        if slot.many and not slot.wrapped:
            several = found[:_SEVERAL]
            yield Value("several", [v.value for v in several], [v.never for v in several])

    def unique_texts(self) -> Iterator[Value]:
        """What B has in its unique keys: a thing of A may be called the same."""
        firsts = [
            text
            for column in sorted(self._other.keys & set(self._texts))
            for text in self._texts[column][:1]
        ]
        for text in dict.fromkeys(firsts):
            yield Value("text", text, never(text))

    def _values(self, slot: Slot, kind: str | None) -> Iterator[Value]:
        if slot.type.name == "ID":
            yield from self._few_ids(kind) if slot.wrapped else self._ids(kind)
        elif slot.path in {("after",), ("before",)}:
            yield from self._positions(slot)
        elif slot.type.name == "String":
            yield from self._some_texts(slot)
        elif slot.type.name in ORDERED:
            yield from self._ordered(slot.type.name)

    def _ids(self, kind: str | None) -> Iterator[Value]:
        every = self._other.all_ids()
        for one in sorted(self._theirs) if kind is None else [kind]:
            for row_id in dict.fromkeys([*self._theirs.get(one, ()), *every]):
                yield _named(one, row_id)
        for one, ids in sorted(self._theirs.items()):
            if kind not in {None, one}:
                yield _named(one, ids[0])
        sample = next(iter(self._theirs.get(kind or "Order", every)), every[0])
        for name in _UNKNOWN_TYPES:
            yield _named(name, sample)
        yield from _forged(kind or "Order", sample)
        for text in self.all_texts()[:_FEW]:
            yield Value("text", text, never(text))

    def _few_ids(self, kind: str | None) -> Iterator[Value]:
        ids = self._theirs.get(kind or "Order", self._other.all_ids())[:_FEW]
        for row_id in ids:
            yield _named(kind or "Order", row_id)
        yield from list(_forged(kind or "Order", ids[0]))[:_FEW]

    def all_texts(self) -> list[str]:
        return list(dict.fromkeys(text for texts in self._texts.values() for text in texts))

    def _some_texts(self, slot: Slot) -> Iterator[Value]:
        """Those of a column of that name, and two of every other; of those, through `and`, `or`
        and `not`, some."""
        near = [text for text in self._other.called(_named_by(slot)) if text in self._new]
        others = [text for texts in self._texts.values() for text in texts[:2]]
        chosen = [*near[:_FEW], *others[::9]] if slot.wrapped else [*near, *others]
        for text in dict.fromkeys(chosen):
            yield Value("text", text, never(text))
        for kind, ids in sorted(self._theirs.items())[: _FEW if slot.wrapped else None]:
            yield Value("id as text", str(ids[0]), str(NEVER))
            yield _named(kind, ids[0])

    def _positions(self, slot: Slot) -> Iterator[Value]:
        """B's cursors of every list, those of this one in the order that they belong to."""
        for cursor in self._cursors:
            beside = cursor.beside if cursor.place == slot.place.name else {}
            shape = f"cursor of {cursor.place} {cursor.beside or ''}"
            yield Value(shape, cursor.text, _never_there(cursor.text), beside)
        for number in range(1, _FEW + 1):
            yield Value("sequence", str(number), str(number))
        for text in self.all_texts()[:_FEW]:
            yield Value("text", text, never(text))

    def _ordered(self, kind: str) -> Iterator[Value]:
        if kind == "DateTime":
            moments = sorted(self._other.moments)
            for moment in moments[:: max(1, len(moments) // 5)]:
                later = moment + timedelta(microseconds=1)
                yield Value("moment", moment.isoformat(), later.isoformat())
            return
        numbers = [number for number in self._other.numbers if number >= _UNLIKELY]
        for number in numbers[:: max(1, len(numbers) // 6)]:
            if kind == "Int":
                if number < _INT:
                    yield Value("number", number, number + 1)
                continue
            for digits in (2, 6):
                exact, next_one = (Decimal(n).scaleb(-digits) for n in (number, number + 1))
                yield Value(f"{digits} decimals", f"{exact:f}", f"{next_one:f}")


def chosen(slot: Slot) -> Iterator[Value]:
    """Every value of a slot that has few of them, which are the same for everybody."""
    for value in choices(slot.type):
        yield Value(f"choice {value}", value)


def never(text: str) -> str:
    """A text of the same length and characters that nobody has."""
    return text.translate(_OTHERS)


def _named_by(slot: Slot) -> str:
    operators = {"eq", "oneOf"}
    return next(name for name in reversed(slot.path) if name not in operators)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _named(kind: str, id: UUID) -> Value:
    return Value(f"{kind or 'nameless'} id", _encoded(f"{kind}:{id}"), _encoded(f"{kind}:{NEVER}"))


def _forged(kind: str, id: UUID) -> Iterator[Value]:
    """Ids as nobody gave them out; some read as the row's id all the same."""
    forms: dict[str, Callable[[UUID], str]] = {
        "bare": str,
        "bare hexadecimal": lambda one: one.hex,
        "urn": lambda one: _encoded(f"{kind}:urn:uuid:{one}"),
        "braces": lambda one: _encoded(f"{kind}:{{{one}}}"),
        "hexadecimal": lambda one: _encoded(f"{kind}:{one.hex}"),
        "capitals": lambda one: _encoded(f"{kind}:{str(one).upper()}"),
        "small type": lambda one: _encoded(f"{kind.lower()}:{one}"),
        "space before": lambda one: _encoded(f"{kind}: {one}"),
        "more bytes": lambda one: _encoded(f"{kind}:{one}' OR true --"),
        "line end": lambda one: _encoded(f"{kind}:{one}\n"),
        "NUL": lambda one: _encoded(f"{kind}:{one}\x00"),
        "twice": lambda one: _encoded(f"{kind}:{one}:{one}"),
        "encoded twice": lambda one: _encoded(_encoded(f"{kind}:{one}")),
        "garbage before": lambda one: f"!{_encoded(f'{kind}:{one}')}",
        "padding lost": lambda one: _encoded(f"{kind}:{one}").rstrip("="),
        "cut": lambda one: _encoded(f"{kind}:{one}")[:-5],
        "space around": lambda one: f" {_encoded(f'{kind}:{one}')} ",
    }
    for shape, form in forms.items():
        yield Value(f"forged: {shape}", form(id), form(NEVER))


def _never_there(cursor: str) -> str:
    """The same place in the list, after a row that never was."""
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        *place, _ = json.loads(base64.urlsafe_b64decode(padded))
    except ValueError:
        return never(cursor)
    text = json.dumps([*place, str(NEVER)], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
