"""What all errors share: the root, how their classes are made, and how much of what they were given they show."""

from __future__ import annotations

import re
from datetime import date, timedelta

import attrs


def masked(url: str) -> str:
    """A URL without its passwords: in front of the host, or in the query.

    >>> masked("redis://ann:s3cret@h/0?ssl_password=s3cret")
    'redis://ann:***@h/0?ssl_password=***'
    """
    told = re.sub(r"([?&][^=&]*password=)[^&]*", r"\1***", url, flags=re.IGNORECASE)
    return _PASSWORD.sub(r"\1***@", told)


def shortened(text: str, longest: int = 500) -> str:
    """A text of any size as a part of a sentence."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def shown(value: object) -> str:
    """Any value in a sentence, on one line: its own `__repr__` is not asked, for it may be long, fail or lie."""
    match value:
        case str():
            return repr(value) if len(value) <= _SHOWN else f"{value[:_SHOWN]!r}… ({len(value):,} characters)"
        case bool() | float() | None:
            return repr(value)
        case int() if abs(value) < 10**_SHOWN:
            return repr(value)
        case timedelta() | date():
            return repr(value)
        case _:
            return kind_of(type(value).__qualname__)


def kind_of(name: str) -> str:
    """`int` as "an int"."""
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


_SHOWN = 60  # characters
_PORT = r"\d+[/?]"
_PASSWORD = re.compile(rf"(://[^/:@\[]*:)(?:(?!{_PORT}).*|[^?]*|[^/]*)@")  # one that is spelled badly has / or ? in it

error = attrs.define(slots=False, eq=False, str=False)  # exceptions keep identity, `__dict__` and their own `__str__`


class YieldflowError(Exception):
    """The root of all errors of yieldflow."""


class Cancelled(BaseException):
    """Thrown into a workflow at the line where it waits, when it is cancelled; it only ever means "you".

    A `BaseException`, so that `except Exception` does not swallow it. `except Cancelled:` and `finally:`
    may yield commands, and they are carried out. Whoever swallows it goes on.
    """
