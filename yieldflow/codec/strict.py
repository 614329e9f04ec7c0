"""The fields of a stored event, looked at as they are read: a log may have been damaged, or written by anybody.

Exact classes, and numbers that every store can keep. Refuses with a ValueError (a missing field with a KeyError),
and never mends.
"""

from __future__ import annotations

from typing import Any, TypeAlias, TypeVar

from yieldflow.core.times import LATEST
from yieldflow.errors import shown

Packed: TypeAlias = dict[str, Any]  # a JSON object
D = TypeVar("D")
W = TypeVar("W", bound=str)


def text(packed: Packed, key: str) -> str:
    value = packed[key]
    if type(value) is str:
        return value
    raise _strange(key, value)


def text_or(packed: Packed, key: str, default: D) -> str | D:
    value = packed.get(key, default)
    if value is default:
        return default
    if type(value) is str:
        return value
    raise _strange(key, value)


def number(packed: Packed, key: str) -> int:
    """Nothing that is counted comes near the milliseconds that there are."""
    value = packed[key]
    if type(value) is int and -LATEST <= value <= LATEST:
        return value
    raise _strange(key, value)


def number_or(packed: Packed, key: str, default: D) -> int | D:
    value = packed.get(key, default)
    if value is default:
        return default
    if type(value) is int and -LATEST <= value <= LATEST:
        return value
    raise _strange(key, value)


def share(packed: Packed, key: str, default: float) -> float:
    value = packed.get(key, default)
    return value if type(value) is float else number(packed, key)


def flag(packed: Packed, key: str) -> bool:
    value = packed.get(key, False)
    if value is True or value is False:
        return value
    raise _strange(key, value)


def word(packed: Packed, key: str, words: tuple[W, ...]) -> W:
    """One of *words*; the first, if there is none."""
    value = packed.get(key, words[0])
    for one in words:
        if one == value:
            return one
    raise _strange(key, value)


def numbers(packed: Packed, key: str) -> tuple[int, ...]:
    return tuple(number({key: one}, key) for one in packed.get(key, ()))


def texts(packed: Packed, key: str) -> tuple[str, ...]:
    return tuple(text({key: one}, key) for one in packed[key])


def labels(packed: Packed, key: str) -> dict[str, str]:
    value = packed.get(key, {})
    if type(value) is dict and all(type(label) is str for label in value.values()):
        return value
    raise _strange(key, value)


def _strange(key: str, value: object) -> ValueError:
    return ValueError(f"its field {key} holds {shown(value)}")
