"""A fork whose past is mended: answers of steps and child runs that were wrong are others in it.

A value must fit what its step answers, and the program must go on to ask what the shared events hold. Both are told
here only if the code is at hand; else whoever works on the fork finds it out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from attrs import evolve, frozen

from yieldflow.authoring.registry import Registry
from yieldflow.checking import FailsAtOnce, Problem, check_history
from yieldflow.core.asks import StepDefinition, WorkflowDefinition
from yieldflow.core.commands import CallStep, StartChild
from yieldflow.core.events import CommandIssued, Event, RetryOf, RunStarted
from yieldflow.core.path import Path, parse, show
from yieldflow.core.values import Annotation, Codec
from yieldflow.engine.surgery import Answered, Cut, answered, forked
from yieldflow.errors import NonDeterminism, Undecodable, Unencodable, UsageError, error, shortened, shown


@error
class BadAnswer(UsageError):
    path: str
    call: str
    reason: str

    def __str__(self) -> str:
        return f"that cannot be the answer of {self.call} at path {self.path}: {shortened(self.reason)}"


@error
class AsksOtherwise(UsageError):
    """With the replaced answers the program does not ask what the shared events hold. *most*: so many of them may be
    shared, if that is known.
    """

    length: int
    reason: str
    most: int | None = None

    def __str__(self) -> str:
        earlier = "at an earlier position" if self.most is None else f"at position {self.most:,} or before"
        return (
            f"with these answers the workflow goes on otherwise than the first {self.length:,} events of the run say: "
            f"{shortened(self.reason)}; fork it {earlier}"
        )


@frozen
class Forking:
    """*at* and *replace* as `App.fork` takes them. Raises `UsageError`."""

    at: int | None
    replace: Mapping[str, object]
    registry: Registry
    codec: Codec

    def cut(self, events: Sequence[Event], run_id: str, seed: bytes) -> Cut:
        """The first events of a fork called *run_id*, out of the log of a run."""
        if not isinstance(self.replace, Mapping):
            raise UsageError(f"replace={shown(self.replace)} maps no paths to answers, as {{'3': 5}} does")
        if not self.replace:
            return forked(events, run_id, self.at, seed)
        known = answered(events)
        given = {_path(text): value for text, value in self.replace.items()}
        answers = {path: self._encoded(path, known.get(path), value) for path, value in given.items()}
        cut = forked(events, run_id, self.at, seed, answers)
        self._expect_the_same_questions(events, cut)
        return cut

    def _encoded(self, path: Path, replaced: Answered | None, value: object) -> bytes:
        """As the step would have answered it: a value of its type, or what JSON makes of one."""
        if replaced is None:
            return b""  # there is no such answer, which is said when all of them are known
        name, returns = self._answers_of(replaced.call)
        try:
            return self.codec.encode(value, returns)
        except Unencodable as unfit:
            try:
                return self.codec.encode(self.codec.decode(json.dumps(value).encode(), returns), returns)
            except (Undecodable, Unencodable, TypeError, ValueError, RecursionError):
                raise BadAnswer(show(path), name, str(unfit)) from unfit

    def _answers_of(self, call: CallStep | StartChild) -> tuple[str, Annotation]:
        """Name and type; what is not at hand may answer anything."""
        definition: StepDefinition | WorkflowDefinition | None
        match call:
            case CallStep(name=name):
                definition = self.registry.step(name)
            case StartChild(workflow=name):
                definition = self.registry.workflow(name)
            case _:
                assert_never(call)
        return name, Any if definition is None else definition.returns

    def _expect_the_same_questions(self, events: Sequence[Event], cut: Cut) -> None:
        """Told as the run that is forked: its ids and tokens are in the arguments of what it asked."""
        shared = events[: cut.length]
        if self.registry.workflow(cut.started.workflow) is None or self._problem(shared) is not None:
            return  # the code at hand cannot tell what these answers change
        told = _strictly(shared)
        told = shared if self._problem(told) is not None else told
        mended = tuple(cut.replaced.get(place, event) for place, event in enumerate(told))
        match self._problem(mended):
            case None:
                return
            case NonDeterminism(path=path, recorded=recorded, asked=asked):
                reason = f"at path {path or '(its end)'} they hold {recorded}, and now it asks {asked}"
                raise AsksOtherwise(cut.length, reason, _before(events, path, cut))
            case problem:
                raise AsksOtherwise(cut.length, str(problem))

    def _problem(self, events: Sequence[Event]) -> Problem | None:
        """A program that raises at the end of the shared events is none: so a fork may end."""
        found = check_history(self.registry, events, self.codec)
        return None if found is None or isinstance(found.problem, FailsAtOnce) else found.problem


def _strictly(events: Sequence[Event]) -> Sequence[Event]:
    """The same log, but what a retry has copied is compared with its arguments, too."""
    started = events[0]
    if not isinstance(started, RunStarted) or not isinstance(started.cause, RetryOf):
        return events
    return evolve(started, cause=evolve(started.cause, position=0)), *events[1:]


def _before(events: Sequence[Event], path: str, cut: Cut) -> int | None:
    """How many events stand before the command at *path*, if all that is replaced is among them."""
    for place, event in enumerate(events):
        if isinstance(event, CommandIssued) and show(event.path) == path and place > max(cut.replaced):
            return place
    return None


def _path(text: object) -> Path:
    try:
        if isinstance(text, str) and (path := parse(text)):
            return path
    except ValueError:
        pass
    raise UsageError(f"{shown(text)} is no path: `yieldflow inspect RUN` shows those of a run, such as 3 or 3.2.1")
