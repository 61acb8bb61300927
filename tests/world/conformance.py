"""What the checks of protocols, isolation and faults counted, for docs/CONFORMANCE.md.

A check tells what it counted beside asserting it; `make audit` collects what was told.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

FILE = "SELLER_CONFORMANCE_FILE"
Tell = Callable[["Finding"], None]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the page. `versions` are those of the tools that really ran.

    `control` says what the same check found where it has to find something: a check that has
    never failed proves nothing.
    """

    section: str
    check: str
    passed: int
    of: int
    versions: dict[str, str] = field(default_factory=dict)
    control: str = ""
    note: str = ""


def tell(finding: Finding) -> None:
    """Add a line to the file that SELLER_CONFORMANCE_FILE names; without one, do nothing."""
    file = os.environ.get(FILE)
    if file:
        with Path(file).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(finding)) + "\n")
