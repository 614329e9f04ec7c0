"""HTML as values: an element is made of escaped texts and of other elements, so that no text can become markup.

Knows no page and no style.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import TypeAlias, Union

from attrs import frozen

_VOID = {"br", "hr", "img", "input", "link", "meta"}
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


@frozen
class Html:
    """Markup that is safe to send."""

    text: str


Content: TypeAlias = Union[Html, str, Iterable["Content"], None]  # noqa: UP007 - it names itself


def el(tag: str, /, *content: Content, **attributes: str | int | bool | None) -> Html:
    """An element. None is nothing, a list is what is in it. Names of attributes: `class_` is class, `data_at` data-at;
    with True one stands bare, with False or None it is left out.

    >>> el("a", "a < b", href="/x?y=1&z=2", class_="run", hidden=False).text
    '<a href="/x?y=1&amp;z=2" class="run">a &lt; b</a>'
    """
    start = f"<{tag}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    return Html(start if tag in _VOID else f"{start}{_inner(content)}</{tag}>")


def joined(parts: Iterable[Html | str], between: Html | str = "") -> Html:
    """One after the other.

    >>> joined(["<", el("b", "x")], " · ").text
    '&lt; · <b>x</b>'
    """
    return Html(_inner(between).join(_inner(part) for part in parts))


def typed(text: str) -> Html:
    """What stands in a control of several lines, as it was written there: a form sends back what it was given.

    >>> typed("a \u200f<b>").text
    'a \u200f&lt;b&gt;'
    """
    return Html(escape(text.replace("\r\n", "\n"), quote=False))


def _inner(content: Content) -> str:
    match content:
        case None:
            return ""
        case Html(text):
            return text
        case str():
            return escape(_UNSEEN.sub(_spelled, content), quote=False)
        case _:
            return "".join(map(_inner, content))


def _spelled(unseen: re.Match[str]) -> str:
    """What would be invisible, or turn the text around it, is spelled out."""
    return ascii(unseen[0])[1:-1]


def _attribute(name: str, value: str | int | bool | None) -> str:
    if value is None or value is False:
        return ""
    key = name.rstrip("_").replace("_", "-")
    if value is True:
        return f" {key}"
    text = str(value) if key == "value" else _UNSEEN.sub(_spelled, str(value))  # a form sends back what it was given
    return f' {key}="{escape(text)}"'
