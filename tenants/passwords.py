"""Passwords, hashed with Argon2id, which by design takes tens of milliseconds and 64 MiB each.

So never on the event loop, no more at once than memory and processors allow, and no longer a queue
than somebody would wait through.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_PASSWORD = 10  # characters

_AT_ONCE = min(4, os.cpu_count() or 1)
_WAITING = 60

_argon2 = PasswordHasher()

Answer = TypeVar("Answer")


class PasswordsBusy(Exception):
    """More passwords wait to be checked than can be within seconds."""

    def __init__(self) -> None:
        super().__init__("Too many people sign in at this moment; try again shortly.")


class _Threads:
    """A few threads and a bounded queue. Work that is cancelled while it waits is not done; work
    that is cancelled under way keeps its thread to itself until it ends."""

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._executor = ThreadPoolExecutor(at_once, thread_name_prefix="argon2")
        self._room = at_once + waiting

    async def run(self, work: Callable[..., Answer], *given: str | None) -> Answer:
        if not self._room:
            raise PasswordsBusy
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work, *given)
        finally:
            self._room += 1


_threads = _Threads(at_once=_AT_ONCE, waiting=_WAITING)


async def hashed(password: str) -> str:
    """`hash_password` for the event loop; `PasswordsBusy` when too many wait."""
    return await _threads.run(hash_password, password)


async def verified(password_hash: str | None, password: str) -> bool:
    """`password_matches` for the event loop; `PasswordsBusy` when too many wait."""
    return await _threads.run(password_matches, password_hash, password)


def hash_password(password: str) -> str:
    """Argon2id with the library's current parameters."""
    return _argon2.hash(password)


def password_matches(password_hash: str | None, password: str) -> bool:
    """Takes as long where there is no hash, so that its time does not say who has an account."""
    try:
        good = _argon2.verify(password_hash or _nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return good and password_hash is not None


@cache
def _nobody() -> str:
    """A hash to try in vain, so that unknown people take as long as known ones."""
    return _argon2.hash("nobody's password")
