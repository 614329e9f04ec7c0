"""Threads and processes that fight for the same runs of one store, at random, and note what they were answered.

An event says which commit it is of, and its first one all that the commit asks for: so a log can be read without the
notes, and the notes be compared with it. The notes are O_APPEND writes.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path as File
from typing import Any

from attrs import define, evolve, field

from yieldflow.connect import connect
from yieldflow.core.path import Path
from yieldflow.ports import (
    Beat,
    Claim,
    Commit,
    Done,
    Free,
    Head,
    Holding,
    Mark,
    On,
    Open,
    Refused,
    Reply,
    Revoke,
    Store,
    Summary,
)

PATHS: tuple[Path, ...] = ((1,), (2,), (2, 1), (3,), (10,))
KEYS = 40
QUEUES = ("a", "b")
LEASE = 600_000  # no claim ends by itself
ENDS = 0.0003  # so often a decision is the end of its run
END = "end"  # how the commit of an end is called
VERBS = {"decide": 8, "report": 8, "send": 3, "claim": 5, "renew": 2, "release": 1, "read": 1}


def contend(url: str, prefix: str, journal: str, name: str, threads: int, calls: int, runs: int, seed: int) -> None:
    """A process: opens the store, and fights."""
    store = connect(url, prefix)
    fight(store, File(journal), name, threads, calls, [f"run-{n}" for n in range(runs)], seed)
    store.close()


def fight(store: Store, journal: File, name: str, threads: int, calls: int, runs: Sequence[str], seed: int) -> None:
    notes = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    names = [f"{name}-{number}" for number in range(threads)]
    fighters = [Contender(store, notes, one, runs, random.Random(f"{seed} {one}")) for one in names]
    try:
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(lambda fighter: fighter.fight(calls), fighters):
                pass
    finally:
        os.close(notes)


@define
class Contender:
    """One thread. Its claims, and the heads as it last heard of them."""

    store: Store
    notes: int
    name: str
    runs: Sequence[str]
    chance: random.Random
    heads: dict[str, Mark] = field(factory=dict)
    held: list[tuple[str, Path, str]] = field(factory=list)
    _numbers: Iterator[int] = field(factory=lambda: count(1))

    def fight(self, calls: int) -> None:
        verbs = self.chance.choices(sorted(VERBS), [VERBS[verb] for verb in sorted(VERBS)], k=calls)
        for verb in verbs:
            run = self.chance.choice(self.runs)
            getattr(self, f"_{verb}")(run)

    def _decide(self, run: str) -> None:
        head = self.heads.get(run)
        if head is not None and head.commit.startswith(END):
            return  # whoever decides has read the log
        if head is not None and self.chance.random() < ENDS:
            self._commit(run, Head(head), END, done=True, summary=summary(run, "completed"))
            return
        revoke = self._revocations(run) if self.chance.random() < 0.05 else ()
        taken = tuple(Claim(path, self._name("t")) for path in self._some(PATHS))
        drop = self._some(PATHS)
        self._commit(run, Head(head), revoke=revoke, drop=drop, put=self._work(), claim=taken, summary=summary(run))

    def _report(self, run: str) -> None:
        if not self.held:
            self._claim(run)
            return
        run, path, token = self.held.pop(self.chance.randrange(len(self.held)))
        on = Holding(path, token)
        self._commit(run, on, drop=(path,), put=self._work() if self.chance.random() < 0.3 else ())

    def _send(self, run: str) -> None:
        self._commit(run, Open(f"hook:{self.chance.randrange(KEYS)}"), put=self._work())

    def _claim(self, run: str) -> None:
        tokens = [self._name("t") for _ in range(self.chance.randint(1, 3))]
        for grant in self._call("claim", run, QUEUES, self.name, tokens).grants:
            claim = grant.claim
            self._note("granted", run, claim.path, claim.token, claim.work.attempt)
            self.held.append((run, claim.path, claim.token))

    def _renew(self, run: str) -> None:
        beats = [Beat(*held, details=b"1") for held in self.held[:5]]
        answers = self._call("renew", beats)
        self.held[:5] = [held for held, head in zip(self.held[:5], answers, strict=True) if head is not None]

    def _release(self, run: str) -> None:
        if self.held:
            held = self.held.pop(0)
            self._note("released", *held)
            self._call("release", *held)

    def _read(self, run: str) -> None:
        log = self._call("read", run, self.heads.get(run))
        if log is not None:
            self.heads[run] = log.head

    # --- what is asked -----------------------------------------------------------------------------------------------

    def _commit(self, run: str, on: On, kind: str = "c", **fields: Any) -> None:
        after = self.chance.choice([None, self.heads.get(run)])
        bare = Commit(run, self._name(kind), on, after=after, worker=self.name, **fields)
        size = self.chance.randint(1, 3)
        first = {"commit": bare.commit, "of": [0, size], **asked(bare)}
        more = ({"commit": bare.commit, "of": [number, size]} for number in range(1, size))
        events = tuple(json.dumps(event).encode() for event in (first, *more))
        self._note("asked", run, bare.commit)
        (reply,) = self._call("commit", [evolve(bare, events=events)])
        self._note("answered", run, bare.commit, *answered(reply))
        head = None if isinstance(reply, Refused) else reply.head
        if head is not None:
            self.heads[run] = head
        if isinstance(reply, Done):
            self.held += [(run, claim.path, claim.token) for claim in bare.claim if claim.path in reply.claimed]

    def _revocations(self, run: str) -> tuple[Revoke, ...]:
        log = self._call("read", run)
        return () if log is None else tuple(Revoke(one.path, one.token, gone=True) for one in log.claimed[:1])

    def _work(self) -> tuple[Free, ...]:
        """*attempt* is what tells one entry from all others: so large that it comes twice to nobody."""
        numbers = [int.from_bytes(self.chance.randbytes(5)) for _ in PATHS]
        return tuple(
            Free(path, self.chance.choice(QUEUES), event=1, attempt=number, lease=LEASE)
            for path, number in zip(self._some(PATHS), numbers, strict=False)
        )

    def _some(self, paths: Sequence[Path]) -> tuple[Path, ...]:
        return tuple(self.chance.sample(paths, self.chance.choice([0, 0, 1, 2])))

    def _name(self, kind: str) -> str:
        return f"{kind}-{self.name}-{next(self._numbers)}"

    def _call(self, verb: str, *args: Any) -> Any:
        answer = getattr(self.store, verb)(*args)
        self._note("called")
        return answer

    def _note(self, what: str, *about: Any) -> None:
        os.write(self.notes, json.dumps([what, *about]).encode() + b"\n")


def summary(run: str, status: Any = "running") -> Summary:
    return Summary(run, "contended", "a", status, 1, None if status == "running" else 2)


def asked(commit: Commit) -> dict[str, Any]:
    match commit.on:
        case Head(at):
            on: list[Any] = ["head", at and at.length, at and at.commit]
        case Holding(path, token):
            on = ["holding", path, token]
        case Open(once):
            on = ["open", once]
    return {
        "on": on,
        "revoke": [[revoke.path, revoke.token] for revoke in commit.revoke],
        "drop": commit.drop,
        "put": [[work.path, work.attempt] for work in commit.put],
        "claim": [[claim.path, claim.token] for claim in commit.claim],
        "done": commit.done,
    }


def answered(reply: Reply) -> list[Any]:
    match reply:
        case Done(head, claimed=claimed):
            return ["done", head.length, head.commit, claimed]
        case Refused(reason, position=position):
            return ["refused", reason, position]
        case _:
            return ["conflict"]
