"""A program that changed under its run is found at the very event that shows it, and no other program is.

Whether a change can be seen is said by `detection_replayer`. What that does not know (tasks, shields, conditions,
patches, children that are waited for) is judged by a weaker witness, which asks yieldflow's interpreter what the
changed program decides when it lives through the same facts, but never lets it compare anything with the log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile
from random import Random
from typing import Any

from attrs import define, evolve, field

from tests.core.harness import Life, close_all, execution
from tests.core.performing import perform
from tests.core.programs import Body, Trace
from tests.core.schedules import FULL, Play, program_of, settings_of
from tests.deep.detection_commands import written
from tests.deep.detection_mutants import Mutant, crowd, mutants, plain, unlimited
from tests.deep.detection_replayer import parts_at
from tests.deep.drawing import life
from tests.deep.rounds import Figures
from yieldflow import Flow, patched
from yieldflow.core.commands import MarkPatch
from yieldflow.core.events import (
    CommandAbandoned,
    CommandIssued,
    CommandResolved,
    Event,
    RunFinished,
    is_fact,
    stamped,
)
from yieldflow.core.interpreter import Execution
from yieldflow.core.outcome import Cancelled
from yieldflow.core.path import parse
from yieldflow.core.run import fold
from yieldflow.errors import NonDeterminism

PROGRAMS = 300
EACH = 16  # mutants of a program
SHOWN = {
    CommandIssued: "a recorded command",
    CommandAbandoned: "a command that was let go",
    CommandResolved: "a payload that another wait has taken",
    RunFinished: "the end of the run",
}


@define
class Quiet(Trace):
    """What it has seen changes no arguments: so that a question may come or go unseen."""

    def note(self, value: object) -> None:
        self.seen.append(("", ""))


def one_round(seed: int) -> Figures:
    return detect(seed, PROGRAMS)


def detect(seed: int, programs: int) -> Figures:
    figures = Figures()
    for number in range(programs):
        random = Random(f"{seed} {number}")
        body, schedule = life(random)
        try:
            check(crowd(random) if number % 3 else body, schedule, random, figures)
        except BaseException as error:
            error.add_note(f"program {number} of seed {seed}")
            raise
        finally:
            close_all()
    return figures


def check(body: Body, schedule: bytes, random: Random, figures: Figures) -> None:
    figures.counts["programs"] += 1
    known = b"\0" + schedule[1:] if schedule[0] % 8 == FULL else schedule  # without an end of its history
    count(Subject("replayer", plain(body), by_the_replayer, random), known, figures)
    body = unlimited(body)  # what a log has begun begins at once, whatever the limit says: no witness knows when
    if plain(body) != body:
        count(Subject("weaker witness", body, by_its_decisions, random), schedule, figures)


def count(subject: Subject, schedule: bytes, figures: Figures) -> None:
    subject.live(schedule)
    counts = figures.counts
    counts["prefixes of unchanged programs"] += subject.unchanged()
    for mutant in mutants(subject.program, subject.random, EACH):
        if subject.witness is by_the_replayer and plain(mutant.program) != mutant.program:
            continue
        parts = subject.judge(mutant)
        if counts["mutants"] % 3 == 0:
            counts["changes behind `patched` that were passed, no alarm"] += subject.is_patched(mutant)
        found = parts is not None
        if parts is not None:
            counts[f"mutants found at {SHOWN[type(subject.log[parts - 1])]}"] += 1
        counts["mutants"] += 1
        counts[f"mutants judged by the {subject.judged_by}"] += 1
        counts[f"mutants that the {subject.judged_by} sees, all found"] += found
        counts["mutants found"] += found
        counts["mutants that cannot be seen, no alarm"] += not found
        for which in (mutant.kind, mutant.where):
            counts[f"mutants {which}"] += 1
            counts[f"mutants {which}, found"] += found


def is_of_another_branch(alarm: NonDeterminism, changed: Execution) -> bool:
    """The patch left no trace in its own branch, so it counts as new; but what it has seen shows in what others ask."""
    asked = changed._ledger._asked.items()
    marks = [path for path, (command, _) in asked if isinstance(command, MarkPatch) and command.change_id == "change"]
    path = parse(alarm.path)
    return bool(marks) and not any(
        path[: len(mark) - 1] == mark[:-1] and path[len(mark) - 1 : len(mark)] >= mark[-1:] for mark in marks
    )


@define
class Subject:
    """A program and a log of its life. *witness*: the position of the first event that a program does not write."""

    judged_by: str
    program: Body
    witness: Callable[[Body, Trace, Sequence[Event]], int | None]
    random: Random
    trace: type[Trace] = field(init=False)
    log: Sequence[Event] = ()

    def __attrs_post_init__(self) -> None:
        self.trace = self.random.choice([Trace, Quiet])

    def live(self, schedule: bytes) -> None:
        trace = self.trace()
        play = Play(self.program, trace, Life(program_of(self.program, trace)))
        play.life.start(**settings_of(schedule))
        for what, which in zip(schedule[2::2], schedule[3::2], strict=True):
            if not play.ended:
                play.move(what, which)
        if not play.ended:
            play.finish()
        self.log = tuple(play.life.log)

    def unchanged(self) -> int:
        """No alarm, after whatever event; answers how many were looked at."""
        again = execution(program_of(self.program, self.trace()))
        for event in self.log:
            again.feed([event])
            again.decide()
        assert self.error(self.program, self.log) is None
        assert self.witness(self.program, self.trace(), self.log) is None
        return len(self.log)

    def judge(self, mutant: Mutant) -> int | None:
        """Where the change can be seen: it is found at that very event and not before it, or never."""
        parts = self.witness(mutant.program, self.trace(), self.log)
        some = self.random.randint(1, len(self.log))
        for length in {some, len(self.log)} if parts is None else {parts - 1, parts} - {0}:
            known = self.log[:length]
            seen, alarm = self.witness(mutant.program, self.trace(), known), self.error(mutant.program, known)
            found = f"of {length} events it parts at {seen}, and was told: {alarm}"
            assert (alarm is None) == (seen is None), self.told(mutant, found)
        return parts

    def is_patched(self, mutant: Mutant) -> bool:
        """The same change behind `patched` blocks no run, wherever it is; True, if the former code had passed there.

        Between two commits: what is decided in one turn is written at once, and what has ended is not replayed.
        """
        trace = self.trace()
        ends = [length for length in range(1, len(self.log)) if is_fact(self.log[length])]

        def today() -> Flow[int]:
            return (yield from behind_a_patch(self.program, mutant.program, trace))

        known = self.log[: self.random.choice(ends or [1])]
        changed = execution(today)
        alarm = self.alarm(changed, known)
        told = self.told(mutant, f"of {len(known)} events, and was told: {alarm}")
        assert alarm is None or is_of_another_branch(alarm, changed), told
        return changed._leaves._patched.get("change") is False

    def error(self, program: Body, known: Sequence[Event]) -> NonDeterminism | None:
        return self.alarm(execution(program_of(program, self.trace())), known)

    def alarm(self, changed: Execution, known: Sequence[Event]) -> NonDeterminism | None:
        """What a worker with that code says to a log; else what it decides may follow."""
        try:
            changed.feed(known)
            decided = changed.decide()
        except NonDeterminism as error:
            return error
        fold([*known, *(stamped(decision, known[-1].at) for decision in decided)])
        return None

    def told(self, mutant: Mutant, problem: str) -> str:
        log = (f"{position:3} {event}" for position, event in enumerate(self.log, 1))
        return "\n".join((problem, f"{mutant.kind} {mutant.where}", f"{self.program}", f"{mutant.program}", *log))


def behind_a_patch(before: Body, after: Body, trace: Trace) -> Flow[int]:
    """The two are one up to the first operation that differs."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before.ops, after.ops, strict=False)))
    yield from perform(Body(before.ops[:same]), trace)
    way = after if (yield from patched("change")) else before
    return (yield from perform(Body(way.ops[same:]), trace))


def by_the_replayer(program: Body, trace: Trace, log: Sequence[Event]) -> int | None:
    return parts_at(perform(program, trace), log)


def by_its_decisions(program: Body, trace: Trace, log: Sequence[Event]) -> int | None:
    """What it decides, one fact after another, is looked up in the log."""
    changed = execution(program_of(program, trace))
    changed._ledger.know(log)  # `patched` looks ahead
    for position, event in enumerate(log, 1):
        if not is_fact(event) and not is_forced(event) and told_of(event) not in decided(changed):
            return position
        try:
            changed.feed([event])
        except NonDeterminism:
            return position
    return None


def decided(program: Execution) -> list[Any]:
    return [told_of(stamped(decision, 0)) for decision in program.decide()]


def told_of(event: Event) -> Any:
    """What a decision says, but for its time, and for options, which are never compared."""
    match event:
        case CommandIssued(path=path, command=command):
            return path, written(command)
        case RunFinished():
            return RunFinished
        case _:
            return evolve(event, at=0)


def is_forced(event: Event) -> bool:
    match event:
        case RunFinished(outcome=Cancelled(forced=forced)):
            return forced
        case _:
            return False
