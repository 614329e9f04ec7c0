"""A random life of a random program: bytes choose what happens next, and when they end it is brought to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from attrs import define, evolve, field
from hypothesis import strategies as st

from tests.core.harness import SEED, Life, execution
from tests.core.performing import perform
from tests.core.programs import ANSWERS, CLASHING, ERRORS, HOOKS, PAYLOADS, STEPS, Body, Child, Receipt, Trace
from tests.core.strategies import programs
from yieldflow import Flow, step
from yieldflow.core.agenda import DEADLINE
from yieldflow.core.asks import ReceiveCommand
from yieldflow.core.commands import CallStep, Send, StartChild
from yieldflow.core.events import (
    CommandResolved,
    Event,
    HookReceived,
    Limits,
    Next,
    RunFinished,
    RunPaused,
    RunResumed,
)
from yieldflow.core.failures import from_exception
from yieldflow.core.interpreter import Execution
from yieldflow.core.outcome import Cancelled, Err
from yieldflow.core.path import Path, show
from yieldflow.core.values import KnownShape

MOVES = 30
FULL = 6  # of the first byte: the history is short
SHAPE = KnownShape(returns=int)  # to read it off each closure anew would take longer than most lives


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
            life.commit(1 if which % 8 == 7 else None)
        if self.ended:
            return
        works = life.works()
        path = works[which % len(works)] if works else None
        if what % 16 < 8 and path is not None:
            self.met["reported late"] += path not in life.execution.leaves
        match what % 16:
            case _ if (self.trace.cleaning > 0 and what >= 16) or (self.trace.guarding > 0 and what >= 192):
                self.cancel()
            case 0 | 1 | 2 | 3 | 4 if path is not None:
                self.answer(path, which)
            case 5 | 6 if path is not None:
                self.fail(path, which)
            case 7 if path in life.steps():
                life.try_in_vain(show(path), ERRORS[which % len(ERRORS)])
            case 8 | 9:
                life.ring()
            case 10 | 11:
                self.send(which)
            case 12 if which >= 128:
                self.cancel()
            case 13 | 14:
                self.pause_or_resume()
            case 15 if which < 48:
                life.append(RunFinished(life.now, Cancelled("no more", forced=True)))
            case _:
                life.commit()

    def cancel(self) -> None:
        execution = self.life.execution
        self.met["cancelled"] += 1
        self.met["cancelled while cleaning up"] += self.trace.cleaning > 0
        self.met["cancelled beside tasks"] += bool(self.open_tasks())
        held = [branch.held for branch in execution.waiting()]
        self.life.cancel(f"reason {len(self.life.log)}")
        self.met["cancelled in a shield"] += sum(branch.held for branch in execution.waiting()) > sum(held)

    def open_tasks(self) -> int:
        tree = self.life.execution.tree
        return 0 if tree is None else sum(task.result is None for task in tree.tasks.values())

    def pause_or_resume(self) -> None:
        life = self.life
        if life.run.paused:
            self.met["resumed with facts kept"] += bool(life.execution._kept[1:])
            life.append(RunResumed(life.now))
        else:
            life.append(RunPaused(life.now))

    def send(self, which: int) -> None:
        name = ["anything", *sorted(HOOKS)][which % 4]
        for number in range(1 + which // 100):
            self.life.send(name, PAYLOADS[name][(which + number) % len(PAYLOADS[name])])

    def answer(self, path: Path, which: int) -> None:
        """Also one that the program no longer waits for."""
        life, pending = self.life, self.life.run.open[path]
        leaf = life.execution.leaves.get(path)
        self.met["waited for a child that was let go"] += leaf is not None and leaf.closing
        match pending.issued.command:
            case CallStep(name=name):
                kind = name.rpartition(":")[2]
                life.reply(path, ANSWERS[kind][which % len(ANSWERS[kind])], step(STEPS[kind]).definition.returns)
            case StartChild(detached=False):
                life.reply(path, ANSWERS["receipt"][0], Receipt)
            case StartChild():
                life.reply(path, "another run", str)
            case _:
                life.reply(path, 7, int)

    def fail(self, path: Path, which: int) -> None:
        life, command = self.life, self.life.run.open[path].issued.command
        if isinstance(command, StartChild) and not command.detached and which % 2:
            life.append(CommandResolved(life.now, path, Cancelled(f"cancelled with {which}")))
        elif isinstance(command, Send):
            life.append(CommandResolved(life.now, path, Err(from_exception(ValueError("no such run"), life.codec))))
        else:
            life.fail(show(path), ERRORS[which % len(ERRORS)])

    def finish(self) -> None:
        """Answer, ring and send until it has ended; a run that cannot be ended so is stuck."""
        for _ in range(1_000):
            if self.life.run.paused:
                self.pause_or_resume()
            self.life.commit()
            if self.ended:
                return
            if works := self.life.works():
                self.answer(works[0], 0)
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

    checkout.shape = SHAPE
    return checkout


def settings_of(schedule: bytes) -> dict[str, Any]:
    """What a run is started with: one in eight has a deadline, one a short history, one comes from another run."""
    match schedule[0] % 8:
        case 5:
            return {"deadline": 1_000_000 + schedule[1] * 20}
        case 6:
            return {"limits": Limits(history=2 + schedule[1] % 6, history_warn=5)}
        case 7:
            carried = {"inbox": {"flag": (b"true", b"1"), "list": (b'"no"',)}, "data": {"a": b"[1]", "z": b"2"}}
            return {"run_id": "run~2", "cause": Next("run"), "token_seed": SEED[::-1], **carried}
        case _:
            return {}


def live(body: Body, schedule: bytes, watch: Callable[[Play], None] | None = None) -> Play:
    """Live through it all; *watch* is called after each event."""
    trace = Trace()
    life = Life(program_of(body, trace))
    play = Play(body, trace, life)
    if watch is not None:
        life.watch = lambda _: watch(play)
    life.start(**settings_of(schedule))
    for what, which in zip(schedule[2::2], schedule[3::2], strict=True):
        if play.ended:
            return play
        play.move(what, which)
    if not play.ended:
        play.finish()
    return play


def came_to(play: Play) -> set[str]:
    """What a life was about, for the figures."""
    seen = {kind for kind, _ in play.trace.seen}
    outcome = play.life.outcome
    if isinstance(outcome, Err):
        seen.add(outcome.failure.names[0].rpartition(":")[2])
    ends = {event.key for event in play.life.log if hasattr(event, "key")}
    named = {"Deadlock", "HistoryFull", "TimedOut", "TaskCancelled", "RunCancelled", "Task", "RunInfo"} & seen
    forced = isinstance(outcome, Cancelled) and outcome.forced
    return named | ({"deadline"} if DEADLINE in ends else set()) | ({"forced end"} if forced else set())


def schedules() -> st.SearchStrategy[bytes]:
    """Bytes by themselves are mostly nothing, which shrinks well; those of a seed do all there is to do."""
    size = 2 * MOVES + 2
    seeded = st.integers(0, 2**32).map(lambda seed: Random(seed).randbytes(size))
    others = (
        seeded.map(bytes),
        seeded.map(bytearray).map(bytes),
    )  # the same again: strategies that are equal count once
    return st.one_of(st.binary(min_size=size, max_size=size), seeded, *others)


def lives() -> st.SearchStrategy[tuple[Body, bytes]]:
    return st.tuples(programs(), schedules())


def within(op: Any) -> tuple[Any, ...]:
    """What an operation is made of."""
    parts = [getattr(op, name, None) for name in ("branch", "body", "clean")]
    return (*getattr(op, "branches", ()), *getattr(op, "ops", ()), *(part for part in parts if part is not None))


def unattended(op: Any) -> Any:
    """The same program, whose children go on when they are let go."""
    parts = {name: unattended(getattr(op, name)) for name in ("branch", "body", "clean") if hasattr(op, name)}
    several = {name: tuple(map(unattended, getattr(op, name))) for name in ("branches", "ops") if hasattr(op, name)}
    abandoned = {"close": "abandon"} if isinstance(op, Child) and op.close == "cancel" else {}
    return evolve(op, **parts, **several, **abandoned)


def nesting(op: Any) -> int:
    """How many combinators lie within each other."""
    deepest = max(map(nesting, within(op)), default=0)
    return deepest + (hasattr(op, "branches") or hasattr(op, "branch"))


def kinds(op: Any) -> set[str]:
    """The classes of all operations, and `limit` for a gather with one."""
    own = {type(op).__name__} | ({"limit"} if getattr(op, "limit", None) else set())
    return own.union(*map(kinds, within(op)))
