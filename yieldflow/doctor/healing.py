"""See one run after the other: what is wrong with its records, confirmed by a second look, and put right if asked.

A damaged log is named and never touched. A race that is lost to a worker is looked at again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, assert_never

from attrs import define, evolve, field

from yieldflow.app import App
from yieldflow.codec.packing import unpack
from yieldflow.core.events import RunStarted
from yieldflow.core.times import Millis
from yieldflow.doctor.charts import Chart, Damaged, Found, Loose, chart
from yieldflow.doctor.comparing import faults, traces
from yieldflow.doctor.demand import due_since, due_work
from yieldflow.doctor.findings import Finding, error, warning
from yieldflow.doctor.mending import mended, rung
from yieldflow.doctor.places import Hints
from yieldflow.engine.planning import child_id, summary
from yieldflow.errors import Undecodable
from yieldflow.inspection.phrases import whole
from yieldflow.ports import HINT_AFTER, Claimed, Commit, Done, Refused, Summary
from yieldflow.runtime import fresh
from yieldflow.stores.records import Keeper, Records, Stray

Repair: TypeAlias = Literal["no", "dry-run", "yes"]

_TRIES = 10  # against workers who write to the run meanwhile
_CHILDREN = 100  # looked at in one call
MEND = "yieldflow doctor --repair puts it right"


@define
class Clinic:
    """*idle*: how long work may lie that nobody was told of."""

    app: App
    keeper: Keeper
    hints: Hints | None
    idle: Millis
    repair: Repair
    findings: list[Finding] = field(factory=list)
    repairs: list[str] = field(factory=list)
    _lost: set[str] = field(factory=set, init=False)  # runs whose hooks have lost their tokens

    def see(self, found: Found) -> None:
        match found:
            case Damaged(run_id, reason):
                says, advice = f"the log of run {run_id} is damaged: {reason}", "restore it from a backup, or delete it"
                self.findings.append(error("damaged log", says, advice, run_id))
            case Loose(kept):
                if traces(kept):
                    self._confirmed(kept.run_id, ("it is listed, and has no log",))
            case Chart():
                wrong = faults(found.run, found.kept)
                if wrong:
                    self._confirmed(found.kept.run_id, wrong)
                else:
                    self._see_children(found)
                    self._see_hint(found)
            case _:
                assert_never(found)

    def take_in_strays(self) -> None:
        """Logs that no record names."""
        for stray in self.keeper.strays():
            listed = _summary_of(stray)
            if listed is None:
                says = f"a log that no record names is damaged (place {stray.place} of its table)"
                self.findings.append(error("damaged log", says, "restore the store from a backup"))
            elif self.repair == "yes":
                self.keeper.adopt(stray, listed)
                self.repairs.append(f"run {listed.run_id}: it had a log and no record, and has one")
            else:
                self._say(listed.run_id, ("it has a log and no record",))

    # --- index against log ------------------------------------------------------------------------------------------

    def _confirmed(self, run_id: str, wrong: Sequence[str]) -> None:
        """What a second look does not find was a moment between two readings."""
        again = chart(self.keeper, run_id)
        wrong = [one for one in _faults(again) if one in wrong]
        if not wrong:
            return
        if self.repair != "yes":
            self._say(run_id, wrong)
        elif self._mend(run_id):
            self._offer(run_id)
            self.repairs.append(f"run {run_id}: {'; '.join(wrong)}; put right")
        else:
            self.findings.append(
                error("runs", f"run {run_id}: {'; '.join(wrong)}", "it moved all the time; look again", run_id)
            )

    def _mend(self, run_id: str) -> bool:
        """Whether it was looked at and found right, or made so."""
        for _ in range(_TRIES):
            found = chart(self.keeper, run_id)
            if not _faults(found):
                return True
            match found:
                case Chart(run, events, kept):
                    if not self._commit(mended(run, events, kept, fresh())):
                        continue
                    self.keeper.reindex(run_id, kept.head, ended=run.ended is not None)
                    if run_id in self._lost:
                        return True  # but for its hooks
                case Loose():
                    self.keeper.reindex(run_id, None, ended=False)
                case Damaged():
                    return False
                case _:
                    assert_never(found)
        return False

    def _commit(self, commit: Commit) -> bool:
        """A hook that another one has the token of by now is left out: that one was quicker."""
        (reply,) = self.app.store.commit([commit])
        if isinstance(reply, Refused) and reply.reason == "taken":
            own = {token: name for token, name in commit.hooks.items() if self.app.store.resolve(token) is None}
            lost = sorted({*commit.hooks.values()} - {*own.values()})
            self._lost.add(commit.run_id)
            says = f"run {commit.run_id}: its hook {', '.join(lost)} has lost its token to another run"
            self.findings.append(warning("runs", says, "end the other run, then look again", commit.run_id))
            (reply,) = self.app.store.commit([evolve(commit, hooks=own)])
        return isinstance(reply, Done)

    def _say(self, run_id: str, wrong: Sequence[str]) -> None:
        text = f"run {run_id}: {'; '.join(wrong)}"
        if self.repair == "dry-run":
            self.repairs.append(f"{text}; would be put right")
        else:
            self.findings.append(error("runs", text, MEND, run_id))

    def _offer(self, run_id: str) -> None:
        (kept,) = self.keeper.records([run_id])
        if isinstance(kept, Records) and kept.summary is not None and kept.summary.finished_at is None:
            self.app.hint(run_id, kept.summary.queue)

    # --- what is owed between runs ------------------------------------------------------------------------------------

    def _see_children(self, found: Chart) -> None:
        """A child that has ended keeps its alarm until its parent, which waits, was told."""
        started = found.run.started
        assert started is not None
        if found.run.ended is not None:
            return
        names = [child_id(started, path, command) for path, command in found.run.children.items()]
        for start in range(0, len(names), _CHILDREN):
            some = names[start : start + _CHILDREN]
            for kept in self.keeper.records(some):
                if isinstance(kept, Records) and _is_silent(kept):
                    self._see_silent(found, kept.run_id)

    def _see_silent(self, parent: Chart, name: str) -> None:
        again = chart(self.keeper, parent.kept.run_id)
        (child,) = self.keeper.records([name])
        if not isinstance(again, Chart) or not isinstance(child, Records) or not _is_silent(child):
            return
        started = again.run.started
        assert started is not None
        if name not in {child_id(started, path, command) for path, command in again.run.children.items()}:
            return  # it was told meanwhile
        says = f"it has ended, and its parent {parent.kept.run_id} waits and nobody tells it"
        if self.repair != "yes":
            self._say(name, (says,))
        elif self._commit(rung(child, fresh())):
            if child.summary is not None:
                self.app.hint(name, child.summary.queue)
            self.repairs.append(f"run {name}: {says}; it is looked at again")

    # --- hints --------------------------------------------------------------------------------------------------------

    def _see_hint(self, found: Chart) -> None:
        """Work that nobody takes, of a run that nobody is told of, and that is not looked at soon."""
        again: Found | None = found
        queues = self._untold(found)
        if queues:
            again = chart(self.keeper, found.kept.run_id)
        if not queues or not isinstance(again, Chart) or again.kept.head != found.kept.head or not self._untold(again):
            return
        run_id, now = found.kept.run_id, again.kept.now
        says = f"run {run_id} has work for queue {queues[0]}, and no hint of it lies there"
        ring = "" if again.kept.alarm is None else f" (its next alarm is in {whole(again.kept.alarm - now)})"
        if self.repair == "no":
            self.findings.append(warning("hints", says + ring, MEND, run_id))
            return
        for queue in queues if self.repair == "yes" else ():
            self.app.hint(run_id, queue)
        self.repairs.append(f"{says}; {'left one' if self.repair == 'yes' else 'would leave one'}")

    def _untold(self, found: Chart) -> list[str]:
        kept = found.kept
        if self.hints is None or found.run.ended is not None or found.run.paused:
            return []
        soon = kept.alarm is not None and kept.alarm <= kept.now + 2 * HINT_AFTER
        due = due_work(found, kept.now)
        if soon or not due or any(isinstance(entry, Claimed) for entry in kept.entries):
            return []
        if any(kept.now - due_since(found, entry) < self.idle for entry in due):
            return []
        started = found.run.started
        assert started is not None
        queues = sorted({entry.queue for entry in due})
        noted = [self.hints.is_noted(queue, [kept.run_id])[0] for queue in {*queues, started.queue}]
        return [] if any(noted) else queues


def _faults(found: Found) -> tuple[str, ...]:
    match found:
        case Chart(run, _, kept):
            return faults(run, kept)
        case Loose(kept):
            return ("it is listed, and has no log",) if traces(kept) else ()
        case Damaged(_, reason):
            return (reason,)
        case _:
            assert_never(found)


def _is_silent(kept: Records) -> bool:
    listed = kept.summary
    ended = listed is not None and listed.finished_at is not None and listed.status != "continued"
    return ended and kept.head is not None and kept.alarm is None


def _summary_of(stray: Stray) -> Summary | None:
    try:
        event = unpack(stray.first)
    except Undecodable:
        return None
    return summary(event, None, event.at) if isinstance(event, RunStarted) else None
