"""What the program asks, compared with what its log holds of it, and so what is to be appended.

It does not know how a program runs. What was asked and let go before it was written is not written at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import assert_never

from attrs import define, field

from yieldflow.core.asks import WorkflowDefinition
from yieldflow.core.commands import MarkPatch, Recorded
from yieldflow.core.compare import Definition, same_command, same_kind
from yieldflow.core.difference import Difference, difference, shown
from yieldflow.core.events import (
    Abandon,
    AttemptFailed,
    CancelRequested,
    CommandAbandoned,
    CommandIssued,
    CommandResolved,
    Decision,
    Event,
    HookReceived,
    Issue,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    Take,
)
from yieldflow.core.frames import Frame
from yieldflow.core.outcome import Taken
from yieldflow.core.path import Path, show
from yieldflow.core.values import Codec
from yieldflow.errors import NonDeterminism
from yieldflow.errors.code import Change


@define
class Ledger:
    """*where* tells the frame that asks a path. Raises `NonDeterminism` where log and program differ."""

    workflow: WorkflowDefinition
    codec: Codec
    where: Callable[[Path], Frame | None]
    copied: int = 0  # of the first events: another run, or an earlier generation, has written them
    length: int = 0
    version: str | None = None  # of the code that started the run
    raised: str | None = None  # how the program ended
    marks: set[str] = field(factory=set)  # patches that the known log holds
    _asked: dict[Path, tuple[Recorded, Definition | None]] = field(factory=dict)  # not yet in the log
    _taken: dict[Path, int] = field(factory=dict)  # likewise
    _let_go: dict[Path, None] = field(factory=dict)  # open in the log, and wanted by nobody
    _unasked: dict[Path, Recorded] = field(factory=dict)  # in the log, and not asked
    _numbers: dict[Path, int] = field(factory=dict)  # the greatest number below each path that the known log holds

    # --- what the program does --------------------------------------------------------------------------------------

    def ask(self, path: Path, command: Recorded, called: Definition | None) -> None:
        if path in self._unasked:
            recorded = shown(self._unasked[path], self.codec)
            raise self.changed(path, Difference(recorded, "it only now, later than recorded", "later"))
        self._asked[path] = command, called

    def let_go(self, path: Path) -> None:
        if self._asked.pop(path, None) is None:
            self._let_go[path] = None

    def take(self, path: Path, position: int) -> None:
        self._taken[path] = position

    def is_written(self, path: Path) -> bool:
        return path not in self._asked

    def passed(self, branch: Path, number: int) -> bool:
        """Whether the known log holds a command of *branch* with this or a higher number, or one below it."""
        return self._numbers.get(branch, 0) >= number

    # --- what the log holds -----------------------------------------------------------------------------------------

    def know(self, events: Iterable[Event]) -> None:
        """These will be fed, before anything else is."""
        for event in events:
            if isinstance(event, CommandIssued):
                path, numbers = event.path, self._numbers
                for length, number in enumerate(path):
                    branch = path[:length]
                    if number > numbers.get(branch, 0):
                        numbers[branch] = number
                if isinstance(event.command, MarkPatch):
                    self.marks.add(event.command.change_id)

    def expects(self, path: Path) -> bool:
        """Whether the program has asked *path* and the log did not hold it until now."""
        return path in self._asked

    def match(self, event: Event) -> None:
        self.length += 1
        match event:
            case CommandIssued(path=path, command=command):
                asked, called = self._asked.pop(path, (None, None))
                if asked is None:
                    self._unasked[path] = command
                elif command is not asked and not self._same(command, asked, called):
                    raise self.changed(path, difference(command, asked, called, self.codec))
            case CommandResolved(path=path, outcome=Taken(position)):
                taken = self._taken.pop(path, None)
                if taken != position and path not in self._unasked:
                    raise self.changed(path, Difference(f"the payload at position {position}", _other(taken), "turn"))
            case CommandResolved(path=path):
                self._let_go.pop(path, None)
                if self._taken and path in self._taken:
                    now = f"the payload at position {self._taken[path]}"
                    raise self.changed(path, Difference("nothing came in time", now, "turn"))
            case CommandAbandoned(path=path):
                if path not in self._let_go and path not in self._unasked:
                    raise self.changed(path, Difference("it was abandoned", "it is still wanted", "turn"))
                self._let_go.pop(path, None)
            case RunStarted() | AttemptFailed() | HookReceived() | CancelRequested():
                pass
            case RunPaused() | RunResumed() | RunFinished():
                pass
            case _:
                assert_never(event)

    def decisions(self) -> list[Decision]:
        decided: list[Decision] = []
        if self._asked:
            decided += [Issue(path, command) for path, (command, _) in self._asked.items()]
        if self._taken:
            decided += [Take(path, position) for path, position in self._taken.items()]
        if self._let_go:
            decided += [Abandon(path) for path in self._let_go]
        return decided

    def expect_all_asked(self) -> None:
        for path, command in self._unasked.items():
            now, change = self._instead()
            raise self.changed(path, Difference(shown(command, self.codec), f"it is no longer asked{now}", change))

    def _instead(self) -> tuple[str, Change]:
        """What the program does now where the log holds a command that it does not ask."""
        if self.raised is not None:
            return f", for the program raises {self.raised}", "raised"
        for path, (command, _) in self._asked.items():
            return f", but {shown(command, self.codec)} at path {show(path)}", "moved"
        return "", "dropped"

    def changed(self, path: Path, found: Difference) -> NonDeterminism:
        frame, version = self.where(path), self.workflow.version
        return NonDeterminism(
            self.workflow.name,
            show(path),
            found.recorded,
            found.asked,
            found.change,
            found.details,
            found.former,
            f"the end of {self.workflow.name}" if frame is None else str(frame),
            None if frame is None else (frame.file, frame.line),
            None if self.version == version else (self.version, version),
        )

    def _same(self, recorded: Recorded, asked: Recorded, called: Definition | None) -> bool:
        """The arguments of copied events may hold tokens and ids of the run that they were copied from."""
        if self.length <= self.copied:
            return same_kind(recorded, asked, called)
        return same_command(recorded, asked, called, self.codec)


def _other(taken: int | None) -> str:
    return "none of them" if taken is None else f"that at {taken}"
