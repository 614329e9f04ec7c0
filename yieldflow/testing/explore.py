"""`explore`: look for the schedule that breaks a workflow, among all that may happen to it.

Hypothesis chooses, and makes what it finds as short as it can; or every schedule there is is tried. What is checked is
the author's condition, and that a replay does what the program has done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from random import Random
from typing import Any, TypeAlias

from attrs import define, evolve, field, frozen

from yieldflow.codec import JsonCodec
from yieldflow.core.asks import Hook, OpenHookCommand, ReceiveCommand, WorkflowCall
from yieldflow.core.times import Millis
from yieldflow.core.values import Codec
from yieldflow.errors import CodeError, UsageError, shown
from yieldflow.inspection.phrases import count, span
from yieldflow.reach import encoded, hook_of
from yieldflow.testing.elsewhere import Elsewhere
from yieldflow.testing.elsewhere import elsewhere as interpreters
from yieldflow.testing.fakes import Fakes
from yieldflow.testing.replaying import Differs
from yieldflow.testing.schedule import Action, ByBytes, ByWords, InTurn, May, Pick, Schedule, Sending
from yieldflow.testing.simulate import RUN, Simulation, StillWaiting
from yieldflow.testing.stage import STARTED, Stage
from yieldflow.under_test import under_test

Condition: TypeAlias = Callable[[Simulation[Any]], object]
Sends: TypeAlias = Sequence[tuple[str | ReceiveCommand[Any] | OpenHookCommand[Any] | Hook[Any], Any]]

_CHOICES = 64  # bytes that decide one schedule; what comes after them is calm
_BATCH = 128  # schedules for one example: what Hypothesis itself takes is shared by them
_LOOKED_FOR_SHORT = 40_000  # things that happen in schedules that may be shorter than the one that was found
_ELSEWHERE = 20  # schedules that are replayed in other interpreters, too
MOST_SCHEDULES = 1_000_000  # that are tried in turn


@frozen
class Explored:
    """How many schedules were tried; *all*: there are no others. *only_here*: why no history was replayed elsewhere."""

    schedules: int
    all: bool = False
    only_here: str | None = field(default=None, eq=False)


_KEEPS_A_STATE = (
    "and not when the same was played again: the workflow, a fake or a condition keeps a state outside of the run; for "
    "fakes, give steps= a function that makes new ones"
)


_NO_HYPOTHESIS = (
    "explore() chooses with Hypothesis, which is not installed: pip install 'yieldflow[testing]' "
    "(exhaustive=True and schedule= do without)"
)


class Broken(AssertionError):
    """The schedule that breaks it, as a report and as a test to paste."""


def explore(
    call: WorkflowCall[Any],
    *,
    steps: Fakes | Callable[[], Mapping[Any, Any]] | None = None,
    sends: Sends = (),
    always: Condition | None = None,
    at_end: Condition | None = None,
    cancel: bool = True,
    crash: bool = True,
    again: bool = True,
    faults: int = 2,
    may_wait: bool = False,
    elsewhere: bool = True,
    examples: int | None = None,
    exhaustive: bool = False,
    schedule: Sequence[str] | None = None,
    codec: Codec | None = None,
) -> Explored:
    """Play *call* under many schedules; AssertionError tells the shortest one that breaks it, as a test to paste.

    Chosen are: in which order steps end and how (`outcomes(...)`), time against both, the moment of each of *sends*
    (`(hook, payload)`, *again*: may come twice), a *cancel*lation, *crash*es with a replay, and up to *faults* lost
    workers and time-outs. A step without `takes(...)` takes any time. *always* is called with the `Simulation` after
    each event, *at_end* at each end; it fails by raising or by answering False. So does what goes on or waits for ever
    (unless *may_wait*), and what a replay does otherwise, here or (*elsewhere*) in other interpreters. *steps* as for
    `simulate`, or a function that makes them. *examples*: how many are tried (default 1,000, or what
    `--yieldflow-examples` says); *exhaustive*: all there are, without crashes; *schedule*: only this one, in the words
    of a report. Raises `UsageError`.

    >>> from yieldflow import sleep, workflow
    >>> @workflow
    ... def nap(): yield sleep("1d")
    >>> assert explore(nap(), cancel=False, exhaustive=True).all
    """
    known = codec or JsonCodec()
    may = May(tuple(_sending(hook, payload, known) for hook, payload in sends), cancel, crash, again, faults)
    explorer = Explorer(call, steps, may, always, at_end, may_wait, known, _interpreters(elsewhere, codec))
    if schedule is not None:
        return explorer.follow(schedule)
    return explorer.all_there_are() if exhaustive else explorer.by_chance(examples or under_test.examples)


def _interpreters(wanted: bool, codec: Codec | None) -> Elsewhere | str:
    """Or why there are none."""
    if not wanted:
        return "elsewhere=False"
    return interpreters() if codec is None else "they do not know the codec that was given"


def _by_hypothesis() -> Callable[[Callable[[bytes], None], int], None]:
    try:
        chosen: Callable[[Callable[[bytes], None], int], None] = import_module("yieldflow.testing.chance").for_seeds
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "hypothesis":
            raise
        raise UsageError(_NO_HYPOTHESIS) from None
    return chosen


def _sending(hook: Any, payload: Any, codec: Codec) -> Sending:
    name, kind = hook_of(hook)
    return Sending(name, payload, encoded(name, payload, kind, codec))


@frozen
class Found:
    """A schedule that broke it, and how it did."""

    pick: Pick
    error: Exception
    after: int  # schedules


@define(eq=False)
class Explorer:
    call: WorkflowCall[Any] = field()
    steps: Any
    may: May
    always: Condition | None
    at_end: Condition | None
    may_wait: bool
    codec: Codec
    interpreters: Elsewhere | str
    _there: Elsewhere | None = field(default=None, init=False)  # while replays are done elsewhere, too
    _kept: dict[int, Pick] = field(factory=dict, init=False)  # for that: of each length, the first one
    _tried: int = field(default=0, init=False)
    _found: Found | None = field(default=None, init=False)
    _played: int = field(default=0, init=False)  # things that have happened

    @call.validator
    def _expect_call(self, _: Any, call: object) -> None:
        if not isinstance(call, WorkflowCall):
            raise UsageError(f"explore() takes the call of a workflow, such as checkout(order), not {shown(call)}")

    # --- three ways to choose -----------------------------------------------------------------------------------------

    def by_chance(self, examples: int) -> Explored:
        chosen = _by_hypothesis()
        batches, size = -(-examples // _BATCH), _CHOICES * _BATCH

        def tries(seed: bytes) -> None:
            data = Random(seed).randbytes(size)  # noqa: S311 - the choices of a test
            for at in range(0, min(size, _CHOICES * (examples - self._tried)), _CHOICES):
                if self._found is not None or self.finds(ByBytes(data[at : at + _CHOICES])):
                    raise Broken  # also when Hypothesis tries the same once more

        with suppress(Broken):
            if not self.finds(ByWords((), self.say)):  # a calm run; what is only so the first time is seen now or never
                chosen(tries, batches)
        if self._found is not None:
            raise self.report(self.shortest(self._found.pick))
        return self._explored()

    def all_there_are(self) -> Explored:
        self.may = evolve(self.may, crash=False, again=False)
        pick = InTurn()
        while True:
            if self.finds(pick):
                raise self.report(self.shortest(pick))
            if not pick.again():
                return self._explored(all_=True)
            if self._tried == MOST_SCHEDULES:
                raise UsageError(
                    f"there are more than {MOST_SCHEDULES:,} schedules: explore it without exhaustive=True"
                )

    def follow(self, words: Sequence[str]) -> Explored:
        pick = ByWords(words, self.say)
        self._go_elsewhere()
        if self.finds(pick):
            raise self.report(pick)
        return Explored(self._tried)

    def _explored(self, *, all_: bool = False) -> Explored:
        """If the longest of them, one of each length, hold elsewhere, too."""
        tried, why_not = self._tried, self._go_elsewhere()
        for length in sorted(self._kept, reverse=True)[:_ELSEWHERE] if why_not is None else ():
            if self.finds(self._kept[length]):
                raise self.report(self.shortest(self._kept[length]))
        return Explored(tried, all_, self._go_elsewhere())

    def _go_elsewhere(self) -> str | None:
        """Or why not."""
        if isinstance(self.interpreters, str):
            return self.interpreters
        self._there = self.interpreters
        return self._there.why_not(self.call.definition)

    def say(self, action: Action) -> str:
        return action.told(self.may.sends, RUN)

    def finds(self, pick: Pick) -> bool:
        """Whether it breaks; if so, it is kept."""
        error = self.breaks(pick)
        if error is not None:
            self._found = Found(pick.kept(), error, self._tried)
        return error is not None

    # --- one schedule -------------------------------------------------------------------------------------------------

    def breaks(self, pick: Pick, told: Callable[[Stage, Action], None] | None = None) -> Exception | None:
        """Why, or None. What a test does wrong is raised."""
        self._tried += 1
        pick.begin()
        steps = self.steps() if callable(self.steps) else self.steps
        stage = Stage.of(self.codec, steps)
        simulation: Simulation[Any] = Simulation(self.call, stage, RUN)
        schedule = Schedule(stage, RUN, self.may, pick, None if told is None else lambda action: told(stage, action))
        if told is not None:
            under_test.telling(stage)
        if self.always is not None:
            stage.saw = lambda: _expect(self.always, simulation) if stage.parts else None
        try:
            stage.begin(self.call, RUN, {})
            self._expect_end(schedule.play(), simulation)
            if pick.replays:
                for part in stage.parts.values():
                    stage.crash(part)
            self._expect_elsewhere(stage, pick)
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the author's conditions raise is what breaks it
            return error
        finally:
            self._played += schedule.length
            stage.close()
        return None

    def _expect_elsewhere(self, stage: Stage, pick: Pick) -> None:
        if self._there is not None:
            for part in stage.parts.values():
                self._there.replay(part.workflow, part.events)
        elif len(stage.order) not in self._kept:
            self._kept[len(stage.order)] = pick.kept()

    def _expect_end(self, ended: bool, simulation: Simulation[Any]) -> None:
        if not ended and not self.may_wait:
            raise StillWaiting(simulation.waits())
        _expect(self.at_end, simulation)

    # --- the report ---------------------------------------------------------------------------------------------------

    def shortest(self, pick: Pick) -> ByWords:
        """What happens by itself need not be said, and what can be left out is not needed; the search is bounded."""
        kept, self._played = self._words(pick), 0
        if (shorter := self._shorter(len(kept))) is not None:
            return ByWords(shorter, self.say)
        self._played = 0
        for at in reversed(range(len(kept))):
            fewer = kept[:at] + kept[at + 1 :]
            with suppress(UsageError):  # what comes after it cannot happen without it
                if self._played < _LOOKED_FOR_SHORT and self.breaks(ByWords(fewer, self.say)) is not None:
                    kept = fewer
        return ByWords(kept, self.say)

    def _shorter(self, than: int) -> list[str] | None:
        """Of all that take fewer decisions."""
        for depth in range(than):
            pick = InTurn(depth)
            while True:
                if self.breaks(pick) is not None:
                    return self._words(pick)[:depth]
                if self._played >= _LOOKED_FOR_SHORT:
                    return None
                if not pick.again():
                    break
        return None

    def _words(self, pick: Pick) -> list[str]:
        words: list[str] = []
        self.breaks(pick, lambda _, action: words.append(self.say(action)))
        return words

    def report(self, pick: ByWords) -> Broken:
        lines: list[str] = []
        error = self.breaks(pick, lambda stage, action: lines.append(f"{_after(stage.now)}  {self.say(action)}"))
        assert self._found is not None
        if error is None:
            first = self._found.error
            return Broken(f"{self.call!r} has broken once: {_kind(first)}: {first}\n{_KEEPS_A_STATE}")
        after = f" (found after {count(self._found.after, 'schedule')})" if self._found.after > 1 else ""
        title = f"{self.call!r} breaks when this happens{after}:"
        broken = Broken("\n".join([title, "", *lines, "", f"{_kind(error)}: {error}", "", *self._test(pick.words)]))
        broken.__cause__ = error
        return broken

    def _test(self, words: Sequence[str]) -> list[str]:
        name = re.sub(r"\W+", "_", self.call.definition.fn.__name__)
        options = {"sends": self.may.sends, "always": self.always, "at_end": self.at_end}
        given = "".join(f"{option}=..., " for option, value in options.items() if value)
        call = f"    explore({self.call!r}, steps=..., {given}schedule=["
        said = [call, *(f"        {word!r}," for word in words), "    ])"] if words else [f"{call}])"]
        return ["as a test:", "", f"def test_{name}_under_this_schedule():", *said]


def _expect(condition: Condition | None, simulation: Simulation[Any]) -> None:
    if condition is not None and condition(simulation) is False:
        raise AssertionError(f"{getattr(condition, '__name__', 'the condition')} is False")


def _kind(error: BaseException) -> str:
    match error:
        case Differs():
            return "a replay differs"
        case CodeError():
            return type(error).__name__
        case StillWaiting():
            return "it waits for ever"
        case _:
            return type(error).__name__


def _after(now: Millis) -> str:
    return f"{span(now - STARTED):>10}"
