"""What threads and processes were answered, against what the store holds: no order between them is needed for that."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path as File
from typing import Any

from attrs import define, field

from yieldflow.core.path import Path
from yieldflow.ports import Claimed, Mark, Store

WORDS = {"done": "commits", "conflict": "conflicts", "refused": "refusals"}


def account(store: Store, journal: File, runs: Iterable[str]) -> Counter[str]:
    """Raises AssertionError for an acknowledged commit that is not in its log exactly once and in one piece, one that
    was refused and is, two winners where there may be one, a table that is not what the log says.
    """
    found = notes(journal)
    folds = [Fold(run, found) for run in runs]
    for fold in folds:
        fold.go(store)
    applied = {commit for commit, answer in found.answers.items() if answer[0] == "done"}
    logged = {commit for fold in folds for commit in fold.commits}
    assert applied <= logged, f"acknowledged and gone: {applied - logged}"
    unanswered = found.asked.keys() - found.answers.keys()
    assert logged <= applied | unanswered, f"refused and there all the same: {logged - applied - unanswered}"
    again = Counter(found.tokens[token][::2] for token in found.released)
    for entry, grants in found.grants.items():
        assert grants <= 1 + again[entry], f"{entry} was given to {grants} at a time"
    return Counter({**found.counts, "events": sum(fold.length for fold in folds), "unanswered": len(unanswered)})


@define
class Notes:
    """All that was noted. *answers*: by commit; who was killed has some that were asked, and never answered."""

    counts: Counter[str] = field(factory=Counter)
    asked: dict[str, str] = field(factory=dict)  # the run, by commit
    answers: dict[str, list[Any]] = field(factory=dict)
    tokens: dict[str, tuple[str, Path, int]] = field(factory=dict)  # run, path and entry
    grants: Counter[tuple[str, int]] = field(factory=Counter)  # by run and entry
    released: set[str] = field(factory=set)


def notes(journal: File) -> Notes:
    found = Notes()
    for line in journal.read_bytes().splitlines():
        match json.loads(line):
            case ["asked", run, commit]:
                found.asked[commit] = run
            case ["answered", _, commit, *answer]:
                found.answers[commit] = answer
                found.counts[WORDS[answer[0]]] += 1
            case ["granted", run, path, token, entry]:
                found.tokens[token] = run, tuple(path), entry
                found.grants[run, entry] += 1
            case ["released", _, _, token]:
                found.released.add(token)
            case ["called"]:
                found.counts["calls"] += 1
    return found


@define
class Fold:
    """One run, by its log: commit by commit, each checked against what was noted of it."""

    run: str
    notes: Notes
    length: int = 0
    head: str | None = None
    commits: set[str] = field(factory=set)
    keys: dict[str, int] = field(factory=dict)  # where they were delivered
    table: dict[Path, int] = field(factory=dict)
    gone: set[str] = field(factory=set)  # tokens that were revoked, or have reported
    ended: bool = False

    def go(self, store: Store) -> None:
        for commit in pieces(whole(store, self.run)):
            self._add(*commit)
        self._refusals()
        self._stands(store)

    def _add(self, asked: dict[str, Any], size: int) -> None:
        commit = asked["commit"]
        assert self.notes.asked[commit] == self.run
        assert commit not in self.commits, f"{commit} is in the log twice"
        assert not self.ended, f"{commit} came after the end"
        self.commits.add(commit)
        self._may_be_there(*asked["on"])
        self.length, self.head = self.length + size, commit
        self._work(asked)
        answer = self.notes.answers.get(commit, ["done", self.length, commit, []])
        assert answer[:3] == ["done", self.length, commit], f"{commit} was answered {answer}"
        for path, token in asked["claim"]:
            if path in answer[3]:
                entry = self.table[tuple(path)]
                self.notes.tokens[token] = self.run, tuple(path), entry
                self.notes.grants[self.run, entry] += 1
        if asked["done"]:
            self.ended = True
            self.table.clear()

    def _may_be_there(self, kind: str, *what: Any) -> None:
        match kind, what:
            case "head", (length, commit):
                assert (length or 0, commit) == (self.length, self.head), "decided on another head"
            case "holding", (path, token):
                assert token not in self.gone, f"{token} has reported, or was revoked"
                held, entry = self.notes.tokens[token], self.table.get(tuple(path))
                assert held == (self.run, tuple(path), entry), f"{token} holds {held}, not {entry} at {path}"
                self.gone.add(token)
            case "open", (once,):
                assert once not in self.keys, f"{once} was delivered twice"
                self.keys[once] = self.length + 1
            case _:
                raise AssertionError(kind)

    def _work(self, asked: dict[str, Any]) -> None:
        self.gone |= {token for _, token in asked["revoke"]}
        for path in (*(path for path, _ in asked["revoke"]), *asked["drop"]):
            self.table.pop(tuple(path), None)
        self.table |= {tuple(path): entry for path, entry in asked["put"]}

    def _refusals(self) -> None:
        """What was said of a key that was delivered before is true."""
        places = {None, *self.keys.values()}
        for commit, answer in self.notes.answers.items():
            if self.notes.asked[commit] == self.run and answer[0] == "refused":
                assert answer[1] != "ended" or self.ended
                assert answer[2] in places, f"{commit}: {answer}"

    def _stands(self, store: Store) -> None:
        log = store.read(self.run)
        if log is None:
            assert not self.commits
            return
        assert log.head == Mark(self.length, str(self.head))
        assert log.summary.status == ("completed" if self.ended else "running")
        entries = store.work(self.run)
        work = {entry.path: (entry.work if isinstance(entry, Claimed) else entry).attempt for entry in entries}
        assert work == self.table, f"{self.run}: the table {work} is not what the log says: {self.table}"
        assert log.entries == len(work)
        held = {entry.token for entry in entries if isinstance(entry, Claimed)}
        assert held.isdisjoint(self.gone), "what was reported or revoked is still held"
        assert log.alarm is not None or not work, f"{self.run}: nobody will look"


def whole(store: Store, run: str) -> list[dict[str, Any]]:
    events: list[bytes] = []
    log = store.read(run)
    while log is not None and len(events) < log.head.length:
        log = store.read(run, Mark(len(events), ""))
        assert log is not None
        assert log.events, "the log is shorter than its head says"
        events += log.events
    return [json.loads(event) for event in events]


def pieces(events: Sequence[dict[str, Any]]) -> Iterable[tuple[dict[str, Any], int]]:
    """The first event of each commit, and how many it has: all of them are there, and nothing is between them."""
    at = 0
    while at < len(events):
        first = events[at]
        _, size = first["of"]
        own = [(event["commit"], event["of"]) for event in events[at : at + size]]
        assert own == [(first["commit"], [number, size]) for number in range(size)], f"{own} is no whole commit"
        yield first, size
        at += size
