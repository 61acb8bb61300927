"""Attempts: one field, one value of somebody else's in one of its slots, an answer of its own."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.isolation.hostile import Hostile, Value, chosen
from tests.isolation.places import Path, Place, Slot, slots
from tests.isolation.supply import Kinds, Supply
from tests.isolation.values import Arguments, UnknownValue, check_known

Given = dict[str, Any]
ANY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Attempt:
    """`sent` is what the asker said that was not its own; `instead` builds the same attempt with a
    value that never was. Without it, the answer is compared with that from before B had anything.
    """

    place: Place
    slot: str
    shape: str
    given: Given
    sent: tuple[str, ...]
    instead: Callable[[], "Attempt"] | None
    kind: str | None = None  # of the ids that the slot takes, where it takes one

    @property
    def sort(self) -> tuple[str, str]:
        """Attempts of one sort differ in nothing but the value."""
        return self.slot, self.shape

    @property
    def told(self) -> str:
        return f"{self.slot} with {self.shape} {json.dumps(self.sent, ensure_ascii=False)[:80]}"


class Plan:
    """Makes the attempts of one workspace, out of its own values and those of another."""

    def __init__(self, kinds: Kinds, supply: Supply) -> None:
        self._kinds = kinds
        self._supply = supply
        self._using_up = False
        self.arguments = Arguments(self._own_id, mark="own")

    def own(self, place: Place) -> Attempt:
        """A place with nothing but the workspace's own values, which a mutation uses up."""
        return Attempt(place, place.name, "plain", self._fresh(place), (), None)

    def nobodys(self, place: Place) -> Iterator[Attempt]:
        """Every value of the slots that have few of them: which rows they find is A's alone."""
        yield self.own(place)
        for slot in slots(place):
            check_known(slot)
            for value in chosen(slot):
                given = self.arguments.of(place, slot.path, value.value)
                yield Attempt(place, slot.name, value.shape, given, (), None)

    def hostile(
        self,
        place: Place,
        theirs: Hostile,
        types: frozenset[str] = ANY,
        *,
        few: int | None = None,
    ) -> Iterator[Attempt]:
        """What the other has, in slots of these types; where `few`, no more than that of each
        shape, and nothing in filters within filters."""
        for slot in slots(place):
            check_known(slot)
            if (types and slot.type.name not in types) or (few and slot.wrapped):
                continue
            counted: Counter[str] = Counter()
            for value in self._values(slot, theirs):
                counted[value.shape] += 1
                if few and counted[value.shape] > few:
                    continue
                if place.operation == "mutation" and slot.type.name == "String":
                    yield self._attempt(slot, value, self._fresh)
                else:
                    yield self._attempt(slot, value, self.arguments.of)

    def _values(self, slot: Slot, theirs: Hostile) -> Iterator[Value]:
        if slot.place.operation != "mutation" or slot.type.name == "ID":
            return theirs.values(slot, self._kind(slot.place, slot.path))
        # Numbers and codes of A's own making say nothing of B.
        return theirs.unique_texts() if slot.type.name == "String" else iter(())

    def _attempt(
        self, slot: Slot, value: Value, build: Callable[[Place, Path, Any], Given]
    ) -> Attempt:
        kind = self._kind(slot.place, slot.path)

        def made(shape: str, one: Any, instead: Callable[[], Attempt] | None) -> Attempt:
            given = {**build(slot.place, slot.path, one), **value.beside}
            return Attempt(slot.place, slot.name, shape, given, _said(one), instead, kind)

        return made(value.shape, value.value, lambda: made(value.shape, value.never, None))

    def _fresh(self, place: Place, path: Path = (), value: Any = None) -> Given:
        self._using_up = place.operation == "mutation"
        try:
            return self.arguments.of(place, path, value)
        finally:
            self._using_up = False

    def id_of(self, kind: str) -> str:
        """An id of the workspace's own, of that kind."""
        state = self._supply.states(kind)[0]
        return self._supply.ids[kind][state][0]

    def _own_id(self, place: Place, path: Path, on: str | None) -> str:
        kind = self._kind(place, path) or on or next(iter(self._supply.ids))
        if self._using_up:
            return self._supply.take(place, kind)
        return self._supply.peek(place, kind)

    def _kind(self, place: Place, path: Path) -> str | None:
        try:
            return self._kinds.of(place, path)
        except KeyError:
            return None

    def needed(self, place: Place) -> list[str]:
        """The kinds of the workspace's own that a place requires."""
        asked: list[str] = []

        def note(at: Place, path: Path, _on: str | None) -> str:
            kind = self._kind(at, path)
            if kind is None:
                raise UnknownValue(f"{at.name}({'.'.join(path)}) takes no kind of id.")
            asked.append(kind)
            return ""

        Arguments(note, mark="").of(place)
        return asked


def _said(value: Any) -> tuple[str, ...]:
    """What was sent, and the row's id within where it is an id of ours."""
    import base64
    import binascii

    values = value if isinstance(value, list) else [value]
    said = [str(one) for one in values]
    for one in list(said):
        try:
            inner = base64.b64decode(one).decode().partition(":")[2]
            said += [inner, UUID(inner).hex]
        except (binascii.Error, ValueError):
            continue
    return tuple(said)
