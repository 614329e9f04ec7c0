"""Tokens of hooks in lines of a log: whoever has one can answer, so servers must not write them down.

It can do so for the access log of uvicorn; what a proxy writes is its own affair.
"""

from __future__ import annotations

import logging
import re

_TOKEN = re.compile(r"/hooks/[^/?#\s\"']+")


def masked(text: str) -> str:
    """A text without the tokens in it.

    >>> masked("GET /hooks/3q0mTOKEN?x=1")
    'GET /hooks/…?x=1'
    """
    return _TOKEN.sub("/hooks/…", text)


class WithoutTokens(logging.Filter):
    """Changes each record that has a hook's path in it, and keeps all of them."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = masked(record.msg) if isinstance(record.msg, str) else record.msg
        if isinstance(record.args, tuple):
            record.args = tuple(masked(one) if isinstance(one, str) else one for one in record.args)
        return True


def mask(logger: str) -> None:
    """From now on, once."""
    known = logging.getLogger(logger)
    if not any(isinstance(one, WithoutTokens) for one in known.filters):
        known.addFilter(WithoutTokens())
