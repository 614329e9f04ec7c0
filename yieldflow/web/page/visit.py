"""One request, as a view sees it: what is asked, and what whoever asks may see and change.

Says nothing of how he was let in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from attrs import field, frozen

from yieldflow.app import App
from yieldflow.core.times import Millis
from yieldflow.inspection.variables import PLAIN, Veil

_DOTS = re.compile(r"~*\.\.?")


@frozen
class Visit:
    """*path*: parameters of the path; *query*: the last one of a name counts, and what nobody knows is left alone.

    *may_change*: False in a read-only session or page; views then leave their actions out. *shows_payloads*: False
    where arguments, answers, payloads, data and locals are hidden. *root*: the path that all of the page is below.
    *given*: what the form of an action had in it, where its question is shown again because that could not be done.
    """

    app: App
    path: Mapping[str, str] = field(factory=dict)
    query: Mapping[str, str] = field(factory=dict)
    may_change: bool = True
    shows_payloads: bool = True
    root: str = "/ui"
    given: Mapping[str, str] = field(factory=dict)

    @property
    def veil(self) -> Veil:
        """What of local variables is not shown."""
        return PLAIN if self.shows_payloads else Veil(masks=("*",))

    @property
    def shows_others(self) -> bool:
        """Whether values are shown in why runs are blocked whose tokens are not at hand: to those who may answer."""
        return self.shows_payloads and self.may_change

    def link(self, *segments: str, **query: str | int | None) -> str:
        """To a page of ours: each segment is quoted, and what is None is left out of the query.

        >>> Visit(App("memory:")).link("runs", "a/b c", at=3, branch=None)
        '/ui/runs/a%2Fb%20c?at=3'
        """
        asked = {name: value for name, value in query.items() if value is not None}
        path = "/".join([self.root, *(quote(spelled(segment), safe="", errors="replace") for segment in segments)])
        return f"{path}?{urlencode(asked, errors='replace')}" if asked else path

    def now(self) -> Millis:
        """By the clock of the store. Raises `StoreError`."""
        return self.app.store.next_alarm()[1]


def spelled(segment: str) -> str:
    """As it stands in our paths: browsers take `.` and `..` out of a path, however they are quoted."""
    return f"~{segment}" if _DOTS.fullmatch(segment) else segment


def unspelled(segment: str) -> str:
    return segment[1:] if segment.startswith("~") and _DOTS.fullmatch(segment) else segment
