"""Runs attempts, many to a document, and judges the answer of each.

An answer must tell nothing of the neighbour, and be the answer to the same attempt with a value
that never was. Whoever may not ask at all is a case of that: both are refused alike.
"""

import asyncio
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tests.isolation.actors import Actor
from tests.isolation.asking import Endpoint, Reply
from tests.isolation.attempts import Attempt
from tests.isolation.documents import FLAT, Documents
from tests.isolation.leaks import Marks, without
from tests.isolation.values import Arguments

_AT_ONCE = 20
# With these, nothing was tried; or a bug was met.
_NOT_TRIED = {
    "BAD_REQUEST", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "INTERNAL_SERVER_ERROR",
    "LIMIT_EXCEEDED", "TIMEOUT", "UNAVAILABLE",
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What one attempt was answered: `raw` as it came, `plain` such that it can be compared."""

    raw: str
    plain: str


@dataclass(frozen=True)
class Round:
    """What the attempts of one document were answered."""

    outcomes: list[Outcome]
    refused: bool  # as a whole: one field that fails takes the others along
    statements: int | None
    status: int
    cost: Any
    around: str  # headers, and what of the body belongs to no attempt

    @property
    def effort(self) -> tuple[Any, ...]:
        return self.status, self.statements, self.cost


class Walk:
    """Attempts of one actor. `findings` are sentences; `counted` attempts were judged."""

    def __init__(
        self, endpoint: Endpoint, documents: Documents, arguments: Arguments, marks: Marks
    ) -> None:
        self.findings: list[str] = []
        self.counted = 0
        self.before: dict[str, Outcome] = {}
        self._endpoint = endpoint
        self._documents = documents
        self._arguments = arguments
        self.marks = marks
        self._controls: dict[Any, Round] = {}
        self._alone: set[Any] = set()

    async def remember(
        self, actor: Actor, attempts: Iterable[Attempt], *, depth: int = FLAT
    ) -> None:
        """Ask before the neighbour has anything: that is how it has to be answered later on."""
        for chunk in self._chunks(attempts, depth, actor):
            answered = await self._asked(actor, chunk, depth)
            for attempt, outcome in zip(chunk, answered.outcomes, strict=True):
                self.before[_key(attempt, depth)] = outcome

    def taken(self) -> list[str]:
        """What was found since this was last asked."""
        found, self.findings = self.findings, []
        return found

    async def run(self, actor: Actor, attempts: Iterable[Attempt], *, depth: int = FLAT) -> None:
        """Every attempt is judged, and counted."""
        for chunk in self._chunks(attempts, depth, actor):
            await self._judge(actor, chunk, depth)

    async def together(self, actor: Actor, attempts: Iterable[Attempt], *, tasks: int) -> None:
        """By so many at once."""
        chosen = list(attempts)
        async with asyncio.TaskGroup() as group:
            for start in range(tasks):
                group.create_task(self.run(actor, chosen[start::tasks]))

    async def tells_apart(self, actor: Actor, attempts: list[Attempt]) -> bool:
        """Whether any is answered otherwise than what never was: it has to be for who owns it."""
        for start in range(0, len(attempts), _AT_ONCE):
            for chunk in self._chunks(attempts[start : start + _AT_ONCE], FLAT, actor):
                told = await self._asked(actor, chunk, FLAT)
                control = await self._asked(actor, [_instead(one) for one in chunk], FLAT)
                if not _alike(told, control):
                    return True
        return False

    def _chunks(
        self, attempts: Iterable[Attempt], depth: int, actor: Actor
    ) -> Iterator[list[Attempt]]:
        """Attempts of one place by the document; those of a sort that fails as a whole, alone."""
        for place, found in groupby(attempts, key=lambda attempt: attempt.place):
            width, waiting = self._documents.width(place, depth=depth), []
            for attempt in found:
                if (actor.name, attempt.sort) in self._alone or place.operation == "mutation":
                    yield [attempt]
                    continue
                waiting.append(attempt)
                if len(waiting) == width:
                    yield waiting
                    waiting = []
            if waiting:
                yield waiting

    async def _judge(self, actor: Actor, chunk: list[Attempt], depth: int) -> None:
        answered = await self._asked(actor, chunk, depth)
        if len(chunk) > 1 and answered.refused:
            for attempt in chunk:
                await self._judge(actor, [attempt], depth)
            return
        if answered.refused:
            self._alone.add((actor.name, chunk[0].sort))
        self.counted += len(chunk)
        self._search(actor, chunk, answered)
        for n, attempt in enumerate(chunk):
            if attempt.instead is None:
                was = self.before.get(_key(attempt, depth))
                if was is not None and was.plain != answered.outcomes[n].plain:
                    self._find(
                        actor,
                        attempt,
                        "is answered otherwise since the neighbour is there",
                        was,
                        answered.outcomes[n],
                    )
        if all(attempt.instead is not None for attempt in chunk):
            await self._compare(actor, chunk, answered, depth)

    def _search(self, actor: Actor, chunk: list[Attempt], answered: Round) -> None:
        said = [one for attempt in chunk for one in attempt.sent]
        for where in self.marks.found_in(answered.around, sent=said):
            self.findings.append(
                f"{actor.name}: a header or the envelope tells {where}: {chunk[0].told}"
            )
        for attempt, outcome in zip(chunk, answered.outcomes, strict=True):
            for where in self.marks.found_in(outcome.raw, sent=attempt.sent):
                self.findings.append(f"{actor.name}: {attempt.told} was told {where}")

    async def _compare(
        self, actor: Actor, chunk: list[Attempt], answered: Round, depth: int
    ) -> None:
        """With the same attempts about what never was: the first of their sort, or if that is not
        the same, each with its very own."""
        control = await self._control(actor, chunk, depth)
        if _alike(answered, control):
            return
        control = await self._asked(actor, [_instead(attempt) for attempt in chunk], depth)
        for attempt, is_, should in zip(chunk, answered.outcomes, control.outcomes, strict=True):
            if is_.plain != should.plain:
                self._find(actor, attempt, "is not answered as what never was", should, is_)
        if answered.effort != control.effort:
            self.findings.append(
                f"{actor.name}: {chunk[0].told} and what never was differ in status, statements "
                f"or cost: {answered.effort} and {control.effort}"
            )

    async def _control(self, actor: Actor, chunk: list[Attempt], depth: int) -> Round:
        key = (actor.name, chunk[0].place, depth, tuple(attempt.sort for attempt in chunk))
        if key not in self._controls:
            self._controls[key] = await self._asked(
                actor, [_instead(attempt) for attempt in chunk], depth
            )
        return self._controls[key]

    async def _asked(self, actor: Actor, chunk: list[Attempt], depth: int) -> Round:
        place = chunk[0].place
        document = self._documents.of(place, len(chunk), depth=depth)
        way = self._arguments.on_the_way(place)
        variables = document.variables([attempt.given for attempt in chunk], way)
        reply = await self._endpoint.ask(document.text, variables, actor.authorization)
        for error in reply.body.get("errors", ()):
            if error["extensions"]["code"] in _NOT_TRIED:
                self.findings.append(f"{actor.name}: {chunk[0].told} was not tried: {error}")
        return _read(reply, chunk)

    def _find(self, actor: Actor, attempt: Attempt, what: str, a: Outcome, b: Outcome) -> None:
        self.findings.append(
            f"{actor.name}: {attempt.told} {what}: {a.plain[:300]} / {b.plain[:300]}"
        )


def _instead(attempt: Attempt) -> Attempt:
    assert attempt.instead is not None
    return attempt.instead()


def _alike(one: Round, other: Round) -> bool:
    plain = [[outcome.plain for outcome in each.outcomes] for each in (one, other)]
    return plain[0] == plain[1] and one.effort == other.effort


def _key(attempt: Attempt, depth: int) -> str:
    return f"{attempt.slot} {attempt.shape} {depth}"


def _read(reply: Reply, chunk: list[Attempt]) -> Round:
    data = reply.body.get("data")
    errors = reply.body.get("errors", [])
    outcomes = []
    for n, attempt in enumerate(chunk):
        own = [e for e in errors if (e.get("path") or [f"a{n}"])[0] == f"a{n}"]
        value = None if data is None else data.get(f"a{n}")
        outcomes.append(_outcome(attempt, value, own))
    rest = {name: value for name, value in reply.body.items() if name not in {"data", "errors"}}
    around = f"{reply.headers}\n{json.dumps(rest)}"
    cost = rest.get("extensions", {}).get("cost", {})
    charged = (cost.get("requested"), cost.get("actual"))
    return Round(outcomes, data is None, reply.statements, reply.status, charged, around)


def _outcome(attempt: Attempt, value: Any, errors: list[Any]) -> Outcome:
    raw = json.dumps([value, errors], ensure_ascii=False)
    plain = [
        outline(value) if attempt.place.operation == "mutation" else value,
        [_plain_error(error) for error in errors],
    ]
    text = without(json.dumps(plain, ensure_ascii=False), attempt.sent)
    return Outcome(raw, text)


def _plain_error(error: dict[str, Any]) -> dict[str, Any]:
    extensions = {k: v for k, v in error["extensions"].items() if k != "requestId"}
    path = ["a", *error["path"][1:]] if error.get("path") else None
    return {"message": error["message"], "path": path, "extensions": extensions}


def outline(payload: Any) -> Any:
    """A payload as far as it cannot differ: what was made has ids and moments of its own."""
    if not isinstance(payload, dict):
        return payload
    return {
        name: value if name in {"userErrors", "__typename", "done"} else _made(value)
        for name, value in payload.items()
    }


def _made(value: Any) -> Any:
    if isinstance(value, list):
        return [_made(one) for one in value]
    if isinstance(value, dict):
        return {
            name: one if name in {"outcome", "reason"} else one is not None
            for name, one in value.items()
        }
    return value is not None
