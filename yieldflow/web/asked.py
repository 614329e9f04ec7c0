"""What was asked of an operation: its parameters and its body, once they have been checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen


@frozen
class Asked:
    """By name; what was not given is not there."""

    path: Mapping[str, str]
    query: Mapping[str, Any] = field(factory=dict)
    key: str | None = None  # of `Idempotency-Key`
    body: Any = None
    shows_payloads: bool = True  # False: nor local variables and results
    may_change: bool = True  # False: nor is he shown what answers a hook
