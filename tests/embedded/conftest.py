import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.embedded.keeping import CHECKOUT, KEEP_BOTH, Keeper


@pytest.fixture
def keep() -> Iterator[Callable[..., Keeper]]:
    """Start a keeper: `keep(folder, code=..., python=..., path=..., uid=...)`."""
    keepers: list[Keeper] = []

    def start(
        folder: Path,
        *,
        code: str = KEEP_BOTH,
        python: str = sys.executable,
        path: str = str(CHECKOUT),
        uid: int | None = None,
    ) -> Keeper:
        process = subprocess.Popen(
            [python, "-c", code, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
        )
        keepers.append(Keeper(process))
        return keepers[-1]

    yield start
    for keeper in keepers:
        for pipe in (keeper.process.stdin, keeper.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        try:
            keeper.process.wait(10)
        except subprocess.TimeoutExpired:
            keeper.kill()
