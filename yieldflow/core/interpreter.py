"""The pure interpreter: it drives a program over its log and says what to append next.

`feed` takes events that are in the log, in log order; after each fact every branch runs until it waits, so
the order of the facts alone decides what the program sees. `decide` compares what the program asks with
what the log holds. It never writes, never reads a clock, and is equal to a replay of the same log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from yieldflow.core import telling
from yieldflow.core.asks import StepCall, StepDefinition, WorkflowDefinition
from yieldflow.core.chain import chain_of
from yieldflow.core.commands import StartChild
from yieldflow.core.difference import Difference
from yieldflow.core.endings import ending, handed_over, origin_of
from yieldflow.core.events import (
    CancelRequested,
    CommandIssued,
    CommandResolved,
    Decision,
    Event,
    Finish,
    ForkOf,
    HookReceived,
    RetryOf,
    RunFinished,
    RunStarted,
    is_fact,
)
from yieldflow.core.frames import Frame, innermost, raised_at
from yieldflow.core.leaves import Leaves
from yieldflow.core.ledger import Ledger
from yieldflow.core.nodes import Branch, Leaf, Raised
from yieldflow.core.outcome import Cancelled, Ending, Err, Taken
from yieldflow.core.path import Path
from yieldflow.core.run import Run
from yieldflow.core.tree import Tree
from yieldflow.core.values import Codec
from yieldflow.errors import BrokenProgram

_NOWHERE: Callable[[Path], Any] = dict[Path, Any]().get  # where a program asks that has been let go


class Execution:
    """A live program and the fold of its log.

    *loaded* finds an exception class by its name among what is loaded, or answers None. A `CodeError` from
    `feed` or `decide` ends its usefulness: replay the log with other code.
    """

    def __init__(self, workflow: WorkflowDefinition, codec: Codec, loaded: Callable[[str], type | None]) -> None:
        self.workflow = workflow
        self.codec = codec
        self.run = Run()
        self.tree: Tree | None = None
        self._ledger = Ledger(workflow, codec, self._frame)
        self._leaves = Leaves(self.run, self._ledger, codec, loaded, self._where)
        self._kept: list[tuple[int, Event]] = []  # facts that came while the run was paused, by position
        self._ending: Finish | None = None
        self._ended_at = 0
        self._whole = True
        self._telling = telling.Telling(workflow.name)

    # --- what the engine asks for --------------------------------------------------------------------------

    def feed(self, events: Iterable[Event]) -> None:
        """Take the next events of the log, all that are known. Raises `CodeError`, and `ImpossibleEvent` for a log that
        none may be.
        """
        if not self._whole:
            raise self._interrupted()
        self._whole = False  # until this is over: it may be interrupted
        known = tuple(events)
        self._ledger.know(known)
        begun = telling.begin(self._telling)
        try:
            self._feed(known)
        finally:
            telling.end(begun)
        self._whole = True

    def decide(self) -> tuple[Decision, ...]:
        """What to append, given all that was fed; nothing, if the log holds it already. Raises `CodeError`."""
        if not self._whole:
            raise self._interrupted()
        self._ledger.expect_all_asked()
        if self.tree is None or self.run.paused or self.run.ended is not None:
            return ()
        decided = self._ledger.decisions()
        if self._ending is not None:
            decided.append(handed_over(self._ending, self._ended_at, self.run))
        return tuple(decided)

    def step(self, path: Path) -> StepDefinition | None:
        """The step that the program waits for at *path*: also a plain function, which has no name to find it by."""
        leaf = self._leaves.open_at(path)
        return leaf.command.definition if leaf is not None and isinstance(leaf.command, StepCall) else None

    def definition(self, path: Path) -> StepDefinition | WorkflowDefinition | None:
        """Of the call that the program waits for at *path*."""
        return self._leaves.definition(path)

    def waiting(self) -> tuple[Branch, ...]:
        """The branches that wait, in the order of their paths."""
        return () if self.tree is None else tuple(self.tree.waiting[path] for path in sorted(self.tree.waiting))

    @property
    def leaves(self) -> dict[Path, Leaf]:
        """What is asked and not yet answered."""
        return self._leaves.waiting

    @property
    def rejected(self) -> tuple[int, ...]:
        """Positions of payloads that fitted no receive."""
        return tuple(self._leaves.mail.rejected)

    def close(self) -> None:
        """Let the program go. What refers to itself is taken apart: thousands of these come and go, and Python looks
        for such things only now and then.
        """
        if self.tree is not None:
            with telling.silence():
                self.tree.close()
            self._leaves.close()
            self.tree = None
        self._ledger.where = self._leaves.where = _NOWHERE

    # --- the log, compared with the program --------------------------------------------------------------------

    def _feed(self, events: tuple[Event, ...]) -> None:
        """What the program does on facts after the last decision is new; the rest it has done before."""
        new = len(events)
        while new and is_fact(events[new - 1]):
            new -= 1
        ledger, run, told = self._ledger, self.run, self._telling
        for at, event in enumerate(events):
            told.known = at < new
            if isinstance(event, CommandIssued):
                self._begin_what_has_room(event.path)
            elif isinstance(event, RunFinished):
                self._expect_end(event.outcome)
            ledger.match(event)
            if run.add(event):
                self._tell(event)
            elif isinstance(event, CommandIssued) and isinstance(event.command, StartChild):
                self._leaves.started(event.path, event.command.options)

    def _begin_what_has_room(self, path: Path) -> None:
        """Where a limit has changed since."""
        while not self._ledger.expects(path) and self.tree is not None and self.tree.begin(path):
            self._note_end()

    def _expect_end(self, outcome: Ending) -> None:
        forced = isinstance(outcome, Cancelled) and outcome.forced
        if not forced and (self.tree is None or self.tree.result is None):
            self._ledger.expect_all_asked()
            raise self._ledger.changed((), Difference("the run ended", "it goes on", "end"))

    def _interrupted(self) -> BrokenProgram:
        return BrokenProgram(self.workflow.name, "it was interrupted while it was fed; replay its log")

    def _where(self, path: Path) -> str:
        frame = self._frame(path)
        return f"the end of {self.workflow.name}" if frame is None else str(frame)

    def _frame(self, path: Path) -> Frame | None:
        """The line of the branch that asked *path*, or of the nearest one above it that still waits."""
        waiting = {} if self.tree is None else self.tree.waiting
        for length in range(len(path), -1, -1):
            branch = waiting.get(path[:length])
            if branch is not None:
                return innermost(branch.generator)
        result = None if self.tree is None else self.tree.result
        return raised_at(result.error) if isinstance(result, Raised) else None

    # --- facts, as the program is told them ----------------------------------------------------------------------

    def _tell(self, fact: Event) -> None:
        """While a run is paused they are kept, and told when it goes on."""
        if self.run.paused:
            self._kept.append((self.run.length, fact))
            return
        if self._kept:
            kept, self._kept = self._kept, []
            for position, event in kept:
                self._go_on(position, event)
        self._go_on(self.run.length, fact)

    def _go_on(self, position: int, fact: Event) -> None:
        self._see(position, fact)
        tree = self._running
        tree.run()
        if tree.result is not None:
            self._note_end()

    def _see(self, position: int, event: Event) -> None:
        match event:
            case RunStarted():
                self._begin(event)
            case CommandResolved(path=path, outcome=outcome, attempt=attempt) if not isinstance(outcome, Taken):
                self._leaves.resolve(path, outcome, attempt)
            case HookReceived(name=name, payload=payload):
                self._leaves.receive(name, position, payload)
            case CancelRequested():
                self._running.cancel(self._running.root)
            case _:
                pass

    def _begin(self, started: RunStarted) -> None:
        self._telling.run_id = chain_of(started.run_id)[0]
        self._ledger.version = started.version
        if isinstance(started.cause, RetryOf | ForkOf):
            self._ledger.copied = started.cause.position
        arguments = self.codec.decode_arguments(started.arguments, self.workflow.parameters)
        try:
            program: Any = self.workflow.fn(*arguments.args, **arguments.kwargs)
        except TypeError as error:
            raise BrokenProgram(self.workflow.name, f"the run's arguments no longer fit: {error}") from error
        self.tree = self._leaves.start(program)

    def _note_end(self) -> None:
        """How it ended is a function of the facts until then: a second cancellation changes no reason."""
        result = self._running.result
        if result is not None and self._ending is None:
            self._ended_at = self.run.length
            self._ending = Finish(ending(result, self.run, self.workflow, self.codec), origin_of(result))
            if isinstance(self._ending.outcome, Err):
                self._ledger.raised = self._ending.outcome.failure.said

    @property
    def _running(self) -> Tree:
        assert self.tree is not None  # the first fact of any log starts it
        return self.tree
