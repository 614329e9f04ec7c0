"""What strangers may take of this process: rates, bytes and waits, each counted in bounded memory.

Counts live in this process alone; several of them let through several times as much.
"""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from threading import Lock
from typing import Any

from attrs import Attribute, define, field, frozen

from yieldflow.errors import UsageError


def _positive(_: object, attribute: Attribute[Any], value: float) -> None:
    if not value > 0:
        raise UsageError(f"{attribute.name}={value} must be more than 0")


_SUBNET = 64  # bits of an IPv6 address that one customer has


@frozen
class Rate:
    """*burst* at once, then *per_second*.

    >>> Rate(burst=10, per_second=0.5)
    Rate(burst=10, per_second=0.5)
    """

    burst: int = field(validator=_positive)
    per_second: float = field(validator=_positive)


@frozen(kw_only=True)
class Bounds:
    """*body*: bytes of a request's body (default 1 MiB), there within *patience* seconds (10); *memory*:
    bytes of all bodies together (64 MiB). *address*: requests to links of one address (an IPv6 network of 64 bits), and
    apart from them those with wrong tokens; *link*: deliveries to one link. *waits*: how many may wait for a result at
    once, each at most *longest_wait* seconds. *threads* ask the store, half of them at most for views of the page, and
    at most *queued* calls wait for one.

    >>> Bounds(body=10_000).patience
    10.0
    """

    body: int = field(default=1 << 20, validator=_positive)
    patience: float = field(default=10.0, validator=_positive)
    memory: int = field(default=64 << 20, validator=_positive)
    address: Rate = Rate(burst=100, per_second=20)
    link: Rate = Rate(burst=50, per_second=10)
    waits: int = field(default=200, validator=_positive)
    longest_wait: float = field(default=60.0, validator=_positive)
    threads: int = field(default=8, validator=_positive)
    queued: int = field(default=256, validator=_positive)


@define(eq=False)
class Buckets:
    """A bucket for each key, the *most* that were used last; a key that is forgotten begins with a full one."""

    rate: Rate
    most: int = 10_000
    _levels: OrderedDict[str, tuple[float, float]] = field(factory=OrderedDict, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    def take(self, key: str, now: float) -> float:
        """Seconds until one more is let through; 0: this one is."""
        with self._lock:
            return self._take(key, now)

    def wait(self, key: str, now: float) -> float:
        """As `take` answers, and nothing is taken."""
        with self._lock:
            return self._until(self._level(key, now))

    def _take(self, key: str, now: float) -> float:
        level = self._level(key, now)
        self._levels.pop(key, None)
        self._levels[key] = (level - (level >= 1.0), now)
        if len(self._levels) > self.most:
            self._levels.popitem(last=False)
        return self._until(level)

    def _level(self, key: str, now: float) -> float:
        level, at = self._levels.get(key, (float(self.rate.burst), now))
        return min(self.rate.burst, level + max(0.0, now - at) * self.rate.per_second)

    def _until(self, level: float) -> float:
        return 0.0 if level >= 1.0 else (1.0 - level) / self.rate.per_second


@define(eq=False)
class Room:
    """So much of something for all together."""

    most: int
    taken: int = field(default=0, init=False)

    def take(self, much: int) -> bool:
        if self.taken + much > self.most:
            return False
        self.taken += much
        return True

    def give(self, much: int) -> None:
        self.taken -= much


def network(address: str) -> str:
    """Whom an address stands for: of IPv6 the network, since one customer has all of it."""
    try:
        known = ip_address(address)
    except ValueError:
        return address[:100]
    if not isinstance(known, IPv6Address):
        return address
    mapped = known.ipv4_mapped
    return str(int(known) >> (128 - _SUBNET)) if mapped is None else str(mapped)
