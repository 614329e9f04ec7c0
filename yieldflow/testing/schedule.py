"""One schedule of a workflow: at each moment the things that may happen now, and somebody who picks one of them.

Nothing here knows why it is picked: by chance, because all are tried, or because a test says so.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
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
_PROGRESS = ("end", "send", "time")  # the other kinds alone bring no run to its end


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
                return "takes too long" if self.ending is None else f"takes too long, but {self.ending}"
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

    def kept(self) -> Pick:
        """One that decides for good as this one has done in the last schedule."""
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


@record
class Chances:
    """What may become of one attempt."""

    ends: list[tuple[Millis, Action]]  # from when on
    last: Millis | None  # it ends no later; None: it takes any time
    faults: list[Action]

    @classmethod
    def of(cls, attempt: Attempt, endings: Sequence[Ending]) -> Chances:
        since = attempt.claim.since
        ends = [(since + (ending.after or 0), Action("end", attempt, ending)) for ending in endings]
        happened = [None, *[ending for ending in endings if not ending.fails]]
        faults = [Action("lose", attempt, ending) for ending in happened]
        if attempt.call.options.timeout is not None:
            faults += [Action("expire", attempt, ending) for ending in happened]
        last = None if None in [ending.after for ending in endings] else max([at for at, _ in ends])
        return cls(ends, last, faults)


_CANCEL, _CRASH, _NOTHING = Action("cancel"), Action("crash"), Action("nothing")


@define(eq=False)
class Schedule:
    """*told* is given each thing that happens, in words, if anybody wants to know."""

    stage: Stage
    run_id: str
    may: May
    pick: Pick
    told: Callable[[Action], None] | None = None
    _chances: dict[Attempt, Chances] = field(factory=dict, init=False)
    _sent: set[int] = field(factory=set, init=False)
    _again: set[int] = field(factory=set, init=False)
    _cancelled: bool = field(default=False, init=False)
    _faults: int = field(default=0, init=False)
    length: int = field(default=0, init=False)  # how many things have happened

    def play(self) -> bool:
        """Until the run has ended; whether it has. False: it waits, and nothing is left that could happen."""
        for _ in range(MOST):
            actions = self.actions()
            if not actions or actions[0].kind not in _PROGRESS:
                break
            self._do(actions)
        else:
            raise AssertionError(f"it goes on for ever: {MOST} things have happened")
        while late := self._late():  # bodies that are still running somewhere
            if self._do([_NOTHING, *late]).kind == "nothing":
                break
        return self._over

    def _do(self, actions: Sequence[Action]) -> Action:
        action = actions[self.pick(actions)]
        self.length += 1
        if self.told is not None and action.kind != "nothing":
            self.told(action)
        self.perform(action)
        return action

    def actions(self) -> list[Action]:
        """What may happen now: first what comes of itself, in the order of asking, then what need not."""
        stage, may = self.stage, self.may
        chances = [self._chances_of(attempt) for attempt in stage.attempts()]
        now, over = stage.now, self._over
        found = [action for chance in chances for at, action in chance.ends if at <= now]
        if may.sends and not over:
            found += [Action("send", number=number) for number in self._unsent()]
        if (at := self._passes(chances)) is not None:
            found.append(Action("time", at=at))
        if stage.late:
            found += self._late()
        if not over:
            found += self._from_outside()
        if may.crash:
            found.append(_CRASH)
        if self._faults < may.faults:
            for chance in chances:
                found += chance.faults
        return found

    def perform(self, action: Action) -> None:
        match action:
            case Action("end", attempt, ending) if attempt is not None and ending is not None:
                self.stage.finish(attempt, ending)
            case Action("lose", attempt, ending) if attempt is not None:
                self._faults += 1
                self.stage.lose(attempt, ending)
            case Action("expire", attempt, ending) if attempt is not None:
                self._faults += 1
                self.stage.expire(attempt, ending)
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

    def _chances_of(self, attempt: Attempt) -> Chances:
        known = self._chances.get(attempt)
        if known is None:
            known = self._chances[attempt] = Chances.of(attempt, self.stage.cast.endings(attempt.step))
        return known

    def _unsent(self) -> list[int]:
        return [number for number in range(len(self.may.sends)) if number not in self._sent]

    def _passes(self, chances: Sequence[Chances]) -> Millis | None:
        """To when time may pass: an attempt that has had its time ends before more of it does."""
        timer, now = self.stage.next_time(), self.stage.now
        times = [at for chance in chances for at, _ in chance.ends if at > now]
        if timer is not None:
            times.append(timer)
        if not times:
            return None
        at = min(times)
        for chance in chances:
            if chance.last is not None and chance.last < at:
                return None
        return at

    def _from_outside(self) -> list[Action]:
        found = [_CANCEL] if self.may.cancel and not self._cancelled else []
        if self._sent and self.may.again:
            found += [Action("again", number=number) for number in sorted(self._sent - self._again)]
        return found

    def _late(self) -> list[Action]:
        """What becomes of bodies that nobody waits for any more."""
        endings = self.stage.cast.endings
        return [
            Action("late", attempt, ending)
            for attempt in self.stage.late
            for ending in endings(attempt.step)
            if not ending.fails
        ]


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
    "crash": 1,
    "again": 1,
}


@define(eq=False)
class ByBytes:
    """By a byte each: 0 is the first, a calm run; what need not happen is rare. Where they end, all is calm."""

    data: bytes
    _at: int = 0

    @property
    def replays(self) -> bool:
        """One in eight: it costs as much as all the rest."""
        return self.data[-1] % 8 == 0

    def begin(self) -> None:
        self._at = 0

    def kept(self) -> Pick:
        return self

    def __call__(self, actions: Sequence[Action]) -> int:
        if self._at >= len(self.data) or len(actions) == 1:
            return 0
        byte = self.data[self._at]
        self._at += 1
        if byte == 0:
            return 0
        weights = [_WEIGHTS[action.kind] for action in actions]
        sums = [*accumulate(weights)]
        return bisect_right(sums, byte * sums[-1] >> 8)


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

    def kept(self) -> Pick:
        return InTurn(self.depth, self._chosen[: self._at], self._counts[: self._at])

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

    def kept(self) -> Pick:
        return self

    def __call__(self, actions: Sequence[Action]) -> int:
        if self._at == len(self.words):
            return 0
        word, said = self.words[self._at], [self.say(action) for action in actions]
        if word not in said:
            raise UsageError(f"{word!r} cannot happen there (number {self._at + 1} of schedule=): there may {said}")
        self._at += 1
        return said.index(word)


def _named(attempt: Attempt, run_id: str) -> str:
    """The step and its path, and the attempt but for the first; of a child with its run id."""
    own = attempt.part.started.run_id
    child = "" if own == run_id else f" of {own.removeprefix(run_id)}"
    again = "" if attempt.number == 1 else f" (attempt {attempt.number})"
    return f"{attempt.step.fn.__name__} {show(attempt.path)}{child}{again}"
