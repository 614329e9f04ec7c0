"""A log as what a program asked and what it was told, in words; and the line of the code at hand that asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias, assert_never

from attrs import frozen

from yieldflow.authoring.loaded import loaded
from yieldflow.authoring.registry import Registry
from yieldflow.core.commands import CallStep, MarkPatch, OpenHook, Recorded, Respond, SetData
from yieldflow.core.difference import sealed, shown
from yieldflow.core.events import (
    CommandIssued,
    CommandResolved,
    Event,
    HookReceived,
    RunFinished,
    RunStarted,
)
from yieldflow.core.frames import innermost
from yieldflow.core.interpreter import Execution
from yieldflow.core.outcome import Answer, Cancelled, ContinuedAs, Ending, Err, Expired, Ok, Taken
from yieldflow.core.path import Path, show
from yieldflow.core.values import Codec, Readable
from yieldflow.errors import CodeError, ImpossibleEvent, Undecodable
from yieldflow.inspection.phrases import clipped

Received: TypeAlias = tuple[str, int]  # the hook, and which of its payloads
_LONGEST_VALUE = 60


@frozen
class Shared:
    """A command that was asked, and what was told of it; None: nothing yet."""

    path: str
    asked: str
    answer: str | None


class Story:
    """What a program asked and what it was told, with their positions."""

    def __init__(self, events: Sequence[Event], codec: Codec) -> None:
        started = events[0]
        assert isinstance(started, RunStarted)  # a log that folds
        self.events, self.started, self.codec = events, started, codec
        self.asks: dict[Path, tuple[int, Recorded]] = {}
        self.answers: dict[Path, tuple[int, Answer]] = {}
        self.payloads: dict[Received, tuple[int, bytes]] = {}
        self.end: tuple[int, Ending] | None = None
        self._received: Counter[str] = Counter()
        for position, event in enumerate(events, 1):
            self._add(position, event)

    def _add(self, position: int, event: Event) -> None:
        match event:
            case CommandIssued(path=path, command=command):
                self.asks[path] = position, command
            case CommandResolved(path=path, outcome=outcome):
                self.answers[path] = position, outcome
            case HookReceived(name=name, payload=payload):
                self._received[name] += 1
                self.payloads[name, self._received[name]] = position, payload
            case RunFinished(outcome=ending):
                self.end = position, ending
            case _:
                pass

    def told_before(self, until: int | None) -> list[str]:
        """What the program was told, in words and in the order of the log; None: in all the log."""
        end = len(self.events) + 1 if until is None else until
        told = [
            (at, self.answered(path)) for path, (at, answer) in self.answers.items() if not isinstance(answer, Taken)
        ]
        told += [(at, self.received(place)) for place, (at, _) in self.payloads.items()]
        return [text for at, text in sorted(told) if at < end]

    def asked_beside(self, other: Story) -> Path | None:
        """The first command that the other did not ask."""
        return next((path for path in self.asks if path not in other.asks), None)

    def asked_before(self, until: int | None) -> Iterator[Path]:
        return (path for path, (position, _) in self.asks.items() if until is None or position < until)

    def shared(self, until: int | None) -> Iterator[Shared]:
        """What was asked before the event at *until* (None: in all the log), with the answers from before it."""
        end = len(self.events) + 1 if until is None else until
        for path in self.asked_before(until):
            at, outcome = self.answers.get(path, (end, None))
            answer = None if outcome is None or at >= end else self.answer(outcome)
            yield Shared(show(path), self.command(path), answer)

    def call(self) -> str:
        """How the run was started."""
        return shown(CallStep(self.started.workflow, self.started.arguments), self.codec)

    def command(self, path: Path) -> str:
        return shown(self.asks[path][1], self.codec) if path in self.asks else f"path {show(path)}"

    def answer(self, outcome: Answer) -> str:
        match outcome:
            case Ok(value):
                return value_of(value, self.codec)
            case Err(failure):
                return clipped(f"raised {failure.said}", 2 * _LONGEST_VALUE)
            case Expired():
                return "timed out"
            case Taken(position):
                return self._payload(position)
            case Cancelled():
                return "cancelled"
            case _:
                assert_never(outcome)

    def _payload(self, position: int) -> str:
        received = self.events[position - 1] if position > 0 else None
        return value_of(received.payload, self.codec) if isinstance(received, HookReceived) else "an earlier payload"

    def answered(self, path: Path) -> str:
        return f"{self.command(path)} → {self.answer(self.answers[path][1])}"

    def received(self, place: Received) -> str:
        return f"hook {place[0]!r} received {value_of(self.payloads[place][1], self.codec)}"

    def ended(self) -> str:
        if self.end is None:
            return "it has not ended"
        match self.end[1]:
            case ContinuedAs(workflow=name, arguments=arguments):
                return f"it went on as {name} with {value_of(arguments, self.codec)}"
            case Ok(value):
                return f"it ended with {value_of(value, self.codec)}"
            case outcome:
                return f"it ended: {self.answer(outcome)}"


def line_of(story: Story, path: Path, length: int, registry: Registry) -> tuple[str, int] | None:
    """File and number of the line that waits for what was asked at *path*, after so many events; None: nobody waits
    for it, or the code at hand cannot replay so much.
    """
    workflow, (_, command) = registry.workflow(story.started.workflow), story.asks[path]
    if workflow is None or isinstance(command, OpenHook | Respond | SetData | MarkPatch):
        return None
    execution = Execution(workflow, story.codec, loaded)
    try:
        execution.feed(story.events[:length])
        waiting = {branch.path: branch for branch in execution.waiting()}
        above = next((path[:size] for size in range(len(path), -1, -1) if path[:size] in waiting), None)
        frame = None if above is None else innermost(waiting[above].generator)
    except (CodeError, ImpossibleEvent):
        return None
    finally:
        execution.close()
    return None if frame is None else (frame.file, frame.line)


def value_of(data: bytes, codec: Codec) -> str:
    if sealed(data):
        return "…"
    try:
        return clipped(repr(codec.decode(data, Readable)), _LONGEST_VALUE)
    except Undecodable:
        return clipped(data.decode(errors="replace"), _LONGEST_VALUE)
