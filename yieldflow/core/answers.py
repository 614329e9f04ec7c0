"""Everything that would be random or secret, derived from the run's seed: the same on every replay.

Each use has its own HMAC label, so that nothing that is derived tells anything about the seed or another use.
"""

from __future__ import annotations

import hmac
import random
import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from uuid import UUID


def derive(seed: bytes, *label: str) -> bytes:
    """32 bytes; labels are joined with a character that no run id, path or hook name of ours may contain."""
    return hmac.digest(seed, "\0".join(label).encode(), "sha256")


def fraction(seed: bytes, *label: str) -> float:
    return int.from_bytes(derive(seed, *label)[:6], "big") / 2**48


def uuid4(seed: bytes, branch: str, count: int) -> UUID:
    return UUID(bytes=derive(seed, "uuid4", branch, str(count))[:16], version=4)


def rng(seed: bytes, branch: str, count: int) -> random.Random:
    return random.Random(derive(seed, "rng", branch, str(count)))  # noqa: S311 - reproducible is what it is for


def hook_token(seed: bytes, run_id: str, name: str) -> str:
    """256 bits as 43 characters that survive in a URL."""
    return urlsafe_b64encode(derive(seed, "hook", run_id, name)).rstrip(b"=").decode()


_DERIVED = re.compile("[A-Za-z0-9_-]{43}")


def is_derived(token: str) -> bool:
    """Whether a run's own might be that: nobody else may reserve it."""
    return _DERIVED.fullmatch(token) is not None


LONGEST_TOKEN = 200  # characters of one that a workflow has chosen


def is_token(token: object) -> bool:
    """Whether it may be one; what is not is looked up nowhere."""
    return isinstance(token, str) and 0 < len(token) <= LONGEST_TOKEN and token.isprintable()


def token_hash(token: str) -> str:
    """What a store indexes: it never learns a token."""
    return sha256(token.encode()).hexdigest()
