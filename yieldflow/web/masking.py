"""Tokens of hooks in lines of a log, and in what others are shown: whoever has one can answer.

It knows links and derived tokens, which it finds wherever they stand, and those that it is told. It can mask the access
log of uvicorn; what a proxy writes is its own affair.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from yieldflow.core.answers import LONGEST_TOKEN
from yieldflow.inspection.tokens import without_tokens

_LINK = re.compile(r"/hooks/[^?#\s\"]+")  # to the end of the path: a token of one's own may hold a slash
_BEGINNING = 8  # characters of a token that tell it from other texts
_VALUES = {"value", "arguments", "answer", "result"}  # in our documents
_TEXTS = {"error", "text", "why", "blocked", "code", "reason", "message"}  # in which values may be told


def masked(text: str) -> str:
    """A text without the links in it.

    >>> masked("GET /hooks/3q0mTOKEN?x=1")
    'GET /hooks/…?x=1'
    """
    return _LINK.sub("/hooks/…", text)


def veiled(text: str, tokens: Iterable[str] = ()) -> str:
    """A text without links, derived tokens and these, nor one that was cut.

    >>> veiled("with order-42-of-ann, or order-42…", ["order-42-of-ann"])
    'with …, or …'
    """
    for token in tokens:
        text, beginning = text.replace(token, "…"), token[:_BEGINNING]
        if beginning in text:
            text = re.sub(rf"{re.escape(beginning)}[^\s…]{{0,{LONGEST_TOKEN}}}…", "…", text)
    return without_tokens(masked(text))


def veiled_value(tree: Any, tokens: Sequence[str]) -> Any:
    """The same of a value that was stored. Which tokens are in it at all is looked up once, for all of its texts."""
    texts = "\0".join(_texts(tree)) if tokens else ""
    return _veiled(tree, [one for one in tokens if one[:_BEGINNING] in texts])


def _veiled(tree: Any, tokens: Sequence[str]) -> Any:
    match tree:
        case str():
            return veiled(tree, tokens)
        case list():
            return [_veiled(one, tokens) for one in tree]
        case dict():
            return {veiled(key, tokens): _veiled(one, tokens) for key, one in tree.items()}
        case _:
            return tree


def _texts(tree: Any) -> Iterator[str]:
    match tree:
        case str():
            yield tree
        case list():
            for one in tree:
                yield from _texts(one)
        case dict():
            yield from tree
            for one in tree.values():
                yield from _texts(one)
        case _:
            return


def veiled_document(document: Mapping[str, Any], tokens: Sequence[str]) -> dict[str, Any]:
    """The same of a document of the API: names and ids stay as they are."""
    return {name: _member(name, one, tokens) for name, one in document.items()}


def _member(name: str, tree: Any, tokens: Sequence[str]) -> Any:
    match tree:
        case _ if name in _VALUES:
            return veiled_value(tree, tokens)
        case str() if name in _TEXTS:
            return veiled(tree, tokens)
        case list():
            return [_member("", one, tokens) for one in tree]
        case dict():
            return veiled_document(tree, tokens)
        case _:
            return tree


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
