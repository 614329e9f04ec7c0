"""Compares the journal of a run under fire with its log: what may have happened, and what never may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from attrs import frozen

from tests.e2e.journal import Line
from yieldflow.core.events import AttemptFailed, CommandAbandoned, CommandIssued, CommandResolved, Event
from yieldflow.core.path import show


@frozen
class Account:
    """*again*: bodies that ran for nothing, because a process was killed before their report."""

    runs: int
    kills: Counter[str]
    again: int
    lost: int  # attempts that the log has as lost
    bodies: int

    def __str__(self) -> str:
        places = ", ".join(f"{count} {place}" for place, count in sorted(self.kills.items()))
        return (
            f"{sum(self.kills.values())} kills ({places}); {self.runs} runs, {self.bodies} bodies, "
            f"{self.again} of them for nothing, {self.lost} attempts lost"
        )


def account(journal: Sequence[Line], logs: dict[str, Sequence[Event]]) -> Account:
    """Raises AssertionError for a body that has no place in the log, or an outcome that has no body."""
    bodies = [line for line in journal if line.what == "began"]
    killed = {line.pid for line in journal if line.what == "killed"}
    for log in logs.values():
        exactly_one_outcome(log)
    for run_id, log in logs.items():
        every_attempt_has_a_body(run_id, log, bodies)
        nothing_begins_after_its_end(run_id, journal)
    again = [body for body in bodies if not in_the_log(body, logs[body.run_id])]
    only_the_killed_repeat(again, bodies, killed)
    lost = sum(isinstance(e, AttemptFailed) and e.reason == "lost" for log in logs.values() for e in log)
    kills = Counter(line.path for line in journal if line.what == "killed")
    return Account(len(logs), kills, len(again), lost, len(bodies))


def exactly_one_outcome(log: Iterable[Event]) -> None:
    issued = Counter(e.path for e in log if isinstance(e, CommandIssued))
    ended = Counter(e.path for e in log if isinstance(e, CommandResolved | CommandAbandoned))
    assert set(issued.values()) == {1}
    assert ended == issued


def every_attempt_has_a_body(run_id: str, log: Iterable[Event], bodies: Sequence[Line]) -> None:
    """But for those whose worker was lost: it may have been killed between claim and body."""
    begun = {(body.path, body.attempt) for body in bodies if body.run_id == run_id}
    for path, attempt in map(attempted, filter(reported, log)):
        assert (path, attempt) in begun, f"{run_id} {path}: attempt {attempt} is in the log, but had no body"


def nothing_begins_after_its_end(run_id: str, journal: Sequence[Line]) -> None:
    """By the order of the journal: no clock is asked."""
    resolved, failed = set(), set()
    for line in journal:
        match line:
            case Line("resolved", path, run) if run == run_id:
                resolved.add(path)
            case Line("failed", path, run, attempt) if run == run_id:
                failed.add((path, attempt))
            case Line("began", path, run, attempt) if run == run_id:
                assert path not in resolved, f"{line} began after the outcome of its path was acknowledged"
                assert (path, attempt) not in failed, f"{line} began after its failure was acknowledged"
            case _:
                pass


def only_the_killed_repeat(again: Sequence[Line], bodies: Sequence[Line], killed: set[int]) -> None:
    """What came to nothing were the last bodies that a process ran for a run before it was killed: it had not reported
    them. It may have reported later ones of other runs, which went another way to the store.
    """
    in_vain = set(again)
    for number, body in enumerate(bodies):
        if body in in_vain:
            assert body.pid in killed, f"{body} came to nothing, but nobody killed its process"
            here = (body.pid, body.thread, body.run_id)
            later = [one for one in bodies[number + 1 :] if (one.pid, one.thread, one.run_id) == here]
            assert in_vain.issuperset(later), f"{body} came to nothing, but its run went on there"


def in_the_log(body: Line, log: Iterable[Event]) -> bool:
    """Whether its report was committed: the attempt ended by itself, and on that process."""
    return any(
        attempted(event) == (body.path, body.attempt) and event.worker.split(":")[-2] == str(body.pid)
        for event in filter(reported, log)
    )


def reported(event: Event) -> bool:
    match event:
        case CommandResolved(attempt=attempt):
            return attempt > 0
        case AttemptFailed(reason=reason):
            return reason == "raised"
        case _:
            return False


def attempted(event: CommandResolved | AttemptFailed) -> tuple[str, int]:
    return show(event.path), event.attempt


def where_it_was(pid: int, journal: Sequence[Line]) -> str:
    """The place of a kill that came from outside, by the last line of its process."""
    own = [line for line in journal if line.pid == pid and line.what != "killed"]
    match own[-1].what if own else "":
        case "began":
            return "in a body"
        case "ended":
            return "between body and report"
        case "resolved" | "failed":
            return "after a report"
        case _:
            return "idle, replaying or starting"
