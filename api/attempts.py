"""Attempts to prove who one is are limited, so that nobody guesses at length.

One address may fail only so often on one account (or token): counted by both, so that a stranger
elsewhere locks nobody out of their account. And one address may try only so often in all.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum, auto
from ipaddress import IPv6Address, ip_address

import structlog
from limits import RateLimitItemPerMinute
from starlette.requests import HTTPConnection

from api.rate_limits import RateLimits
from tenants.database import DatabaseUnavailable
from tenants.passwords import PasswordsBusy

log = structlog.get_logger()

_SITE_BITS = 64  # of an IPv6 address; whoever has one has all that differ in the rest


class Proof(StrEnum):
    """What an attempt shows; each is counted apart."""

    PASSWORD = auto()
    REFRESH_TOKEN = auto()
    INVITATION = auto()


class TooManyAttempts(Exception):
    """`wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__("Too many attempts; wait before you try again.")
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Attempts:
    """`failures` a minute on one account from one address, `attempts` a minute from one address."""

    limits: RateLimits
    failures: RateLimitItemPerMinute
    attempts: RateLimitItemPerMinute

    @asynccontextmanager
    async def counted(self, proof: Proof, *, address: str, subject: str) -> AsyncIterator[None]:
        """Judge the attempt inside; `TooManyAttempts` where it must not even be judged.

        It counts before it is judged, so that many at once are not let through together, and no
        longer once it turned out good, or was not judged. Against the address, refreshing counts
        only where it fails (dashboards do it all day), the costly proofs always.
        """
        tried = _Counter(self.limits, self.attempts, _key(proof, address))
        failed = _Counter(self.limits, self.failures, _key(proof, address, subject.strip().lower()))
        await tried.add(proof)
        try:
            await failed.add(proof)
        except TooManyAttempts:
            await tried.take_back()
            raise
        try:
            yield
        except (DatabaseUnavailable, PasswordsBusy):
            await failed.take_back()
            raise
        await failed.take_back()
        if proof is Proof.REFRESH_TOKEN:
            await tried.take_back()


@dataclass(frozen=True, slots=True)
class _Counter:
    limits: RateLimits
    limit: RateLimitItemPerMinute
    key: str

    async def add(self, proof: Proof) -> None:
        wait = await self.limits.spend(self.limit, "sign-in", self.key)
        if wait:
            log.info("sign_in.limited", proof=proof.value)
            raise TooManyAttempts(wait)

    async def take_back(self) -> None:
        await self.limits.give_back(self.limit, "sign-in", self.key)


def address_of(connection: HTTPConnection) -> str:
    """Where the client is, as far as addresses tell clients apart."""
    host = connection.client.host if connection.client else ""
    try:
        address = ip_address(host)
    except ValueError:  # a Unix socket, or what a proxy calls its client
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{int(address) >> _SITE_BITS:x}::/{_SITE_BITS}"


def _key(*parts: str) -> str:
    """Tells nobody whose attempts these are."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
