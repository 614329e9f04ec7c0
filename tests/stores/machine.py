"""Random calls on a store and on the model, which is the memory store: all answers must be equal.

With a fake clock all instants are compared too. A store with a clock of its own says `own_clock = True`: then
instants are left out, and no time passes but that of the calls (all leases are long).
"""

from __future__ import annotations

import time
from itertools import count

from attrs import asdict, evolve
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from yieldflow.core.chain import successor
from yieldflow.ports import (
    HINT_AFTER,
    NEVER,
    Beat,
    Claim,
    Commit,
    Filter,
    Free,
    Head,
    Holding,
    Mark,
    Note,
    Open,
    Revoke,
    Store,
)
from yieldflow.stores.memory import MemoryStore
from yieldflow.testing.contracts.harness import QUEUE, FakeClock, summary

FAR = 4_000_000_000_000  # an instant that no clock of a test reaches
INSTANTS = {"now", "since", "until", "deadline", "alarm"}
CHILD = "r1~1.3"  # of the first generation, with a chain of its own
FIRST = ["r1", "r2", "r1~2"]  # they are there from the start
RUNS = [*FIRST, "r1~3", CHILD, f"{CHILD}~2"]
STRANGE = Mark(1, "strange")

runs = st.sampled_from(RUNS)
queues = st.sampled_from([("a", "b"), ("b", "a", "b"), ("a",), ()])
readers = st.sampled_from([(), None, (QUEUE,), ("other", QUEUE), ("other",)])
paths = st.sampled_from([(1,), (2,), (2, 1), (10,)])
events = st.lists(st.sampled_from([b"", b"x", b"yy"]), min_size=1, max_size=3).map(tuple)
work = st.builds(
    Free,
    path=paths,
    queue=st.sampled_from(["a", "b"]),
    event=st.just(1),
    attempt=st.integers(1, 2),
    lease=st.just(60_000),
    not_before=st.sampled_from([0, 5, FAR, NEVER]),
    timeout=st.sampled_from([None, 30_000, 90_000]),
    accepts=st.sampled_from([None, "child"]),
    details=st.sampled_from([None, None, b"1"]),
)
works = st.lists(work, max_size=3).map(tuple)
alarms = st.sampled_from([None, 1, 2, FAR])
rarely = st.sampled_from([False] * 9 + [True])
drops = st.lists(paths, max_size=2).map(tuple)
keys = st.sampled_from(["k1", "hook:1", "hook:2", "cancel:1"])
details = st.sampled_from([None, None, b"", b"2", b"\xff"])


