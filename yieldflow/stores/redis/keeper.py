"""`Keeper` of a store on a Redis server. What is derived: the sets of free work, of leases, and the lists.

It asks for the settings of the server and judges none of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any, get_args

import redis
from redis import exceptions as failures

from yieldflow.core.chain import chain_of
from yieldflow.core.times import Millis
from yieldflow.errors import StoreUnsuitable
from yieldflow.ports import NEVER, TAIL_EVENTS, Claimed, Entry, Free, Mark, Status, Summary
from yieldflow.stores import rules
from yieldflow.stores.records import Records, Stray
from yieldflow.stores.redis import rows
from yieldflow.stores.redis.scripts import Scripts
from yieldflow.stores.redis.server import replies

_KINDS = ("log", "run", "work")  # the keys that each run may have
_A_TIME = 1_000  # of what is scanned


class RedisKeeper:
    """*client* as a store has it."""

    def __init__(self, client: redis.Redis, prefix: str = "yieldflow") -> None:
        self._client = client
        self._prefix = prefix
        self._scripts = Scripts(client, prefix)

    def settings(self) -> Mapping[str, Any]:
        with replies():
            try:
                told = {**self._client.info()}
            except (failures.NoPermissionError, failures.ResponseError):
                return {}
            with suppress(failures.NoPermissionError, failures.ResponseError):  # a managed server hides it
                fsync: Any = self._client.config_get("appendfsync")
                told |= fsync
            return told

    def run_ids(self) -> Iterator[str]:
        with replies():
            for kind in _KINDS:
                start = f"{self._prefix}:{kind}:"
                for key in self._client.scan_iter(match=f"{_literal(start)}*", count=_A_TIME):
                    yield key.decode(errors="replace").removeprefix(start)
            for name in ("alarms", *(f"status:{status}" for status in get_args(Status))):
                for member, _ in self._client.zscan_iter(f"{self._prefix}:{name}", count=_A_TIME):
                    yield member.decode(errors="replace")

    def records(self, run_ids: Sequence[str]) -> list[Records | str]:
        calls = [(run_id, chain_of(run_id)[0]) for run_id in run_ids]
        try:
            answers = self._scripts.call_each("records", calls)
        except StoreUnsuitable as error:  # the keys of one of them are not as we write them
            return [str(error)] if len(calls) == 1 else [one for call in run_ids for one in self.records([call])]
        return [_told(run_id, answer) for run_id, answer in zip(run_ids, answers, strict=True)]

    def logs(self, heads: Sequence[tuple[str, Mark]]) -> list[tuple[bytes, ...]]:
        with replies(), self._client.pipeline(transaction=False) as pipe:
            for run_id, head in heads:
                pipe.lrange(f"{self._prefix}:log:{run_id}", 0, min(head.length, TAIL_EVENTS) - 1)
            return [self._rest(*place, items) for place, items in zip(heads, pipe.execute(), strict=True)]

    def _rest(self, run_id: str, head: Mark, items: list[bytes]) -> tuple[bytes, ...]:
        """A log only grows: what it held at that head is its start, unless it was deleted and begun again."""
        found: Any = items
        while len(items) < head.length and found:
            last = min(head.length, len(items) + TAIL_EVENTS) - 1
            found = self._client.lrange(f"{self._prefix}:log:{run_id}", len(items), last)
            items += found
        is_it = len(items) == head.length and items[-1].startswith(head.commit.encode() + b" ")
        return rows.events(items) if is_it else ()

    def overdue(self, by: Millis) -> int:
        with replies():
            seconds, micros = self._client.time()
            now = seconds * 1_000 + micros // 1_000
            return int(self._client.zcount(f"{self._prefix}:alarms", "-inf", now - by))

    def strays(self) -> list[Stray]:
        """A key names its run: no log is without a name."""
        return []

    def adopt(self, stray: Stray, summary: Summary) -> None:
        raise NotImplementedError

    def reindex(self, run_id: str, head: Mark | None, *, ended: bool) -> bool:
        place = (0, "") if head is None else (head.length, head.commit)
        return bool(self._scripts.call("mend", run_id, *place, int(ended)))

    def close(self) -> None:
        """The client is its store's."""


def _literal(text: str) -> str:
    """For a pattern of Redis."""
    return "".join(f"\\{one}" if one in "*?[]\\^" else one for one in text)


def _told(run_id: str, answer: Sequence[Any]) -> Records | str:
    try:
        with rows.readable(run_id):
            return _records(run_id, *answer)
    except StoreUnsuitable as error:
        return str(error)


def _records(run_id: str, now: Millis, length: int, commit: bytes, *rest: Any) -> Records:
    about, others, alarm, entries, held, free, hooks, keys, lists, missing = rest
    ended, base, payloads, rings, _ = others
    leases = {key: int(float(end)) for key, end in _pairs(held)}
    work = sorted((rows.any_entry(key, text, leases) for key, text in _pairs(entries)), key=lambda entry: entry.path)
    at = None if alarm is False or alarm is None else int(float(alarm))
    listed = rows.summary(run_id, about) if all(about[:4]) else None
    loose = (
        *_free_sets(work, {queue.decode(): dict(_pairs(words)) for queue, words in free}),
        *_leases(work, leases),
        *_lists(listed, {status.decode(): int(float(started)) for status, started in lists}, missing),
    )
    return Records(
        run_id,
        rows.mark(length, commit),
        now,
        listed,
        ended is not None,
        at,
        rules.earliest(int(base) if base else None, *leases.values()),
        int(payloads or 0),
        int(rings or 0),
        tuple(work),
        {token.decode(): name.decode() for token, name in hooks},
        frozenset(key.decode() for key in keys),
        loose,
    )


def _free_sets(work: Sequence[Entry], kept: Mapping[str, Mapping[bytes, bytes]]) -> Iterator[str]:
    due: dict[str, dict[bytes, int]] = {queue: {} for queue in kept}
    for entry in work:
        if isinstance(entry, Free) and entry.not_before < NEVER:
            due[entry.queue][rows.key_of(entry.path).encode()] = entry.not_before
    for queue, paths in kept.items():
        if due[queue] != {path: int(float(score)) for path, score in paths.items()}:
            yield f"the set of free work for queue {queue} is not what its work table says"


def _leases(work: Sequence[Entry], leases: Mapping[bytes, int]) -> Iterator[str]:
    if {rows.key_of(entry.path).encode() for entry in work if isinstance(entry, Claimed)} != set(leases):
        yield "the set of leases is not what its work table says"


def _lists(listed: Summary | None, lists: Mapping[str, int], missing: Sequence[bytes]) -> Iterator[str]:
    if listed is not None and lists != {listed.status: listed.started_at}:
        yield f"its summary says {listed.status}, and it is in the list of {' and '.join(sorted(lists)) or 'nothing'}"
    elif listed is None and lists:
        yield f"it is listed as {' and '.join(sorted(lists))}, and has no summary"
    for name in missing:
        kind, _, rest = name.decode(errors="replace").partition(":")
        yield f"it is missing in the list of {kind} {rest}"


def _pairs(words: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    return list(pairwise(words))[::2]
