"""What `check` replays: the unfinished runs of a store, the newest first, or exported histories. Their names only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal, TypeAlias

from yieldflow.app import App
from yieldflow.cli.files import lines_of
from yieldflow.codec.packing import unpack
from yieldflow.core.events import RunStarted
from yieldflow.errors import Undecodable
from yieldflow.ports import LIVE, Look

Item: TypeAlias = tuple[Literal["run", "file"], str]

_PAGE = 100


def unfinished(app: App, workflow: str | None) -> Iterator[Item]:
    cursor = None
    while True:
        page = app.runs(status=LIVE, workflow=workflow, limit=_PAGE, cursor=cursor)
        yield from (("run", summary.run_id) for summary in page.runs)
        if (cursor := page.cursor) is None:
            return


def sampled(app: App, items: Iterable[Item], each: int) -> Iterator[Item]:
    """The first so many of each workflow and version; those that cannot be told are kept."""
    seen: Counter[tuple[str, str | None]] = Counter()
    rest = iter(items)
    while page := list(islice(rest, _PAGE)):
        for item, first in zip(page, _first_events(app, page), strict=True):
            started = _started(first)
            if started is not None:
                kind = started.workflow, started.version
                seen[kind] += 1
                if seen[kind] > each:
                    continue
            yield item


def _first_events(app: App, page: list[Item]) -> Iterator[bytes | None]:
    runs = [Look(name) for kind, name in page if kind == "run"]
    logs = iter(app.store.read_each(runs) if runs else ())
    for kind, name in page:
        if kind == "file":
            yield next(iter(lines_of(Path(name))), None)
        else:
            log = next(logs)
            yield None if log is None else log.events[0]


def _started(first: bytes | None) -> RunStarted | None:
    try:
        event = None if first is None else unpack(first)
    except Undecodable:
        return None
    return event if isinstance(event, RunStarted) else None
