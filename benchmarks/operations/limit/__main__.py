"""`python -m benchmarks.operations.limit on_asgi|on_starlette`: serve a limit on PORT."""

import os
import sys

import uvicorn

if __name__ == "__main__":
    uvicorn.run(
        f"benchmarks.operations.limit.{sys.argv[1]}:app",
        port=int(os.environ["PORT"]),
        log_level="warning",
        access_log=False,
    )
