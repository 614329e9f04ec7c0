"""Holds the journal of a chaos round against the logs: what may have happened, and what never may."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from attrs import define, field

from tests.deep.chaos_victims import nonce_of
from tests.deep.chaos_witness import Line
from tests.e2e.account import exactly_one_outcome
from yieldflow.core.commands import CallStep
from yieldflow.core.events import AttemptFailed, CommandAbandoned, CommandIssued, CommandResolved, Event
from yieldflow.core.outcome import Ok
from yieldflow.core.path import show

Logs = Mapping[str, Sequence[Event]]
Span = tuple[int, int]


@define
class Account:
    """*dead*: pids, also of the workers of horses, and when they were killed. *frozen*: of pids. *outages*: of the
    server, or of replies.
    """

    lines: Sequence[Line]
    logs: Logs
    lease: int
    dead: Mapping[int, int] = field(factory=dict)
    frozen: Sequence[tuple[int, int, int]] = ()
    outages: Sequence[Span] = ()
    counts: Counter[str] = field(factory=Counter)

    def settle(self) -> Counter[str]:
        """Raises AssertionError for an outcome that no body gave, or is there twice, and for a body that nothing
        explains.
        """
        for log in self.logs.values():
            exactly_one_outcome(log)
        self._outcomes_are_of_bodies()
        self._consequences_are_of_outcomes()
        self._nothing_begins_after_its_end()
        self._what_came_to_nothing_is_explained()
        return self.counts

    def _outcomes_are_of_bodies(self) -> None:
        bodies = {(line.run_id, line.path, line.nonce) for line in self.lines if line.what == "began"}
        for run_id, event, nonce in self._reports():
            place = (run_id, show(event.path), nonce)
            assert place in bodies, f"{place} is in the log, and no such body ran"
            if isinstance(event, CommandResolved):
                self.counts["steps committed"] += 1
                assert isinstance(event.outcome, Ok)
                assert json.loads(event.outcome.value)[1] == nonce

    def _consequences_are_of_outcomes(self) -> None:
        committed = {nonce for _, event, nonce in self._reports() if isinstance(event, CommandResolved)}
        for line in self.lines:
            for nonce in line.seen:
                assert nonce in committed, f"{line} saw the answer of a body whose answer is not in the log"
        self.counts["bodies"] = sum(line.what == "began" for line in self.lines)
        self.counts["runs"] = len(self.logs)

    def _nothing_begins_after_its_end(self) -> None:
        """By the order of the journal. A worker that was frozen, or too slow, between claim and body cannot know."""
        acked: set[tuple[str, str]] = set()
        resolved = {(run_id, nonce) for run_id, event, nonce in self._reports() if isinstance(event, CommandResolved)}
        for line in self.lines:
            if line.what == "acked" and (line.run_id, line.nonce) in resolved:
                acked.add(line.place)
            elif line.what == "began" and line.place in acked:
                late = line.age >= self.lease or any(pid == line.pid for pid, _, _ in self.frozen)
                assert late, f"{line} began after the outcome of its path was acknowledged"
                self.counts["bodies begun by workers that were frozen too long"] += 1

    def _what_came_to_nothing_is_explained(self) -> None:
        reported = {nonce for _, _, nonce in self._reports()}
        ends = {line.nonce: line for line in self.lines if line.what == "ended"}
        refused = {line.nonce: line for line in self.lines if line.what == "refused"}
        last = {line.pid: line for line in self.lines if line.what == "began"}
        abandoned = {
            (run_id, show(e.path)) for run_id, log in self.logs.items() for e in log if isinstance(e, CommandAbandoned)
        }
        for line in self.lines:
            if line.what == "began" and line.nonce not in reported:
                end = refused.get(line.nonce) or ends.get(line.nonce)
                why = self._why(line, end, last[line.pid] is line, line.place in abandoned)
                assert why is not None, f"{line} came to nothing, and nothing explains that; it ended as {end}"
                self.counts["bodies for nothing"] += 1
                self.counts[f"bodies for nothing, {why}"] += 1

    def _why(self, line: Line, end: Line | None, last: bool, abandoned: bool) -> str | None:
        began = line.at - min(line.age, self.lease)
        until = (line.at if end is None else end.at) + self.lease
        gone = self.dead.get(line.worker)  # its horse went with it, whether that was listed or not
        if (line.pid in self.dead and last) or (gone is not None and began <= gone <= until):
            return "their process was killed"
        if abandoned:
            return "they were cancelled"
        if any(pid == line.pid and since <= until and began <= to for pid, since, to in self.frozen):
            return "their process was frozen"
        if any(since <= until and began <= to for since, to in self.outages):
            return "the server was away"
        if end is not None and end.at - began >= self.lease // 2:
            return "their process was too slow"
        return None

    def _reports(self) -> Iterator[tuple[str, CommandResolved | AttemptFailed, str]]:
        for run_id, log in self.logs.items():
            steps = {e.path for e in log if isinstance(e, CommandIssued) and isinstance(e.command, CallStep)}
            for event in log:
                if isinstance(event, CommandResolved | AttemptFailed) and event.path in steps:
                    nonce = nonce_of(event)
                    if nonce is not None:
                        yield run_id, event, nonce
