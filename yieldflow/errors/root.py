"""What all errors share: the root, how their classes are made, and what no text of theirs may show."""

from __future__ import annotations

import re

import attrs


def masked(url: str) -> str:
    """A URL without its password."""
    return re.sub(r"(://[^/:@]*:)[^/]*@", r"\1***@", url)


error = attrs.define(slots=False, eq=False, str=False)  # exceptions keep identity, `__dict__` and their own `__str__`


class YieldflowError(Exception):
    """The root of all errors of yieldflow."""


class Cancelled(BaseException):
    """Thrown into a workflow at the line where it waits, when it is cancelled; it only ever means "you".

    A `BaseException`, so that `except Exception` does not swallow it. `except Cancelled:` and `finally:`
    may yield commands, and they are carried out. Whoever swallows it goes on.
    """
