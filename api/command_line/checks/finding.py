"""One thing that was looked at."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """`mend` says what to do; a finding that is ok needs none."""

    what: str
    verdict: Verdict
    said: str
    mend: str = ""


def fine(what: str, said: str) -> Finding:
    return Finding(what, Verdict.OK, said)


def doubtful(what: str, said: str, mend: str) -> Finding:
    return Finding(what, Verdict.WARN, said, mend)


def broken(what: str, said: str, mend: str) -> Finding:
    return Finding(what, Verdict.FAIL, said, mend)
