"""Identifiers: UUIDv7 (RFC 9562), made in Python, in the order in which this process asks."""

import secrets
import threading
import time
from uuid import UUID

_COUNTER_BITS = 12
_lock = threading.Lock()
_last_tick = 0


def new_id() -> UUID:
    """A UUIDv7: 48 bits of milliseconds, 12 bits of sub-millisecond counter, 62 random bits.

    Strictly rising within a process, even when the clock stands still or steps back.
    """
    global _last_tick  # noqa: PLW0603 - one clock per process is the point
    with _lock:
        tick = (time.time_ns() << _COUNTER_BITS) // 1_000_000
        _last_tick = max(tick, _last_tick + 1)
        tick = _last_tick
    milliseconds, counter = tick >> _COUNTER_BITS, tick & ((1 << _COUNTER_BITS) - 1)
    value = (milliseconds & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | counter << 64 | 0b10 << 62 | secrets.randbits(62)
    return UUID(int=value)
