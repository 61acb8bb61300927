"""`seller serve` with the probe in it: `python -m benchmarks.held_loop.server <socket> [plain]`."""

import asyncio
import sys
from pathlib import Path

from benchmarks.held_loop.probe import Probe


def main() -> None:
    answer_at = Path(sys.argv[1])
    probe = Probe()
    probe.install(answer_at)
    if sys.argv[2:] == ["plain"]:
        _serve_plain(probe)
    else:
        _serve_ours(probe)


def _serve_ours(probe: Probe) -> None:
    from api import serving
    from api.command_line.serve import serve
    from api.parts import Parts

    begin = serving.serve_until_told

    async def probed(parts: Parts) -> None:
        probe.beat(asyncio.get_running_loop())
        await begin(parts)

    serving.serve_until_told = probed
    serve()


def _serve_plain(probe: Probe) -> None:
    import os

    import uvicorn

    from tests.world.plain_strawberry import application

    config = uvicorn.Config(
        application(), port=int(os.environ["PORT"]), log_level="error", loop="asyncio"
    )

    async def serve() -> None:
        probe.beat(asyncio.get_running_loop())
        await uvicorn.Server(config).serve()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
