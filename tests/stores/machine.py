"""Random calls on a store and on the model, which is the memory store: all answers must be equal.

With a fake clock all instants are compared too. A store with a clock of its own says `own_clock = True`: then
instants are left out, and no time passes but that of the calls (all leases are long).
"""

from __future__ import annotations

import time
from itertools import count

from attrs import asdict
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from yieldflow.ports import (
    HINT_AFTER,
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

from .harness import FakeClock, summary

NEVER = 4_000_000_000_000  # an instant that no clock of a test reaches
INSTANTS = {"now", "since", "until", "deadline", "alarm"}
RUNS = ["r1", "r2"]
STRANGE = Mark(1, "strange")

runs = st.sampled_from(RUNS)
queues = st.sampled_from([("a", "b"), ("b", "a", "b"), ("a",), ()])
paths = st.sampled_from([(1,), (2,), (2, 1), (10,)])
events = st.lists(st.sampled_from([b"", b"x", b"yy"]), min_size=1, max_size=3).map(tuple)
work = st.builds(
    Free,
    path=paths,
    queue=st.sampled_from(["a", "b"]),
    event=st.just(1),
    attempt=st.integers(1, 2),
    lease=st.just(60_000),
    not_before=st.sampled_from([0, 5, NEVER]),
    timeout=st.sampled_from([None, 30_000, 90_000]),
)
works = st.lists(work, max_size=3).map(tuple)
alarms = st.sampled_from([None, 1, 2, NEVER])
rarely = st.sampled_from([False] * 9 + [True])
drops = st.lists(paths, max_size=2).map(tuple)


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
        entries = tuple(Free(path, queue, 1, 1, 60_000) for path, queue in [((1,), "a"), ((2,), "b"), ((10,), "a")])
        for run in RUNS:
            held = (Claim((1,), "first-1"), Claim((2,), "first-2"))
            first = Commit(
                run, f"first-{run}", Head(None), (b"a",), put=entries, claim=held, worker="w", summary=summary(run)
            )
            (reply,) = self._same("commit", [first])
            self.marks.append(reply.head)

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

    @rule(run=runs, queues=queues, tokens=st.integers(1, 3))
    def claim(self, run, queues, tokens) -> None:
        self._same("claim", run, queues, "w", [f"t{next(self.numbers)}" for _ in range(tokens)])

    @rule(data=st.data())
    def renew(self, data) -> None:
        held = [self._held(data, data.draw(runs)) for _ in range(data.draw(st.integers(0, 3)))]
        self._same("renew", [Beat(*beat) for beat in held])

    @rule(data=st.data(), run=runs, not_before=st.sampled_from([0, NEVER]))
    def release(self, data, run, not_before) -> None:
        self._same("release", *self._held(data, run), not_before)

    @rule(limit=st.integers(1, 3))
    def due(self, limit) -> None:
        if not self.own_clock or time.monotonic() - self.began < HINT_AFTER / 2_000:  # else hints may be due in one
            self._same("due", limit)

    @rule(data=st.data(), run=runs)
    def read(self, data, run) -> None:
        known = data.draw(st.sampled_from([None, Mark(0, ""), Mark(2, ""), *self.marks]))
        self._same("read", run, known)

    @rule(run=runs, unlucky=rarely)
    def delete(self, run, unlucky) -> None:
        if unlucky:
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
        for status in ("running", "blocked", "completed"):
            self._same("find", Filter(status=status))
        for token_hash in ("h1", "h2"):
            self._same("resolve", token_hash)
        if not self.own_clock:
            self._same("next_alarm")

    # --- what is asked -----------------------------------------------------------------------------------------------

    def _commit(self, data) -> Commit:
        run, name = data.draw(runs, "run"), f"c{next(self.numbers)}"
        match data.draw(st.sampled_from(["head", "head", "holding", "open"]), "condition"):
            case "holding":
                _, path, token = self._held(data, run)
                on, fields = Holding(path, token), {"drop": data.draw(st.sampled_from([(), (path,)]))}
            case "open":
                on = Open(data.draw(st.sampled_from(["k1", "k2", "k3"])))
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
        fields = {
            "alarm": data.draw(alarms),
            "drop": data.draw(drops),
            "payloads": data.draw(st.integers(0, 1)),
            "hooks": dict.fromkeys(data.draw(st.sets(st.sampled_from(["h1", "h2"]))), run),
            "revoke": self._revoke(data, run) if found else (),
            "claim": () if done else self._claims(data),
            "summary": summary(run, status="completed") if done else data.draw(st.sampled_from([None, summary(run)])),
            "done": done,
        }
        if head.at is None:
            fields |= {"summary": summary(run)}
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

    def _held(self, data, run) -> tuple:
        """A claim of the run, or (rarely, or where there is none) something that is not one."""
        found = self.model.read(run)
        held = [(run, claim.path, claim.token) for claim in found.claimed] if found else []
        return data.draw(st.sampled_from([*held, *held, *held, (run, (1,), "strange")]))

    def _same(self, verb: str, *args):
        expected = getattr(self.model, verb)(*args)
        found = getattr(self.store, verb)(*args)
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
    return type(answer), {name: _timeless(value) for name, value in kept.items() if name not in INSTANTS}
