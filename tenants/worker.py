"""The worker: takes jobs off the queue and runs them, again where it was killed in between.

pgqueuer hands each entry to one worker at a time and to another one when the first has not been
heard of for `lease`. A job therefore may begin more than once: it goes on from its checkpoint, and
what it changes has to be the same the second time (`tenants/job_runs.py`).
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import structlog
from pgqueuer.core.qm import QueueManager
from pgqueuer.db import AsyncpgDriver
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job as Entry

from tenants.connections import FAILURES, DatabaseUnavailable
from tenants.database import WorkspaceDatabase
from tenants.identity import Principal, system_principal
from tenants.job_runs import Attempt, Handler, Later
from tenants.jobs import QUEUE, queue

log = structlog.get_logger()

_BATCH = 2
_LONGEST_TURN = 10.0  # seconds that a job waits before it looks again for room in its workspace
_SOON = timedelta(seconds=1)
_TIDY_EVERY = 300.0
# What a failure of the library's own kept back is tried again; what it logged is of no use later.
_TIDY = """
WITH held AS (
  UPDATE queue.pgqueuer SET status = 'queued', queue_manager_id = NULL, execute_after = now()
   WHERE status = 'failed' RETURNING 1
), logged AS (
  DELETE FROM queue.pgqueuer_log WHERE created < now() - interval '1 day' RETURNING 1
), counted AS (
  DELETE FROM queue.pgqueuer_statistics WHERE created < now() - interval '30 days' RETURNING 1
)
SELECT (SELECT count(*) FROM held)
"""


class Worker:
    """Runs the jobs of all workspaces until it is stopped. `lease` is in seconds."""

    def __init__(
        self,
        *,
        connect: Callable[[], Awaitable[Any]],
        open_database: Callable[[Principal, str], WorkspaceDatabase],
        handlers: Mapping[str, Handler],
        at_once: int = 4,
        of_workspace: int = 2,
        lease: float = 5.0,
        patience: float = 5.0,
    ) -> None:
        """`connect` opens a connection of the worker's own, through the door `worker`. It runs
        jobs `at_once`, and all workers together so many `of_workspace`. A worker that stops lets
        them go on for `patience` seconds, and then leaves them to others."""
        self._connect = connect
        self._open_database = open_database
        self._handlers = handlers
        self._at_once = max(at_once, 2 * _BATCH)
        self._of_workspace = of_workspace
        self._lease = timedelta(seconds=lease)
        self._patience = patience
        self._attempts: set[asyncio.Task[Any]] = set()

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Run jobs while the block runs."""
        stopping = asyncio.Event()
        working = asyncio.create_task(self.run(stopping))
        try:
            yield
        finally:
            stopping.set()
            await working

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set, through every failure of Postgres."""
        while not stopping.is_set():
            try:
                async with self._connection() as connection:
                    await self._work(connection, stopping)
            except (*FAILURES, DatabaseUnavailable, TimeoutError) as error:
                log.warning("worker.interrupted", reason=f"{type(error).__name__}: {error}")
                await _pause(stopping, 0.5)
            except Exception:  # a bug of ours must not end the only worker
                log.exception("worker.failed")
                await _pause(stopping, 1.0)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        connection = await self._connect()
        try:
            yield connection
        finally:
            connection.terminate()

    async def _work(self, connection: Any, stopping: asyncio.Event) -> None:
        manager = self._manager(connection)
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _connection: lost.set())
        running = asyncio.create_task(
            manager.run(
                dequeue_timeout=self._lease / 2,
                batch_size=_BATCH,
                max_concurrent_tasks=self._at_once,
                heartbeat_timeout=self._lease,
                shutdown_on_listener_failure=True,
            )
        )
        beside = [asyncio.create_task(one) for one in (stopping.wait(), lost.wait())]
        tidying = asyncio.create_task(self._tidy(manager))
        try:
            await asyncio.wait({running, *beside}, return_when=asyncio.FIRST_COMPLETED)
            manager.shutdown.set()
            if not lost.is_set():  # else others have its jobs soon
                await asyncio.wait({running}, timeout=self._patience)
            for one in self._attempts:
                one.cancel()
            await running
        finally:
            for task in (*beside, tidying, running):
                task.cancel()
            await asyncio.gather(*beside, tidying, running, return_exceptions=True)

    def _manager(self, connection: Any) -> QueueManager:
        manager = QueueManager(queue(AsyncpgDriver(connection)), channel=QUEUE.channel)
        for kind, handler in self._handlers.items():
            register = manager.entrypoint(kind, accepts_context=False, on_failure="hold")
            register(self._running(handler))
        return manager

    async def _tidy(self, manager: QueueManager) -> None:
        while True:
            await asyncio.sleep(_TIDY_EVERY * random.uniform(0.5, 1))  # noqa: S311
            try:
                await manager.queries.driver.fetch(_TIDY)
            except FAILURES as error:
                log.warning("worker.not_tidied", reason=repr(error))

    def _running(self, handler: Handler) -> Callable[[Entry], Awaitable[None]]:
        async def run(entry: Entry) -> None:
            task = asyncio.create_task(self._attempted(handler, entry))
            self._attempts.add(task)
            task.add_done_callback(self._attempts.discard)
            await asyncio.wait({task})
            if task.cancelled():  # pgqueuer would take a cancelled job for one that is over
                raise RetryRequested(timedelta(), "The worker stops.")
            task.result()

        return run

    async def _attempted(self, handler: Handler, entry: Entry) -> None:
        """Whatever goes wrong, the entry comes again: `begin` finds a job that is over."""
        told = orjson.loads(entry.payload or b"{}")
        principal = system_principal(UUID(told["workspace_id"]))
        job_id = UUID(told["job_id"])
        one = Attempt(job_id, principal, lambda: self._open_database(principal, f"job-{job_id}"))
        try:
            await one.run(handler, beside=self._of_workspace - 1)
        except Later as later:
            raise RetryRequested(later.pause or _turn(entry), str(later)) from later
        except DatabaseUnavailable as error:
            raise RetryRequested(_SOON, str(error)) from error
        except Exception as error:
            log.exception("job.interrupted", job=str(job_id))
            raise RetryRequested(_turn(entry), repr(error)) from error


def _turn(entry: Entry) -> timedelta:
    """Longer from time to time, and uneven: those who wait shall not come all at once."""
    longest = min(_LONGEST_TURN, 0.5 * 2 ** min(entry.attempts, 10))
    return timedelta(seconds=longest * random.uniform(0.5, 1))  # noqa: S311


async def connect_worker(url: str) -> Any:
    """A connection through the door `worker`, which sees the queue of all workspaces."""
    connection = await asyncpg.connect(
        url, timeout=5, command_timeout=15, server_settings={"application_name": "seller-worker"}
    )
    await connection.execute("SET app.door = 'worker'")
    return connection


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
