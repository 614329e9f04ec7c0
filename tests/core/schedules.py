"""A random life of a random program: bytes choose what happens next, and when they end it is brought to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

from attrs import define, field
from hypothesis import strategies as st

from tests.core.harness import Life, execution
from tests.core.programs import (
    ANSWERS,
    CLASHING,
    ERRORS,
    HOOKS,
    PAYLOADS,
    STEPS,
    Body,
    Group,
    Trace,
    perform,
    programs,
)
from yieldflow import Flow, step
from yieldflow.core.asks import ReceiveCommand
from yieldflow.core.commands import CallStep
from yieldflow.core.events import CommandResolved, Event, HookReceived
from yieldflow.core.interpreter import Execution
from yieldflow.core.outcome import Ok
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

    def replay(self, events: Sequence[Event], trace: Trace | None = None) -> Execution:
        return execution(program_of(self.program, trace or Trace()), events=events)

    def move(self, what: int, which: int) -> None:
        """One thing that may happen now, or nothing. Decisions may stay unwritten meanwhile."""
        life = self.life
        life.now += (which % 3) * 700
        if which % 2 and life.execution.decide():
            life.commit(None if which % 8 else 1)
        if self.ended:
            return
        steps = life.steps()
        path = steps[which % len(steps)] if steps else None
        if what % 16 < 8 and path is not None:
            self.met["reported late"] += path not in life.execution.leaves
        match what % 16:
            case _ if (self.trace.cleaning > 0 and what >= 16) or (self.trace.guarding > 0 and what >= 192):
                self.cancel()
            case 0 | 1 | 2 | 3 | 4 if path is not None:
                self.answer(path, which)
            case 5 | 6 if path is not None:
                life.fail(show(path), ERRORS[which % len(ERRORS)])
            case 7 if path is not None:
                life.try_in_vain(show(path), ERRORS[which % len(ERRORS)])
            case 8 | 9:
                life.ring()
            case 10 | 11:
                name = ["anything", *sorted(HOOKS)][which % 4]
                for number in range(1 + which // 100):
                    life.send(name, PAYLOADS[name][(which + number) % len(PAYLOADS[name])])
            case 12 if which >= 128:
                self.cancel()
            case _:
                life.commit()

    def cancel(self) -> None:
        self.met["cancelled"] += 1
        self.met["cancelled while cleaning up"] += self.trace.cleaning > 0
        self.life.cancel(f"reason {len(self.life.log)}")

    def answer(self, path: Path, which: int) -> None:
        """Also one that the program no longer waits for."""
        life, command = self.life, self.life.run.open[path].issued.command
        assert isinstance(command, CallStep)
        kind = command.name.rpartition(":")[2]
        data = life.codec.encode(ANSWERS[kind][which % len(ANSWERS[kind])], step(STEPS[kind]).definition.returns)
        life.append(CommandResolved(life.now, path, Ok(data), 1))

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
        """Send what fits to the receive that has waited longest."""
        life = self.life
        waiting = [leaf.command for leaf in life.execution.leaves.values()]
        first = next((command for command in waiting if isinstance(command, ReceiveCommand)), None)
        assert first is not None, "it waits for nothing, and has not ended"
        payload = next(value for kind, value in FITTING if kind == first.type)
        life.append(HookReceived(life.now, first.hook, life.codec.encode(payload, first.type), f"key-{len(life.log)}"))


FITTING = [*((HOOKS[name], PAYLOADS[name][0]) for name in HOOKS), (CLASHING, b"x")]


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
    """Bytes by themselves are mostly nothing, which shrinks well; those of a seed do all there is to do."""
    seeded = st.integers(0, 2**32).map(lambda seed: Random(seed).randbytes(2 * MOVES))
    return st.one_of(st.binary(min_size=2 * MOVES, max_size=2 * MOVES), seeded, seeded.map(bytes))


def lives() -> st.SearchStrategy[tuple[Body, bytes]]:
    return st.tuples(programs(), schedules())


def nesting(op: object) -> int:
    """How many groups lie within each other."""
    match op:
        case Group(branches=branches):
            return 1 + max(map(nesting, branches), default=0)
        case Body(ops):
            return max(map(nesting, ops), default=0)
        case _ if hasattr(op, "body"):
            return max(nesting(op.body), nesting(op.clean))
        case _:
            return 0
