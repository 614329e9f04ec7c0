"""What a run that has ended still owes: its next generation, the cancelling of its children, a report to its parent.

While anything of it is owed the run keeps its alarm; an alarm that is gone says that all is paid. Everything here may
be done twice.
"""

from __future__ import annotations

from collections.abc import Iterator

from yieldflow.codec.packing import pack
from yieldflow.core.chain import chain_of
from yieldflow.core.commands import StartChild
from yieldflow.core.events import CommandResolved, Parent
from yieldflow.core.outcome import ContinuedAs
from yieldflow.core.run import Pending, Run
from yieldflow.engine.debts import cancel_child
from yieldflow.engine.planning import child_token, owes
from yieldflow.engine.reaching import hint, start_after
from yieldflow.engine.reading import read_all, save
from yieldflow.engine.state import Asking, Tending
from yieldflow.ports import Commit, Done, Head, Holding, Mark, Refused


def settle(t: Tending, run: Run, head: Mark) -> Asking[bool]:
    """Pay what *run* owes, which has ended at *head*; whether all is paid, and the alarm gone."""
    started = run.started
    assert started is not None
    assert run.ended is not None
    if isinstance(run.ended.outcome, ContinuedAs):
        paid = yield from start_after(t, run)
    else:
        paid = True
        for pending, child in _children(run):
            told = yield from cancel_child(t, started, pending, child, f"its parent {t.run_id} was terminated")
            paid = told is not None and paid
        paid = (yield from _tell_parent(t, run)) and paid
    if paid:
        yield from save(Commit(t.run_id, t.me.fresh(), Head(head)))
    return paid


def owes_something(run: Run) -> bool:
    assert run.started is not None
    assert run.ended is not None
    return owes(run.started, run.ended.outcome, children=any(_children(run)))


def _children(run: Run) -> Iterator[tuple[Pending, StartChild]]:
    """The children of a run that was terminated which it does not leave alone."""
    for pending in run.open.values():
        command = pending.issued.command
        if isinstance(command, StartChild) and command.cancels:
            yield pending, command


def _tell_parent(t: Tending, run: Run) -> Asking[bool]:
    started, ended = run.started, run.ended
    assert started is not None
    assert ended is not None
    parent, outcome = started.parent, ended.outcome
    if parent is None or parent.detached or isinstance(outcome, ContinuedAs):
        return True
    chain, _ = chain_of(started.run_id)
    event = CommandResolved(t.me.now(), parent.path, outcome)
    holding = Holding(parent.path, child_token(chain))
    commit = Commit(parent.run_id, t.me.fresh(), holding, events=(pack(event),), drop=(parent.path,))
    reply = yield from save(commit)
    match reply:
        case Done():
            yield from hint(parent.run_id)
            return True
        case Refused("ended" | "unknown"):
            return True
        case Refused("resolved"):
            return not (yield from _still_waits(parent))
        case _:
            return False


def _still_waits(parent: Parent) -> Asking[bool]:
    """A missing entry is never read as "told": the table of open work may be lost, the log is the truth."""
    log = yield from read_all(parent.run_id)
    if log is None or log.run.ended is not None or parent.path not in log.run.open:
        return False
    yield from hint(parent.run_id)  # its tender puts the table back
    return True
