"""Signatures of deliveries: an HMAC in a header, compared in constant time, and fresh where a time is signed too.

Knows no provider by name: what they do differently are fields.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Literal

from attrs import Attribute, field, frozen

from yieldflow.core.times import Duration, duration
from yieldflow.errors import UsageError

_LONGEST = 20  # digits of a time


def _secrets(given: str | bytes | Sequence[str | bytes]) -> tuple[bytes, ...]:
    several = (given,) if isinstance(given, str | bytes) else tuple(given)
    found = tuple(one.encode() if isinstance(one, str) else one for one in several)
    if not found or not all(found):
        raise UsageError("a signature needs a secret")
    return found


def _expect_span(_: object, attribute: Attribute[Any], given: Duration) -> None:
    try:
        longest = duration(given)
    except ValueError as error:
        raise UsageError(f"{attribute.name}: {error}") from error
    if longest == 0:
        raise UsageError(f"{attribute.name}: no delivery is as fresh as that; give a duration such as '5m'")


@frozen
class Signature:
    """How deliveries to a hook are signed.

    *secret*: the key that both sides know, or several while it is changed. *header* has the *prefix* and then the HMAC,
    in *encoding*. With *timestamp*, the header of the sender's time in seconds since 1970, what is signed is *signed*,
    and a delivery counts once and within *tolerance* of now; without it only the body is signed, and nothing tells an
    old delivery from a new one. Raises `UsageError`.

    >>> Signature("s3cret").header
    'X-Signature-256'
    """

    secret: tuple[bytes, ...] = field(converter=_secrets, repr=False)
    header: str = "X-Signature-256"
    prefix: str = "sha256="
    algorithm: Literal["sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    timestamp: str | None = None
    signed: str = "{timestamp}.{body}"
    tolerance: Duration = field(default="5m", validator=_expect_span)

    def made(self, body: bytes, timestamp: str = "") -> str:
        """What the header of such a delivery says: for senders, and for tests."""
        return self._made(self.secret[0], body, timestamp)

    def fits(self, headers: Mapping[str, str], body: bytes, now: float) -> bool:
        """*headers* by their names in lower case; *now* in seconds since 1970."""
        given, timestamp = headers.get(self.header.lower(), ""), ""
        if self.timestamp is not None:
            timestamp = headers.get(self.timestamp.lower(), "")
            if not self._is_fresh(timestamp, now):
                return False
        told = given.encode("latin-1", "replace")
        matches = [hmac.compare_digest(told, self._made(one, body, timestamp).encode()) for one in self.secret]
        return any(matches)

    def once(self, headers: Mapping[str, str]) -> str | None:
        """What makes the same delivery count once; None where nothing says that it is the same."""
        return None if self.timestamp is None else sha256(headers.get(self.header.lower(), "").encode()).hexdigest()

    def _made(self, secret: bytes, body: bytes, timestamp: str) -> str:
        before, _, after = self.signed.replace("{timestamp}", timestamp).partition("{body}")
        message = body if self.timestamp is None else before.encode() + body + after.encode()
        digest = hmac.digest(secret, message, self.algorithm)
        return self.prefix + (digest.hex() if self.encoding == "hex" else b64encode(digest).decode())

    def _is_fresh(self, timestamp: str, now: float) -> bool:
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _LONGEST):
            return False
        return abs(int(timestamp) - now) <= duration(self.tolerance) / 1_000
