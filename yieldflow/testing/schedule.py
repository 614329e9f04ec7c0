"""One schedule of a workflow: at each moment the things that may happen now, and somebody who picks one of them.

Nothing here knows why it is picked: by chance, because all are tried, or because a test says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, Protocol, TypeAlias

from attrs import define, field, frozen

from yieldflow.core.path import show
from yieldflow.core.record import record
from yieldflow.core.times import Millis
from yieldflow.errors import UsageError, shown
from yieldflow.testing.fakes import Ending
from yieldflow.testing.stage import Attempt, Part, Stage

Kind: TypeAlias = Literal["end", "send", "time", "late", "expire", "lose", "cancel", "crash", "again", "nothing"]
MOST = 500  # things that happen in one schedule
_PROGRESS = ("end", "send", "time")


@record
class Action:
    """One thing that may happen now."""

    kind: Kind
    attempt: Attempt | None = None
    ending: Ending | None = None
    number: int = 0  # of the payload
    at: Millis = 0

    def told(self, sends: Sequence[Sending], run_id: str) -> str:
        """In words; among all that may happen at one moment, no two are alike."""
        match self.kind:
            case "send":
                return f"{sends[self.number]}"
            case "again":
                return f"{sends[self.number]} once more"
            case "time":
                return "time passes"
            case "cancel":
                return "cancel"
            case "crash":
                return "crash"
            case "nothing":
                return "nothing more happens"
            case _:
                assert self.attempt is not None
                return f"{_named(self.attempt, run_id)} {self._came()}"

    def _came(self) -> str:
        match self.kind:
            case "expire":
                return "takes too long"
            case "late":
                return f"{self.ending}, unheard"
            case "lose":
                return "is lost before it does anything" if self.ending is None else f"is lost, but {self.ending}"
            case _:
                return f"{self.ending}"


@frozen
class Sending:
    """A payload that comes at some moment."""

    hook: str
    payload: Any
    packed: bytes

    def __str__(self) -> str:
        return f"{self.hook} receives {shown(self.payload)}"


class Pick(Protocol):
    """Who decides: answers the index of one of *actions*, which are in the order of a calm run. *replays*: the whole is
    replayed at the end, beside what is for a crash in its midst.
    """

    @property
    def replays(self) -> bool: ...

    def begin(self) -> None:
        """A schedule begins."""
        ...

    def __call__(self, actions: Sequence[Action]) -> int: ...


@frozen
class May:
    """What may happen at all."""

    sends: tuple[Sending, ...] = ()
    cancel: bool = True
    crash: bool = True
    again: bool = True
    faults: int = 2  # lost workers and time-outs in one schedule


@define(eq=False)
class Schedule:
    """*told* is given each thing that happens, in words, if anybody wants to know."""

    stage: Stage
    run_id: str
    may: May
    pick: Pick
    told: Callable[[Action], None] | None = None
    _sent: set[int] = field(factory=set, init=False)
    _again: set[int] = field(factory=set, init=False)
    _cancelled: bool = field(default=False, init=False)
    _faults: int = field(default=0, init=False)
    length: int = field(default=0, init=False)  # how many things have happened

    def play(self) -> bool:
        """Until the run has ended; whether it has. False: it waits, and nothing is left that could happen."""
        for _ in range(MOST):
            actions = list(self.actions())
            if not any(action.kind in _PROGRESS for action in actions):
                break
            self._do(actions)
        else:
            raise AssertionError(f"it goes on for ever: {MOST} things have happened")
        while late := list(self._late()):  # bodies that are still running somewhere
            if self._do([Action("nothing"), *late]).kind == "nothing":
                break
        return self._over

    def _do(self, actions: Sequence[Action]) -> Action:
        action = actions[self.pick(actions)]
        self.length += 1
        if self.told is not None and action.kind != "nothing":
            self.told(action)
        self.perform(action)
        return action

    def actions(self) -> Iterator[Action]:
        """What may happen now: first what comes of itself, in the order of asking, then what need not."""
        stage, attempts = self.stage, self.stage.attempts()
        times = [] if (timer := stage.next_time()) is None else [timer]
        latest: list[Millis] = []  # an attempt that has had its time ends before more of it passes
        for attempt in attempts:
            since, all_ = attempt.claim.since, stage.cast.endings(attempt.step)
            for ending in all_:
                if since + (ending.after or 0) <= stage.now:
                    yield Action("end", attempt, ending)
                else:
                    times.append(since + (ending.after or 0))
            if all(ending.after is not None for ending in all_):
                latest.append(max(since + (ending.after or 0) for ending in all_))
        over = self._over
        if not over:
            yield from (
                Action("send", number=number) for number in range(len(self.may.sends)) if number not in self._sent
            )
        at = min(times, default=None)
        if at is not None and all(at <= last for last in latest):
            yield Action("time", at=at)
        yield from self._late()
        if not over:
            yield from self._from_outside()
        if self.may.crash:
            yield Action("crash")
        if self._faults < self.may.faults:
            yield from self._faulty(attempts)

    def perform(self, action: Action) -> None:
        match action:
            case Action("end", attempt, ending) if attempt is not None and ending is not None:
                self.stage.finish(attempt, ending)
            case Action("lose", attempt, ending) if attempt is not None:
                self._faults += 1
                self.stage.lose(attempt, ending)
            case Action("expire", attempt) if attempt is not None:
                self._faults += 1
                self.stage.expire(attempt)
            case Action("late", attempt, ending) if attempt is not None and ending is not None:
                self.stage.finish_late(attempt, ending)
            case Action("time", at=at):
                self.stage.advance(at)
            case Action("cancel"):
                self._cancelled = True
                self.stage.cancel(self.run_id, None)
            case Action("crash"):
                for part in self._parts:
                    self.stage.crash(part)
            case Action("send" | "again", number=number):
                (self._sent if action.kind == "send" else self._again).add(number)
                sending = self.may.sends[number]
                self.stage.send(self.run_id, sending.hook, sending.packed, f"{action.kind} {number}")
            case Action("nothing"):
                pass
            case _:
                raise AssertionError(action)

    @property
    def _parts(self) -> list[Part]:
        return [part for part in self.stage.parts.values() if part.run.ended is None]

    @property
    def _over(self) -> bool:
        return self.stage.newest(self.run_id).run.ended is not None

    def _from_outside(self) -> Iterator[Action]:
        if self.may.cancel and not self._cancelled:
            yield Action("cancel")
        if self.may.again:
            yield from (Action("again", number=number) for number in sorted(self._sent - self._again))

    def _late(self) -> Iterator[Action]:
        for attempt in self.stage.late:
            yield from (
                Action("late", attempt, ending) for ending in self.stage.cast.endings(attempt.step) if not ending.error
            )

    def _faulty(self, attempts: Sequence[Attempt]) -> Iterator[Action]:
        for attempt in attempts:
            yield Action("lose", attempt)
            if attempt.call.options.timeout is not None:
                yield Action("expire", attempt)
            for ending in self.stage.cast.endings(attempt.step):
                if ending.error is None:
                    yield Action("lose", attempt, ending)


# --- who picks --------------------------------------------------------------------------------------------------------

_WEIGHTS: dict[Kind, int] = {
    "end": 12,
    "send": 6,
    "time": 6,
    "late": 6,
    "nothing": 6,
    "expire": 3,
    "lose": 1,
    "cancel": 2,
    "crash": 2,
    "again": 1,
}


@define(eq=False)
class ByBytes:
    """By a byte each: 0 is the first, a calm run; what need not happen is rare. Where they end, all is calm."""

    data: bytes
    _at: int = 0

    @property
    def replays(self) -> bool:
        """One in four: it costs as much as all the rest."""
        return self.data[-1] % 4 == 0

    def begin(self) -> None:
        self._at = 0

    def __call__(self, actions: Sequence[Action]) -> int:
        if self._at >= len(self.data) or len(actions) == 1:
            return 0
        byte = self.data[self._at]
        self._at += 1
        if byte == 0:
            return 0
        weights = [_WEIGHTS[action.kind] for action in actions]
        left = byte * sum(weights) >> 8
        for index, weight in enumerate(weights):
            left -= weight
            if left < 0:
                return index
        return len(actions) - 1


@define(eq=False)
class InTurn:
    """All there are, one schedule after the other, until `again` says that there is none. What comes after the first
    *depth* decisions is calm.
    """

    depth: int = MOST
    _chosen: list[int] = field(factory=list)
    _counts: list[int] = field(factory=list)
    _at: int = 0
    replays: bool = True

    def begin(self) -> None:
        self._at = 0

    def __call__(self, actions: Sequence[Action]) -> int:
        if self._at == self.depth:
            return 0
        if self._at == len(self._chosen):
            self._chosen.append(0)
            self._counts.append(len(actions))
        self._at += 1
        return self._chosen[self._at - 1]

    def again(self) -> bool:
        """Whether there is another one."""
        del self._chosen[self._at :], self._counts[self._at :]
        while self._chosen and self._chosen[-1] + 1 == self._counts[-1]:
            self._chosen.pop()
            self._counts.pop()
        if not self._chosen:
            return False
        self._chosen[-1] += 1
        return True


@define(eq=False)
class ByWords:
    """As a test says, in the words of a report; then all is calm."""

    words: Sequence[str]
    say: Callable[[Action], str]
    _at: int = 0
    replays: bool = True

    def begin(self) -> None:
        self._at = 0

    def __call__(self, actions: Sequence[Action]) -> int:
        if self._at == len(self.words):
            return 0
        word, said = self.words[self._at], [self.say(action) for action in actions]
        if word not in said:
            raise UsageError(f"{word!r} cannot happen there (number {self._at + 1} of schedule=): there may {said}")
        self._at += 1
        return said.index(word)

    @property
    def is_over(self) -> bool:
        return self._at == len(self.words)


def _named(attempt: Attempt, run_id: str) -> str:
    """The step and its path, and the attempt but for the first; of a child with its run id."""
    own = attempt.part.started.run_id
    child = "" if own == run_id else f" of {own.removeprefix(run_id)}"
    again = "" if attempt.number == 1 else f" (attempt {attempt.number})"
    return f"{attempt.step.fn.__name__} {show(attempt.path)}{child}{again}"
