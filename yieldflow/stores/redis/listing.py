"""Listing runs by when they started, newest first, out of the sorted sets that the scripts keep.

What no sorted set tells (workflow, tag) is filtered here, a chunk of summaries at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from yieldflow.core.times import Millis
from yieldflow.ports import Filter, Page, Summary
from yieldflow.stores import rules
from yieldflow.stores.redis import rows
from yieldflow.stores.redis.scripts import Scripts
from yieldflow.stores.redis.wire import Word

CHUNK = 200  # runs looked at in a round trip

Place: TypeAlias = tuple[Millis, str]


def find(scripts: Scripts, wanted: Filter, cursor: str | None) -> Page:
    found: list[Summary] = []
    for summary in _newest_first(scripts, wanted, rules.place_of(cursor) if cursor else None):
        if not rules.fits(summary, wanted):
            continue
        if len(found) == wanted.limit:
            return Page(tuple(found), rules.cursor_after(found[-1]))
        found.append(summary)
    return Page(tuple(found))


def _newest_first(scripts: Scripts, wanted: Filter, after: Place | None) -> Iterator[Summary]:
    span: list[Word] = [
        "" if wanted.since is None else wanted.since,
        "+inf" if wanted.until is None else wanted.until,
    ]
    seen = after
    while True:
        last = seen or ("", "")
        chunk = scripts.call("list", "", wanted.status or "", *span, *last, CHUNK)
        for member, about in chunk:
            summary = rows.summary(member.decode(), about)
            seen = rules.place(summary)
            if after is None or seen < after:
                yield summary
        if len(chunk) < CHUNK:
            return
