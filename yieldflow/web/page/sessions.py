"""Sessions as signed cookies: whoever has shown a token is known by one for some hours, and no store keeps it.

A session ends with the token that it was opened with. Knows no request.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Iterable, Mapping
from hashlib import sha256

LASTS = 12 * 3_600  # seconds
_SAID = "yieldflow-said"
SAID_LASTS = 30  # seconds
_LONGEST_SAID = 400  # characters


def cookies(header: str) -> dict[str, str]:
    """Of a `Cookie` header; the first of a name counts, which has the longest path."""
    found = dict[str, str]()
    for one in header.split(";"):
        name, _, value = one.strip().partition("=")
        found.setdefault(name, value)
    return found


def name_of(digest: bytes) -> str:
    """Another one for each token: cookies are shared by all ports of a machine."""
    return f"yieldflow-{sha256(b'name' + _key(digest)).hexdigest()[:8]}"


def opened(digest: bytes, now: float) -> str:
    """The value of a cookie for whoever has shown the token of this digest; *now* in seconds since 1970."""
    told = f"{int(now) + LASTS}.{secrets.token_urlsafe(9)}"
    return f"{told}.{_signature(_key(digest), told)}"


def holder(given: Mapping[str, str], digests: Iterable[bytes], now: float) -> bytes | None:
    """The digest of the token that one of these cookies was opened with."""
    for digest in digests:
        told, _, signature = given.get(name_of(digest), "").rpartition(".")
        if _is_signed(_key(digest), told, signature) and now < int(told.partition(".")[0]):
            return digest
    return None


def set_cookie(name: str, value: str, path: str, lasts: int, *, secure: bool) -> tuple[str, str]:
    """A header; with *lasts* 0 the cookie is taken away."""
    parts = (f"{name}={value}", f"Path={path}", f"Max-Age={lasts}", "HttpOnly", "SameSite=Strict")
    return "Set-Cookie", "; ".join((*parts, *(["Secure"] if secure else [])))


# --- what is said once ----------------------------------------------------------------------------------------------


def said_cookie(key: bytes, text: str, path: str, *, secure: bool) -> tuple[str, str]:
    """A sentence for the next page alone; signed, so that nobody else puts words into it."""
    told = urlsafe_b64encode(text[:_LONGEST_SAID].encode("utf-8", "replace")).decode().rstrip("=")
    return set_cookie(_SAID, f"{told}.{_signature(key, told)}", path, SAID_LASTS, secure=secure)


def said(given: Mapping[str, str], key: bytes) -> str | None:
    told, _, signature = given.get(_SAID, "").rpartition(".")
    if not _is_signed(key, told, signature):
        return None
    try:
        return urlsafe_b64decode(told + "=" * (-len(told) % 4)).decode()
    except (Error, UnicodeDecodeError):  # pragma: no cover - what is signed was written here
        return None


def forget_said(path: str) -> tuple[str, str]:
    return set_cookie(_SAID, "", path, 0, secure=False)


def _key(digest: bytes) -> bytes:
    return hmac.digest(digest, b"yieldflow page session", "sha256")


def _signature(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()


def _is_signed(key: bytes, text: str, signature: str) -> bool:
    return hmac.compare_digest(signature.encode("utf-8", "replace"), _signature(key, text).encode())
