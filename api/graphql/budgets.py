"""Budgets: points that a credential and its workspace may spend, restored as time goes by.

Each is a bucket in Redis, shared by all processes, which take from it in small advances: most
operations are charged without asking Redis. While Redis is away each process keeps buckets of its
own. docs/decisions/0011-a-budget-is-a-bucket-drawn-in-advances.md says why.
"""

import asyncio
import math
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api import metrics
from api.graphql.failures import RequestError
from api.redis_answers import answer_within
from schema.errors import ErrorCode, coded
from tenants.identity import Principal

log = structlog.get_logger()

_PATIENCE = 0.25  # seconds for Redis to answer
_PAUSE = 3.0  # seconds before a Redis that did not is asked again
_REMEMBERED = 10_000

# KEYS: the bucket. ARGV: capacity, points restored a second, points wanted, points needed at least.
# Answers the points granted and those left. A negative wish gives points back.
_TAKE = """
local capacity, restore = tonumber(ARGV[1]), tonumber(ARGV[2])
local wanted, needed = tonumber(ARGV[3]), tonumber(ARGV[4])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local known = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = capacity
if known[1] then
  left = math.min(capacity, tonumber(known[1]) + (now - tonumber(known[2])) * restore)
end
local granted = 0
if left >= needed then granted = math.min(wanted, math.floor(left)) end
left = math.min(capacity, left - granted)
redis.call('HSET', KEYS[1], 'left', string.format('%.3f', left), 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((capacity - left) / restore * 1000) + 1000)
return {granted, string.format('%.3f', left)}
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """`capacity` in points, `restore` in points a second."""

    capacity: int
    restore: int

    @property
    def advance(self) -> int:
        return max(1, self.capacity // 50)


@dataclass(slots=True)
class _Account:
    """What this process knows of a bucket: its advance, and what was left in Redis and when."""

    key: str
    allowance: Allowance
    advance: float = 0.0
    left: float = 0.0
    at: float = 0.0
    drawing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def left_now(self) -> float:
        restored = (time.monotonic() - self.at) * self.allowance.restore
        return min(self.allowance.capacity, self.left + restored)

    def available(self) -> int:
        return int(min(self.allowance.capacity, self.advance + self.left_now()))

    def note(self, left: float) -> None:
        self.left, self.at = left, time.monotonic()

    def take_here(self, wanted: float, needed: float) -> float:
        """What the script does, for as long as Redis cannot."""
        left = self.left_now()
        granted = min(wanted, math.floor(left)) if left >= needed else 0.0
        self.note(left - granted)
        return granted


@dataclass(slots=True)
class Charge:
    """Points paid for an operation; `settle` gives back what it did not use."""

    requested: int
    _accounts: list[_Account]
    actual: int | None = None

    def settle(self, actual: int) -> None:
        self.actual = min(actual, self.requested)
        for account in self._accounts:
            account.advance += self.requested - self.actual

    def told(self) -> dict[str, int]:
        """`extensions.cost`: of the bucket that has the least left."""
        tightest = min(self._accounts, key=_Account.available)
        return {
            "requested": self.requested,
            "actual": self.requested if self.actual is None else self.actual,
            "available": tightest.available(),
            "capacity": tightest.allowance.capacity,
            "restoreRate": tightest.allowance.restore,
        }


class Budgets:
    """Charges the bucket of a credential and that of its workspace.

    A refusal is to be held back for up to `reluctance` seconds, never for longer than it says to
    wait: whoever sends on regardless does so at a rate that nobody else notices.
    """

    def __init__(
        self, redis: Redis, *, key: Allowance, workspace: Allowance, reluctance: float = 0.0
    ) -> None:
        self._take = cast("Callable[..., Awaitable[Any]]", redis.register_script(_TAKE))
        self._key = key
        self._workspace = workspace
        self._reluctance = reluctance
        self._accounts: OrderedDict[str, _Account] = OrderedDict()
        self._away_until = 0.0

    async def charge(
        self, principal: Principal, points: int, *, what: str = "The operation"
    ) -> Charge:
        """Pay before it is done; `RequestError` THROTTLED where the points are missing."""
        workspace = f"budget:{{{principal.workspace_id}}}"
        paid: list[_Account] = []
        for key, allowance in (
            (f"{workspace}:{principal.kind.value}:{principal.id}", self._key),
            (workspace, self._workspace),
        ):
            account = self._account(key, allowance)
            if not await self._pay(account, points):
                for other in paid:
                    other.advance += points
                raise self._throttled(account, points, what)
            paid.append(account)
        return Charge(points, paid)

    async def _pay(self, account: _Account, points: int) -> bool:
        if points <= account.advance <= points + 2 * account.allowance.advance:
            account.advance -= points
            return True
        async with account.drawing:
            return await self._pay_from_bucket(account, points)

    async def _pay_from_bucket(self, account: _Account, points: int) -> bool:
        missing = points - account.advance
        # Nobody else adds to the bucket faster than it restores itself: no need to ask in vain.
        if missing > 0 and account.at and missing > account.left_now():
            return False
        # Large refunds go back to where others can have them.
        wanted = missing + account.allowance.advance
        account.advance += await self._draw(account, wanted, max(0.0, missing))
        if account.advance < points:
            return False
        account.advance -= points
        return True

    async def _draw(self, account: _Account, wanted: float, needed: float) -> float:
        if time.monotonic() < self._away_until:
            return account.take_here(wanted, needed)
        allowance = account.allowance
        try:
            taking = self._take(
                keys=[account.key],
                args=[allowance.capacity, allowance.restore, math.ceil(wanted), needed],
            )
            granted, left = await answer_within(_PATIENCE, taking)
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = time.monotonic() + _PAUSE
            log.warning("budgets.redis_away", reason=repr(error))
            return account.take_here(wanted, needed)
        account.note(float(left))
        return float(granted)

    def _account(self, key: str, allowance: Allowance) -> _Account:
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = _Account(key, allowance, left=allowance.capacity)
            if len(self._accounts) > _REMEMBERED:
                self._accounts.popitem(last=False)
        self._accounts.move_to_end(key)
        return account

    def _throttled(self, account: _Account, points: int, what: str) -> RequestError:
        metrics.THROTTLED.inc()
        missing = points - account.advance - account.left_now()
        wait = max(0.1, math.ceil(missing / account.allowance.restore * 10) / 10)
        message = (
            f"{what} costs {points:,} points and {account.available():,} are left; "
            f"{account.allowance.restore:,} are restored a second. Try again in {wait:g} seconds."
        )
        cost = {
            "requested": points,
            "available": account.available(),
            "capacity": account.allowance.capacity,
            "restoreRate": account.allowance.restore,
        }
        # Unevenly: those who were refused together shall not come again together.
        reluctance = min(wait, self._reluctance * random.uniform(0.5, 1))  # noqa: S311
        error = coded(ErrorCode.THROTTLED, message, retryAfter=wait, cost=cost)
        return RequestError(error, reluctance=reluctance)
