"""Asking Redis for the sake of a client, who may call off what it asked at any moment."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

Answer = TypeVar("Answer")


async def answer_within(seconds: float, question: Awaitable[Answer]) -> Answer:
    """What Redis answers, or `TimeoutError`.

    Asked in a task of its own: redis-py writes with `asyncio.wait_for`, which before Python 3.12
    swallows a cancellation that comes just as it is done. Who was cancelled would go on, and where
    that is a subscription, for ever.
    """
    asking = asyncio.ensure_future(question)
    asking.add_done_callback(_looked_at)
    try:
        done, _ = await asyncio.wait({asking}, timeout=seconds)
    finally:
        asking.cancel()
    if not done:
        raise TimeoutError(f"Redis did not answer within {seconds:g} seconds.")
    return asking.result()


def _looked_at(asking: "asyncio.Future[Answer]") -> None:
    """Nobody may wait for it any more, and asyncio would log what became of it as a bug."""
    if not asking.cancelled():
        asking.exception()
