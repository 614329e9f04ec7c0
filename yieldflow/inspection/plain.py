"""Stored values as JSON that everybody reads. What tells a tuple from a list is left out."""

from __future__ import annotations

import json
from typing import Any


def plain(encoded: bytes) -> Any:
    return _untagged(json.loads(encoded))


def _untagged(tree: Any) -> Any:
    match tree:
        case list():
            return [_untagged(one) for one in tree]
        case {"$": "dict", "v": list(pairs)} if all(isinstance(key, str) for key, _ in pairs):
            return {key: _untagged(one) for key, one in pairs}
        case {"$": str(), "v": value} if len(tree) == 2:
            return _untagged(value)
        case dict():
            return {key: _untagged(one) for key, one in tree.items()}
        case _:
            return tree
