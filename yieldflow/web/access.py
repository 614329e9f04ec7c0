"""Who may look and who may change: by the token that is shown, by the mounter's word, and never more than what is open.

Compares digests in constant time, and keeps no token.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Literal, TypeAlias

from attrs import frozen

from yieldflow.errors import UsageError

SHORTEST_TOKEN = 16  # characters

Right: TypeAlias = Literal["look", "change"]


@frozen
class Access:
    """*tokens* and *readers*: SHA-256 of those that may change and of those that may look. *trusted*: whoever comes
    this far may. *read_only*: nobody changes anything. *shows_payloads*: arguments, answers, payloads, data and locals.
    *hosts*: names that we answer to; None: to all.
    """

    tokens: tuple[bytes, ...] = ()
    readers: tuple[bytes, ...] = ()
    trusted: bool = False
    read_only: bool = False
    shows_payloads: bool = True
    hosts: frozenset[str] | None = None

    @property
    def is_open(self) -> bool:
        return self.trusted or bool(self.tokens or self.readers)

    @property
    def digests(self) -> tuple[bytes, ...]:
        return (*self.tokens, *self.readers)

    def digest(self, token: str) -> bytes | None:
        """Of a token that is known."""
        given = sha256(token.strip().encode("utf-8", "replace")).digest()
        known = [one for one in self.digests if hmac.compare_digest(given, one)]
        return known[0] if known else None

    def right(self, digest: bytes) -> Right:
        """Of whoever has shown a token."""
        return "look" if self.read_only or digest not in self.tokens else "change"

    @property
    def right_of_trusted(self) -> Right:
        return "look" if self.read_only else "change"


def access(
    token: str | Iterable[str] | None,
    readers: str | Iterable[str] | None,
    *,
    trusted: bool,
    read_only: bool,
    shows_payloads: bool,
    hosts: Iterable[str] | None,
) -> Access:
    """Raises `UsageError`."""
    tokens, looking = _digests(token), _digests(readers)
    if (tokens or looking) and trusted:
        raise UsageError("either a token= opens the API, or trusted=True does")
    if not set(tokens).isdisjoint(looking):
        raise UsageError("a token of readers= may only look: give it another one than token=")
    return Access(tokens, looking, trusted, read_only, shows_payloads, None if hosts is None else frozenset(hosts))


def _digests(given: str | Iterable[str] | None) -> tuple[bytes, ...]:
    several = [given] if isinstance(given, str) else list(given or ())
    if any(len(one) < SHORTEST_TOKEN or not one.isascii() or not one.isprintable() for one in several):
        raise UsageError(f"a token of the API has {SHORTEST_TOKEN} printable ASCII characters or more")
    return tuple(sha256(one.encode()).digest() for one in several)
