"""How the values of a field are found: for all objects of a batch at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from execution.arguments import Arguments
from execution.careful import complete_carefully, execute_all_carefully, fail
from execution.completing import complete
from execution.declarations import Batched
from execution.leaves import Constants, Unusual
from execution.source import attribute

if TYPE_CHECKING:
    from execution.batches import Batch, Made
    from execution.running import Run
    from execution.selections import Field

Invoke = Callable[[Any, Any, dict[str, Any]], Any]
MakeInfo = Callable[["Run", "Field", "Batch", "Made"], Any]


class Resolve(Protocol):
    """Finds the values of a field, or begins to, for all objects of a batch."""

    def __call__(self, run: "Run", field: "Field", batch: "Batch") -> None: ...


class PlainRead(Protocol):
    """Reads an attribute of the object, without arguments, context or side effects."""

    def source(self, of: str, constants: Constants) -> str: ...

    def values(self, objects: list[Any]) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class AttributeRead:
    """As Strawberry's default resolver reads; `get` is `getattr` unless configured otherwise."""

    name: str
    get: Callable[[Any, str], Any]

    def source(self, of: str, constants: Constants) -> str:
        if self.get is not getattr:
            return f"{constants.name('get', self.get)}({of}, {self.name!r})"
        return attribute(of, self.name)

    def values(self, objects: list[Any]) -> list[Any]:
        return [self.get(o, self.name) for o in objects]


@dataclass(frozen=True, slots=True)
class DefaultRead:
    """As graphql-core's default resolver reads, but for methods, which it has to call."""

    name: str

    def source(self, of: str, constants: Constants) -> str:
        return f"{constants.name('default', _default)}({of}, {self.name!r})"

    def values(self, objects: list[Any]) -> list[Any]:
        return [_default(o, self.name) for o in objects]


def _default(source: Any, name: str) -> Any:
    value = source.get(name) if type(source) is dict else getattr(source, name, None)
    if callable(value) or (type(source) is not dict and hasattr(source, "keys")):
        raise Unusual
    return value


def resolve_plainly(run: "Run", field: "Field", batch: "Batch") -> None:
    """Read objects and lists off the objects of the batch."""
    assert field.plain is not None  # noqa: S101 - see building.py
    try:
        values = field.plain.values(batch.objects)
    except Exception:  # noqa: BLE001 - whatever it was, graphql-core meets it again
        execute_all_carefully(run, field, batch)
    else:
        complete(run, field, batch, batch.dicts, values)


@dataclass(frozen=True, slots=True)
class ParentCall:
    """A synchronous function of the parent alone."""

    function: Callable[[Any], Any]

    def __call__(self, run: "Run", field: "Field", batch: "Batch") -> None:
        function = self.function
        values: list[Any] = []
        for source in batch.objects:
            try:
                values.append(function(source))
            except Exception as error:  # noqa: BLE001 - an exception is a value too
                values.append(error)
        complete(run, field, batch, batch.dicts, values)


@dataclass(frozen=True, slots=True)
class Call:
    """A resolver of any shape: `invoke` is handed the parent, its info and its arguments.

    `is_async`: what it returns is to be awaited, always.
    """

    invoke: Invoke
    info: MakeInfo | None
    arguments: Arguments | None
    is_async: bool

    def __call__(self, run: "Run", field: "Field", batch: "Batch") -> None:
        values: list[Any] = []
        for made, source in zip(batch.dicts, batch.objects, strict=True):
            try:
                given = self.arguments.given(run) if self.arguments else {}
                info = self.info(run, field, batch, made) if self.info else None
                values.append(self.invoke(source, info, given))
            except Exception as error:  # noqa: BLE001
                values.append(error)
        if not self.is_async:
            complete(run, field, batch, batch.dicts, values)
        elif any(isinstance(value, Exception) for value in values):
            for made, value in zip(batch.dicts, values, strict=True):
                complete_carefully(run, field, batch, made, value)
        else:
            run.wait(field, batch, batch.dicts, values)


@dataclass(frozen=True, slots=True)
class BatchedCall:
    """All keys of the batch in one call."""

    declared: Batched

    def __call__(self, run: "Run", field: "Field", batch: "Batch") -> None:
        key = self.declared.key
        try:
            keys = [getattr(source, key) for source in batch.objects]
        except Exception:  # noqa: BLE001 - the resolver itself meets it again
            execute_all_carefully(run, field, batch)
            return
        dicts = batch.dicts
        if None in keys:
            absent = [made for made, one in zip(dicts, keys, strict=True) if one is None]
            complete(run, field, batch, absent, [None] * len(absent))
            dicts = [made for made, one in zip(dicts, keys, strict=True) if one is not None]
            keys = [one for one in keys if one is not None]
        if not keys:
            return
        try:
            loading = self.declared.load(run.context, keys)
        except Exception as error:  # noqa: BLE001 - the same for each of them
            for made in dicts:
                fail(run, field, batch, made, error)
        else:
            run.wait_for_all(field, batch, dicts, loading)
