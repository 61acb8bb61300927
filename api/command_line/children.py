"""Commands of ours that run beside `seller run`, and are started again when they fall over."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from signal import SIGTERM

from api.embedded.process import dies_with_parent

_PATIENCE = 3.0
_LONGEST_PAUSE = 30.0
_STEADY = 60.0


@contextlib.asynccontextmanager
async def kept_running(
    commands: Sequence[Sequence[str]],
    *,
    environment: Mapping[str, str],
    tell: Callable[[str], None],
) -> AsyncIterator[None]:
    """Keep each `seller` command running while the block runs; `tell` hears of every fall.

    A SIGKILL of this process ends them too, where the kernel offers that (Linux).
    """
    tasks = [asyncio.create_task(_keep(words, environment, tell)) for words in commands]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep(
    words: Sequence[str], environment: Mapping[str, str], tell: Callable[[str], None]
) -> None:
    pause = 0.5
    while True:
        began = time.monotonic()
        code = await _run(words, environment)
        if time.monotonic() - began > _STEADY:
            pause = 0.5
        tell(f"`seller {' '.join(words)}` ended (code {code}); starting it again.")
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def _run(words: Sequence[str], environment: Mapping[str, str]) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "api.command_line",
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        env=dict(environment),
        start_new_session=True,  # Ctrl-C in a terminal is for us alone
        preexec_fn=dies_with_parent(SIGTERM),
    )
    try:
        return await process.wait()
    except asyncio.CancelledError:
        await _end(process)
        raise


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _PATIENCE)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