class Comparison(RuleBasedStateMachine):
    own_clock = False

    def open(self, clock: FakeClock) -> Store:
        raise NotImplementedError

    @initialize()
    def begin(self) -> None:
        self.began = time.monotonic()
        self.clock = FakeClock()
        self.model = MemoryStore() if self.own_clock else MemoryStore(self.clock)
        self.store = self.open(self.clock)
        self.numbers = count(1)
        self.marks: list[Mark] = [STRANGE]
        entries = tuple(
            Free(path, queue, 1, 1, 60_000, accepts="child") for path, queue in [((1,), "a"), ((2,), "b"), ((10,), "a")]
        )
        for run in FIRST:
            held = (Claim((1,), "first-1"), Claim((2,), "first-2"))
            first = Commit(
                run, f"first-{run}", Head(None), (b"a",), put=entries, claim=held, worker="w", summary=summary(run)
            )
            (reply,) = self._same("commit", [first])
            self.marks.append(reply.head)
            self._same("commit", [Commit(run, f"key-{run}", Open("hook:1"), (b"p",))])
            self._same("read", run, replaying=None)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()

    # --- calls -------------------------------------------------------------------------------------------------------

    @rule(data=st.data())
    def commit(self, data) -> None:
        commits = [self._commit(data) for _ in range(data.draw(st.integers(1, 2), "commits"))]
        for reply in self._same("commit", commits):
            if getattr(reply, "head", None) is not None:
                self.marks.append(reply.head)

    @rule(data=st.data(), queues=queues, tokens=st.integers(1, 3))
    def claim(self, data, queues, tokens) -> None:
        self._same("claim", self._run(data), queues, "w", [f"t{next(self.numbers)}" for _ in range(tokens)])

    @rule(data=st.data())
    def renew(self, data) -> None:
        held = [self._held(data, self._run(data)) for _ in range(data.draw(st.integers(0, 3)))]
        deadlines = st.sampled_from([None, None, 5, self.clock.at + 1_000, FAR])
        self._same("renew", [Beat(*beat, data.draw(details), data.draw(deadlines)) for beat in held])

    @rule(data=st.data(), not_before=st.sampled_from([0, FAR]))
    def release(self, data, not_before) -> None:
        self._same("release", *self._held(data, self._run(data)), not_before)

    @rule(limit=st.integers(1, 3))
    def due(self, limit) -> None:
        if not self.own_clock or time.monotonic() - self.began < HINT_AFTER / 2_000:  # else hints may be due in one
            self._same("due", limit)

    @rule(data=st.data())
    def read(self, data) -> None:
        known = data.draw(st.sampled_from([None, Mark(0, ""), Mark(2, ""), *self.marks]))
        self._same(
            "read",
            self._run(data),
            known,
            replaying=data.draw(readers),
        )

    @rule(data=st.data(), status=st.sampled_from(["continued", "continued", "completed"]), alarm=alarms, dies=rarely)
    def go_on(self, data, status, alarm, dies) -> None:
        """A generation ends, and the next one begins; or one of them does not."""
        run = self._run(data)
        found, following = self.model.read(run), successor(run)
        if found is not None and data.draw(st.integers(0, 2)) == 0:
            last = Commit(run, self._name(), Head(found.head), (b"end",), alarm=alarm, done=True)
            self._same("commit", [evolve(last, summary=summary(run, status=status))])
        if following in RUNS and not dies:
            first = Commit(following, self._name(), Head(None), (b"a",), put=data.draw(works))
            self._same("commit", [evolve(first, summary=summary(following, anew=(1, 2)))])

    @rule(data=st.data(), key=keys)
    def deliver(self, data, key) -> None:
        self._same("commit", [Commit(self._run(data), self._name(), Open(key), (b"p",), put=data.draw(works))])

    @rule(data=st.data(), status=st.sampled_from(["paused", "paused", "running"]))
    def pause_or_resume(self, data, status) -> None:
        run = self._run(data)
        found = self.model.read(run)
        if found is not None:
            claims = tuple(Claim(entry.path, self._name()) for entry in self.model.work(run) if isinstance(entry, Free))
            turn = Commit(run, self._name(), Head(found.head), summary=summary(run, status=status), worker="w")
            self._same("commit", [evolve(turn, claim=data.draw(st.sampled_from([(), claims])))])

    @rule(run=runs, unlucky=st.integers(0, 4))
    def delete(self, run, unlucky) -> None:
        if unlucky == 0 or (unlucky <= 2 and run not in ("r1", "r2")):
            self._same("delete", run)

    @precondition(lambda self: not self.own_clock)
    @rule(millis=st.sampled_from([1, 2_000, 31_000, 60_000]))
    def pass_time(self, millis) -> None:
        self.clock.at += millis

    @invariant()
    def the_stores_stand_alike(self) -> None:
        for run in RUNS:
            self._same("read", run)
            self._same("work", run)
        for chain in ("r1", "r2", CHILD):
            self._same("newest", chain)
        for status in ("running", "paused", "blocked", "completed", "continued"):
            self._same("find", Filter(status=status))
        for oldest_first in (True, False):
            self._same("find", Filter(workflow="shop:checkout", limit=2, oldest_first=oldest_first))
        for token_hash in ("h1", "h2"):
            self._same("resolve", token_hash)
        if not self.own_clock:
            self._same("next_alarm")

    # --- what is asked -----------------------------------------------------------------------------------------------

    def _run(self, data) -> str:
        """Mostly one that is there."""
        there = [run for run in RUNS if self.model.read(run) is not None]
        return data.draw(st.sampled_from([*there, *there, *there, *RUNS]), "run")

    def _name(self) -> str:
        return f"c{next(self.numbers)}"

    def _commit(self, data) -> Commit:
        run, name = self._run(data), self._name()
        match data.draw(st.sampled_from(["head", "head", "holding", "open"]), "condition"):
            case "holding":
                path, token = self._reportable(data, run)
                on, fields = Holding(path, token), {"drop": data.draw(st.sampled_from([(), (path,)]))}
                fields["claim"] = self._claims(data)
            case "open":
                on = Open(data.draw(keys))
                fields = {"payloads": data.draw(st.integers(0, 1)), "inbox": 1}
            case _:
                on, fields = self._on_head(data, run)
        fields.setdefault("events", data.draw(events))
        after = data.draw(st.sampled_from([None, *self.marks]))
        return Commit(run, name, on, after=after, worker="w", put=data.draw(works), **fields)

    def _on_head(self, data, run):
        found = self.model.read(run)
        head = Head(data.draw(st.sampled_from([found and found.head] * 5 + [None, *self.marks])))
        done = found is not None and data.draw(rarely)
        ended = [summary(run, status=status) for status in ("completed", "continued")]
        paused = summary(run, status="paused")
        noted = summary(run, status="paused", note=Note("changed", 1), parent="r2")
        fields = {
            "alarm": data.draw(alarms),
            "keeps_replays": data.draw(st.booleans()),
            "drop": data.draw(drops),
            "payloads": data.draw(st.integers(0, 1)),
            "hooks": dict.fromkeys(data.draw(st.sets(st.sampled_from(["h1", "h2"]))), run),
            "revoke": self._revoke(data, run) if found else (),
            "claim": () if done else self._claims(data),
            "summary": data.draw(st.sampled_from(ended if done else [None, None, summary(run), paused, noted])),
            "done": done,
        }
        if head.at is None:
            fields |= {"summary": data.draw(st.sampled_from([summary(run), paused]))}
        elif data.draw(st.integers(0, 2)) == 0:
            blocked = summary(run, status="blocked", note=Note("changed", 1))
            fields |= {"events": (), "summary": data.draw(st.sampled_from([None, blocked]))}
        return head, fields

    def _claims(self, data) -> tuple[Claim, ...]:
        return tuple(Claim(path, f"t{next(self.numbers)}") for path in data.draw(drops))

    def _revoke(self, data, run) -> tuple[Revoke, ...]:
        held = [(claim.path, claim.token) for claim in self.model.read(run).claimed]
        if not data.draw(rarely if not held else st.booleans()):
            return ()
        path, token = data.draw(st.sampled_from([*held, *held, ((1,), "strange")]))
        return (Revoke(path, token, data.draw(st.booleans())),)

    def _reportable(self, data, run) -> tuple:
        """What may be reported, or (rarely) may not: a claim, or work by the token that it accepts."""
        accepting = [
            (work.path, work.accepts)
            for work in (entry if isinstance(entry, Free) else entry.work for entry in self.model.work(run))
            if work.accepts is not None
        ]
        return data.draw(st.sampled_from([self._held(data, run)[1:], *accepting, *accepting]))

    def _held(self, data, run) -> tuple:
        """A claim of the run, or (rarely, or where there is none) something that is not one."""
        found = self.model.read(run)
        held = [(run, claim.path, claim.token) for claim in found.claimed] if found else []
        return data.draw(st.sampled_from([*held, *held, *held, (run, (1,), "strange")]))

    def _same(self, verb: str, *args, **options):
        expected = getattr(self.model, verb)(*args, **options)
        found = getattr(self.store, verb)(*args, **options)
        if self.own_clock:
            assert _timeless(found) == _timeless(expected), verb
        else:
            assert found == expected, verb
        return expected


def _timeless(answer):
    if isinstance(answer, tuple):
        return tuple(map(_timeless, answer))
    if not hasattr(answer, "__attrs_attrs__"):
        return answer
    kept = asdict(answer, recurse=False)
    if "replays" in kept:
        kept["replays"] = len(kept["replays"])
    return type(answer), {name: _timeless(value) for name, value in kept.items() if name not in INSTANTS}
