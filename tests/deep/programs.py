"""Random programs, and a process that takes over after every event of their logs.

A *crash point* is one prefix of one program's log, at which another interpreter takes over from the log alone: it must
know, have seen and decide what the one that lived does; some of them must still do so at the end, fed the rest in any
batches.
A *batching* is one way to cut a whole log into what is fed at once.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from random import Random

from attrs import define, field

from tests.core.harness import CODEC, close_all, definition, state
from tests.core.programs import Body, Trace
from tests.core.sameness import differences, known
from tests.core.schedules import Play, came_to, kinds, live, nesting, program_of
from tests.deep.drawing import life
from tests.deep.rounds import Figures
from yieldflow.authoring.loaded import loaded
from yieldflow.core.events import Event
from yieldflow.core.interpreter import Execution

PROGRAMS = 4_000  # a round
TO_THE_END = 4  # of so many crash points one is gone on from
IN_TEXTS = 64  # of so many crash points one is also compared by the texts of `harness.state`
ALL_BATCHINGS = 300  # of so many programs with a short log one has it fed in all ways there are
SHORT = 9  # events: 256 batchings
SOME_BATCHINGS = 16  # of so many programs with a longer log one has it fed in a few ways

ASKS = {
    "Step": "steps",
    "Nap": "sleeps",
    "Wait": "hooks",
    "Group": "gather or race",
    "limit": "a gather with a limit",
    "Timed": "timeout",
    "Shielded": "shield",
    "Spawned": "spawn",
    "Child": "children",
    "Send": "send",
    "Put": "set_data",
    "Condition": "until",
    "Patch": "patched",
    "Continue": "continue_as_new",
    "Guard": "except or finally",
}
CAME_TO = {
    "Deadlock": "a deadlock",
    "HistoryFull": "a full history",
    "TimedOut": "a wait that timed out",
    "deadline": "a deadline that passed",
    "forced end": "a forced end",
    "cancelled": "a cancellation",
    "cancelled while cleaning up": "a cancellation while cleaning up",
    "cancelled in a shield": "a cancellation in a shield",
    "cancelled beside tasks": "a cancellation beside open tasks",
    "reported late": "a report that nobody waits for",
    "resumed with facts kept": "facts that came in a pause",
    "waited for a child that was let go": "a child that ended after it was let go",
}


def one_round(seed: int, programs: int = PROGRAMS) -> Figures:
    r, figures = Random(seed), Figures()
    gc.freeze()  # what is there now stays: to look at it again and again would take a sixth of the time
    try:
        for number in range(programs):
            body, schedule = life(r)
            try:
                Trial(body, r, figures).run(schedule)
            except BaseException as error:
                error.add_note(f"program {number} of seed {seed}: {body!r}, {schedule!r}")
                raise
    finally:
        gc.unfreeze()
    return figures


@define(eq=False)
class Process:
    """It has the code, and of the run nothing but the log."""

    program: Body
    trace: Trace = field(factory=Trace)
    execution: Execution = field(init=False)

    def __attrs_post_init__(self) -> None:
        workflow = definition(program_of(self.program, self.trace))
        self.execution = Execution(workflow, CODEC, loaded)


@define(eq=False)
class Trial:
    program: Body
    r: Random
    figures: Figures
    processes: list[Process] = field(factory=list)

    def run(self, schedule: bytes) -> None:
        try:
            play = live(self.program, schedule, self.take_over)
            self.go_on(play)
            self.cut(play)
        finally:
            for process in self.processes:
                process.execution.close()
            close_all()
        self.count(play)

    def take_over(self, play: Play) -> None:
        """After each event, beside the one that lives on."""
        other, lived = self.process(), play.life.execution
        other.execution.feed(play.life.log)
        assert other.trace.seen == play.trace.seen, f"after {len(play.life.log)} events"
        assert known(other.execution) == known(lived), differences(lived, other.execution)
        if self.r.random() * IN_TEXTS < 1:
            assert state(other.execution) == state(lived), "their texts differ, and not their values"
            self.figures.counts["crash points compared in texts"] += 1

    def go_on(self, play: Play) -> None:
        log, at_end = play.life.log, known(play.life.execution)
        for length, other in enumerate(self.processes, 1):
            if self.r.randrange(TO_THE_END):
                continue
            self.figures.counts["crash points gone on from"] += 1
            cuts = [cut for cut in range(length + 1, len(log)) if self.r.random() < 0.3]
            feed(other.execution, log, (length, *cuts, len(log)))
            assert other.trace.seen == play.trace.seen, f"taken over after {length} events, then fed up to {cuts}"
            assert known(other.execution) == at_end, differences(play.life.execution, other.execution)

    def cut(self, play: Play) -> None:
        log, at_end = play.life.log, known(play.life.execution)
        for cuts in self.batchings(len(log)):
            other = self.process()
            feed(other.execution, log, (0, *cuts, len(log)))
            assert other.trace.seen == play.trace.seen, f"fed up to {cuts}"
            assert known(other.execution) == at_end, differences(play.life.execution, other.execution)
            self.figures.counts["batchings"] += 1

    def batchings(self, length: int) -> Iterator[tuple[int, ...]]:
        places = range(1, length)
        if length <= SHORT and self.r.randrange(ALL_BATCHINGS) == 0:
            self.figures.counts["programs fed in all batchings"] += 1
            for count in range(length):
                yield from combinations(places, count)
        elif length > SHORT and self.r.randrange(SOME_BATCHINGS) == 0:
            for _ in range(3):
                yield tuple(sorted(self.r.sample(places, self.r.randrange(length))))

    def process(self) -> Process:
        self.processes.append(process := Process(self.program))
        return process

    def count(self, play: Play) -> None:
        length, asked, met = len(play.life.log), kinds(self.program), {*+play.met, *came_to(play)}
        counts = self.figures.counts
        counts["programs"] += 1
        counts["events"] += length
        counts["crash points"] += length
        counts["programs with combinators in combinators"] += nesting(self.program) >= 2
        counts.update(f"programs with {row}" for kind, row in ASKS.items() if kind in asked)
        counts.update(f"lives with {row}" for kind, row in CAME_TO.items() if kind in met)
        counts[f"lives that ended {type(play.life.outcome).__name__}"] += 1
        self.figures.samples.setdefault("events in a log", []).append(length)


def feed(execution: Execution, log: Sequence[Event], bounds: Sequence[int]) -> None:
    for start, end in pairwise(bounds):
        if start < end:
            execution.feed(log[start:end])
