"""A random life of a random program: bytes choose what happens next, and when they end it is brought to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from attrs import define, field
from hypothesis import strategies as st

from tests.core.harness import Life
from tests.core.programs import ANSWERS, ERRORS, HOOKS, PAYLOADS, Body, Group, Trace, perform, programs
from yieldflow import Flow
from yieldflow.core.commands import CallStep, Receive
from yieldflow.core.path import Path, show

MOVES = 30


@define(eq=False)
class Play:
    """A program, what it has seen so far, and its run."""

    program: Body
    trace: Trace
    life: Life
    met: Counter[str] = field(factory=Counter)

    @property
    def ended(self) -> bool:
        return self.life.run.ended is not None

    def move(self, what: int, which: int) -> None:
        """One thing that may happen now, or nothing. Decisions may stay unwritten meanwhile."""
        life, steps = self.life, self.life.steps()
        life.now += (which % 3) * 700
        if which % 2 and life.execution.decide():
            life.commit(None if which % 8 else 1)
        path = steps[which % len(steps)] if steps else None
        match what % 16:
            case 0 | 1 | 2 | 3 | 4 if path is not None:
                self.answer(path, which)
            case 5 | 6 if path is not None:
                life.fail(show(path), ERRORS[which % len(ERRORS)])
            case 7 if path is not None:
                life.try_in_vain(show(path), ERRORS[which % len(ERRORS)])
            case 8 | 9:
                life.ring()
            case 10 | 11:
                name = sorted(HOOKS)[which % len(HOOKS)]
                life.send(name, PAYLOADS[name][which % len(PAYLOADS[name])])
            case 12 | 13 | 14 if self.may_cancel(what):
                self.met["cancelled while cleaning up"] += self.trace.cleaning > 0
                life.cancel(f"reason {which}")
            case _:
                life.commit()

    def may_cancel(self, what: int) -> bool:
        """Not the first thing always: most runs should come somewhere before."""
        return self.trace.cleaning > 0 or what >= 128 or self.life.run.cancelled is not None

    def answer(self, path: Path, which: int) -> None:
        command = self.life.run.open[path].issued.command
        assert isinstance(command, CallStep)
        values = ANSWERS[command.name.rpartition(":")[2]]
        self.life.answer(show(path), values[which % len(values)])

    def finish(self) -> None:
        """Answer, ring and send until it has ended; a run that cannot be ended so is stuck."""
        for _ in range(1_000):
            self.life.commit()
            if self.ended:
                return
            if steps := self.life.steps():
                self.answer(steps[0], 0)
            elif not self.life.ring():
                self.feed_hooks()
        raise AssertionError(f"it does not end: {self.life.open()}")

    def feed_hooks(self) -> None:
        waiting = [pending.issued.command for pending in self.life.run.open.values()]
        hooks = [command.hook for command in waiting if isinstance(command, Receive)]
        assert hooks, "it waits for nothing, and has not ended"
        self.life.send(hooks[0], PAYLOADS[hooks[0]][0])


def program_of(body: Body, trace: Trace) -> Callable[[], Flow[int]]:
    def checkout() -> Flow[int]:
        return (yield from perform(body, trace))

    return checkout


def live(body: Body, schedule: bytes, watch: Callable[[Play], None] | None = None) -> Play:
    """Live through it all; *watch* is called after each event."""
    trace = Trace()
    life = Life(program_of(body, trace))
    play = Play(body, trace, life)
    if watch is not None:
        life.watch = lambda _: watch(play)
    life.start()
    for what, which in zip(schedule[::2], schedule[1::2], strict=True):
        if play.ended:
            return play
        play.move(what, which)
    play.finish()
    return play


def schedules() -> st.SearchStrategy[bytes]:
    return st.binary(min_size=2 * MOVES, max_size=2 * MOVES)


def lives() -> st.SearchStrategy[tuple[Body, bytes]]:
    return st.tuples(programs(), schedules())


def nesting(op: object) -> int:
    """How many groups lie within each other, and in the branches of each other."""
    match op:
        case Group(branches=branches):
            return 1 + max(map(nesting, branches), default=0)
        case Body(ops):
            return max(map(nesting, ops), default=0)
        case _ if hasattr(op, "body"):
            return max(nesting(op.body), nesting(op.clean))
        case _:
            return 0
