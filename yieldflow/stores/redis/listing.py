"""Listing runs by when they started, out of sorted sets that the scripts keep: one for each status, workflow and tag.

The server looks through the set with the fewest runs that may fit, and sends those that do.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, get_args

import orjson

from yieldflow.ports import Filter, Page, Status, Summary
from yieldflow.stores import rules
from yieldflow.stores.redis import rows
from yieldflow.stores.redis.scripts import Scripts

CHUNK = 500  # runs answered in a round trip
LOOK = 2_000  # runs that the server looks at in one, before it lets others in


def find(scripts: Scripts, wanted: Filter, cursor: str | None) -> Page:
    found: list[Summary] = []
    after = None if cursor is None else rules.place_of(cursor)
    while True:
        asked = {
            "groups": _groups(wanted),
            "since": "-inf" if wanted.since is None else str(wanted.since),
            "until": "+inf" if wanted.until is None else str(wanted.until),
            "after": False if after is None else (str(after[0]), after[1]),
            "oldest": wanted.oldest_first,
            "most": min(CHUNK, wanted.limit + 1 - len(found)),
            "look": LOOK,
        }
        some, run_id, started_at = scripts.call("list", "", orjson.dumps(asked))
        found += [summary for member, about in some if (summary := _summary(member, about)) is not None]
        if run_id is None or len(found) > wanted.limit:
            return rules.page(found, wanted)
        after = int(started_at), run_id.decode()


def _summary(member: bytes, about: Sequence[Any]) -> Summary | None:
    """None: it was lost, or cannot be read. The others are listed; of that one the doctor tells."""
    with suppress(ValueError, TypeError):
        return rows.summary(member.decode(), about) if about[0] else None
    return None


def _groups(wanted: Filter) -> list[list[str]]:
    """Names of sorted sets; a run fits that is in one of each group."""
    groups = [[f":tag:{len(tag.encode())}:{tag}:{value}"] for tag, value in wanted.tags.items()]
    groups += [] if wanted.workflow is None else [[f":workflow:{wanted.workflow}"]]
    if (statuses := rules.statuses(wanted)) or not groups:
        groups.append([f":status:{status}" for status in statuses or get_args(Status)])
    return groups
