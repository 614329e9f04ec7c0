"""Delete what has ended long ago. Only what owes nothing to another run goes, and a run id only as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from yieldflow.core.chain import chain_of, generation
from yieldflow.core.times import Millis
from yieldflow.ports import NO_EVENTS, Filter, Status, Store, Summary

ENDED: tuple[Status, ...] = ("completed", "failed", "cancelled", "continued")


def prune(store: Store, before: Millis, *, dry_run: bool) -> list[str]:
    """What ended before *before*, generation by generation; answers their run ids."""
    deleted: list[str] = []
    for run_id in [run_id for status in ENDED for run_id in _prunable(store, status, before)]:
        if not dry_run:
            store.delete(run_id)
        deleted.append(run_id)
    return deleted


def _prunable(store: Store, status: Status, before: Millis) -> Iterator[str]:
    for summary in _listed(store, status):
        chain, number = chain_of(summary.run_id)
        if number == 1 and store.newest(chain) == chain and _is_over(store, chain, before):
            yield chain
        elif number == 1 and _is_over(store, store.newest(chain), before):
            yield from (run_id for run_id in _generations(store, chain) if run_id != chain)
            yield chain  # it remembers the whole chain, so it goes last
        elif number > 1 and status == "continued" and _is_over(store, summary.run_id, before):
            yield summary.run_id


def _listed(store: Store, status: Status) -> Iterator[Summary]:
    cursor = None
    while True:
        page = store.find(Filter(status=status, limit=500), cursor)
        yield from page.runs
        if page.cursor is None:
            return
        cursor = page.cursor


def _generations(store: Store, chain: str) -> Iterator[str]:
    newest = store.newest(chain)
    for number in count(1):
        run_id = generation(chain, number)
        if store.read(run_id, NO_EVENTS) is not None:
            yield run_id
        if run_id == newest:
            return


def _is_over(store: Store, run_id: str, before: Millis) -> bool:
    log = store.read(run_id, NO_EVENTS)
    ended = None if log is None else log.summary.finished_at
    return log is not None and ended is not None and ended <= before and log.alarm is None
