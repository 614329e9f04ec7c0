"""The port `Store` on one Redis or Valkey server: each verb is one Lua script and one round trip.

The server's clock is the only one. It re-sends nothing: a reply that does not come is `ReplyLost`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import redis

from yieldflow.core.chain import chain_of, generation
from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.ports import (
    Beat,
    Commit,
    Conflict,
    Done,
    Due,
    Entry,
    Filter,
    Grant,
    Granted,
    Heard,
    Log,
    Look,
    Mark,
    Page,
    Refused,
    Reply,
)
from yieldflow.stores import rules
from yieldflow.stores.redis import listing, rows
from yieldflow.stores.redis.scripts import Scripts, Verb
from yieldflow.stores.redis.server import replies
from yieldflow.stores.redis.waiting import Subscriptions
from yieldflow.stores.redis.wire import Word


class RedisStore:
    """Give it a client of `connect`, which re-sends nothing and answers bytes. *fsync*: what it has written is on the
    server's disk.
    """

    def __init__(self, client: redis.Redis, prefix: str = "yieldflow", *, fsync: bool = False) -> None:
        self._client = client
        self._prefix = prefix
        self._scripts = Scripts(client, prefix, fsync=fsync)
        self._subscriptions = Subscriptions(client)

    @property
    def client(self) -> redis.Redis:
        """For what else lives on that server: the queue of hints."""
        return self._client

    def read(self, run_id: str, after: Mark | None = None, *, replaying: Sequence[str] | None = ()) -> Log | None:
        (log,) = self.read_each((Look(run_id, after, None if replaying is None else tuple(replaying)),))
        return log

    def read_each(self, looks: Sequence[Look]) -> tuple[Log | None, ...]:
        _, logs = self.begin((), looks)()
        return logs

    def newest(self, chain: str) -> str:
        with replies():
            number = self._client.hget(f"{self._prefix}:newest", chain)
        return chain if number is None else generation(chain, int(number))

    def work(self, run_id: str) -> tuple[Entry, ...]:
        with replies(), self._client.pipeline(transaction=True) as pipe:
            pipe.hgetall(self._key("work", run_id))
            pipe.zrange(self._key("leases", run_id), 0, -1, withscores=True)
            work, leases = pipe.execute()
        until = {key: int(end) for key, end in leases}
        with rows.readable(run_id):
            entries = [rows.any_entry(key, text, until) for key, text in work.items()]
        return tuple(sorted(entries, key=lambda entry: entry.path))

    def commit(self, commits: Sequence[Commit]) -> tuple[Reply, ...]:
        replies, _ = self.begin(commits, ())()
        return replies

    def begin(self, commits: Sequence[Commit], looks: Sequence[Look]) -> Callable[[], Heard]:
        for commit in commits:
            rules.check(commit)
        calls: list[tuple[Verb, Sequence[Word]]] = [
            ("commit", (commit.run_id, rows.plan(commit), *rows.items(commit))) for commit in commits
        ]
        calls += [("read", (look.run_id, *_place(look.after), *_queues(look.replaying))) for look in looks]
        answers = self._scripts.begin(calls)
        return lambda: _heard(commits, looks, answers())

    def claim(self, run_id: str, queues: Sequence[str], worker: str, tokens: Sequence[str]) -> Granted:
        names = list(dict.fromkeys(queues))
        words: list[Word] = [rows.line(worker), len(names), *names, *map(rows.line, tokens)]
        now, length, commit, given = self._scripts.call("claim", run_id, *words)
        head = Mark(length, commit.decode())
        with rows.readable(run_id):
            return Granted(now, tuple([Grant(rows.claimed(*claim), rows.event(item), head) for *claim, item in given]))

    def renew(self, beats: Sequence[Beat]) -> tuple[Mark | None, ...]:
        calls = [(beat.run_id, *rows.beat(beat)) for beat in beats]
        return tuple(head and rows.mark(*head) for head in self._scripts.call_each("renew", calls))

    def release(self, run_id: str, path: Path, token: str, not_before: Millis = 0) -> None:
        self._scripts.call("release", run_id, rows.key_of(path), token, not_before)

    def due(self, limit: int) -> tuple[Due, ...]:
        rung = self._scripts.call("due", "", limit)
        return tuple(Due(run_id.decode(), queue.decode(errors="replace")) for run_id, queue in rung)

    def next_alarm(self) -> tuple[Millis | None, Millis]:
        with replies(), self._client.pipeline(transaction=False) as pipe:
            pipe.zrange(f"{self._prefix}:alarms", 0, 0, withscores=True)
            pipe.time()
            first, (seconds, micros) = pipe.execute()
        return (int(first[0][1]) if first else None), seconds * 1_000 + micros // 1_000

    def find(self, wanted: Filter, cursor: str | None = None) -> Page:
        return listing.find(self._scripts, wanted, cursor)

    def resolve(self, token_hash: str) -> tuple[str, str] | None:
        with replies():
            found = self._client.hget(f"{self._prefix}:tokens", token_hash)
        if found is None:
            return None
        run_id, hook = orjson.loads(found)
        return run_id, hook

    def wait(self, run_id: str, head: Mark | None, seconds: float, *, end: bool = False) -> bool:
        if end:
            return self._subscriptions.wait(self._key("ended", run_id), lambda: self._has_ended(run_id), seconds)
        return self._subscriptions.wait(self._key("moved", run_id), lambda: self._head(run_id) != head, seconds)

    def delete(self, run_id: str) -> None:
        self._scripts.call("delete", run_id, *chain_of(run_id))

    def close(self) -> None:
        self._subscriptions.close()
        self._client.close()

    def _key(self, kind: str, run_id: str) -> str:
        return f"{self._prefix}:{kind}:{run_id}"

    def _has_ended(self, run_id: str) -> bool:
        with replies():
            status, ended = self._client.hmget(self._key("run", run_id), "status", "ended")
        return status is None or ended is not None

    def _head(self, run_id: str) -> Mark | None:
        log = self._key("log", run_id)
        with replies(), self._client.pipeline(transaction=True) as pipe:
            pipe.llen(log)
            pipe.lindex(log, -1)
            length, item = pipe.execute()
        return rows.mark(length, item.split(b" ", 1)[0]) if item is not None else None


def _place(after: Mark | None) -> tuple[int, str]:
    return (0, "") if after is None else (after.length, after.commit)


def _queues(replaying: Sequence[str] | None) -> list[Word]:
    """Whether the reader replays runs of any queue, and else of which."""
    return [1] if replaying is None else [0, *replaying]


def _heard(commits: Sequence[Commit], looks: Sequence[Look], answers: Sequence[Any]) -> Heard:
    replies, logs = answers[: len(commits)], answers[len(commits) :]
    return (
        tuple([_reply(commit, *reply) for commit, reply in zip(commits, replies, strict=True)]),
        tuple([_read(look.run_id, log) for look, log in zip(looks, logs, strict=True)]),
    )


def _reply(commit: Commit, kind: bytes, now: Millis, *rest: Any) -> Reply:
    match kind, rest:
        case b"done", (length, head, entries, claimed, *asked):
            paths = tuple([commit.claim[index - 1].path for index in claimed])
            gap, items = asked or (0, ())
            return Done(Mark(length, head.decode()), now, rows.events(items), paths, bool(gap), entries)
        case b"conflict", (length, head, gap, items):
            return Conflict(rows.mark(length, head), now, rows.events(items), bool(gap))
        case b"refused", (reason, position):
            return Refused(reason.decode(), now, position)
    raise AssertionError(f"commit.lua answered {kind!r}")


def _read(run_id: str, answer: Sequence[Any]) -> Log | None:
    with rows.readable(run_id):
        return _log(run_id, *answer)


def _log(run_id: str, now: Millis, length: int, *rest: Any) -> Log | None:
    if length == 0:
        return None
    commit, gap, items, claims, free, entries, about, alarm, rings, replays = rest
    if about[0] is None:  # its summary was lost: nobody can tend it until that is put back from the log
        return None
    claimed = sorted([rows.claimed(*claim) for claim in claims], key=lambda claim: claim.path)
    return Log(
        head=Mark(length, commit.decode()),
        events=rows.events(items),
        claimed=tuple(claimed),
        free={queue.decode(): count for queue, count in free if count},
        entries=entries,
        summary=rows.summary(run_id, about),
        alarm=alarm,
        now=now,
        gap=bool(gap),
        rings=rings,
        replays=tuple(orjson.loads(replays)) if replays else (),
    )
