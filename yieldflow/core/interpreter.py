"""The pure interpreter: it drives a program over its log and says what to append next.

`feed` takes events that are in the log, in log order; after each fact every branch runs until it waits, so
the order of the facts alone decides what the program sees. `decide` compares what the program asks with
what the log holds. It never writes, never reads a clock, and is equal to a replay of the same log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import Error as CopyError
from copy import deepcopy
from typing import Any, assert_never

from yieldflow.core import answers
from yieldflow.core.asks import (
    MISSING,
    Command,
    Hook,
    OpenHookCommand,
    Question,
    ReceiveCommand,
    SleepCommand,
    StepCall,
    StepDefinition,
    WorkflowDefinition,
)
from yieldflow.core.commands import Recorded
from yieldflow.core.compare import same_command, shown
from yieldflow.core.events import (
    Abandon,
    CancelRequested,
    CommandAbandoned,
    CommandIssued,
    CommandResolved,
    Decision,
    Event,
    Finish,
    HookReceived,
    Issue,
    RunFinished,
    RunStarted,
    Take,
    is_fact,
)
from yieldflow.core.failures import from_exception, thrown
from yieldflow.core.frames import where
from yieldflow.core.mail import Mail
from yieldflow.core.outcome import Cancelled as CancelledOutcome
from yieldflow.core.outcome import Ending, Err, Expired, Ok, Taken
from yieldflow.core.path import Path, show
from yieldflow.core.recording import recorded
from yieldflow.core.run import Run
from yieldflow.core.times import moment
from yieldflow.core.tree import Answered, Branch, Leaf, Raised, Result, Tree
from yieldflow.core.values import Codec
from yieldflow.errors import BrokenProgram, Cancelled, NonDeterminism, TimedOut


class Execution:
    """A live program and the fold of its log.

    *loaded* finds an exception class by its name among what is loaded, or answers None. A `CodeError` from
    `feed` or `decide` ends its usefulness: replay the log with other code.
    """

    def __init__(self, workflow: WorkflowDefinition, codec: Codec, loaded: Callable[[str], type | None]) -> None:
        self.workflow = workflow
        self.codec = codec
        self.loaded = loaded
        self.run = Run()
        self.tree: Tree | None = None
        self.leaves: dict[Path, Leaf] = {}  # asked, and not yet answered
        self.mail: Mail[Leaf] = Mail(self._read)
        self._hook_types: dict[str, Any] = {}
        self._asked: dict[Path, tuple[Recorded, StepDefinition | None]] = {}  # not yet in the log
        self._taken: dict[Path, int] = {}  # likewise
        self._let_go: dict[Path, None] = {}  # open in the log, and wanted by nobody
        self._unasked: dict[Path, Recorded] = {}  # in the log, and never asked
        self._ending: Ending | None = None
        self._whole = True

    # --- what the engine asks for --------------------------------------------------------------------------

    def feed(self, events: Iterable[Event]) -> None:
        """Take the next events of the log. Raises `CodeError`, and `ImpossibleEvent` for a log that none may be."""
        self._expect_whole()
        self._whole = False  # until this is over: it may be interrupted
        for event in events:
            self._match(event)
            self.run.add(event)
            if is_fact(event):
                self._see(event)
                self._go_on()
        self._whole = True

    def decide(self) -> tuple[Decision, ...]:
        """What to append, given all that was fed; nothing, if the log holds it already. Raises `CodeError`."""
        self._expect_whole()
        self._check_unasked()
        if self.tree is None or self.run.paused or self.run.ended is not None:
            return ()
        decisions: list[Decision] = [Issue(path, command) for path, (command, _) in self._asked.items()]
        decisions += [Take(path, position) for path, position in self._taken.items()]
        decisions += [Abandon(path) for path in self._let_go]
        if self._ending is not None:
            decisions.append(Finish(self._ending))
        return tuple(decisions)

    def step(self, path: Path) -> StepDefinition | None:
        """The step that the program waits for at *path*: also a plain function, which has no name to find it by."""
        leaf = self.leaves.get(path)
        return leaf.command.definition if leaf is not None and isinstance(leaf.command, StepCall) else None

    def waiting(self) -> tuple[Branch, ...]:
        """The branches that wait, in the order of their paths."""
        return () if self.tree is None else tuple(self.tree.waiting[path] for path in sorted(self.tree.waiting))

    def close(self) -> None:
        if self.tree is not None:
            self.tree.close()

    # --- the log, compared with the program --------------------------------------------------------------------

    def _match(self, event: Event) -> None:
        match event:
            case CommandIssued(path=path, command=command):
                asked, step = self._asked.pop(path, (None, None))
                if asked is None:
                    self._unasked[path] = command
                elif not same_command(command, asked, step, self.codec):
                    raise self._changed(path, shown(command), shown(asked))
            case CommandResolved(path=path, outcome=Taken(position)):
                taken = self._taken.pop(path, None)
                if taken != position and path not in self._unasked:
                    raise self._changed(path, f"the payload at position {position}", f"that at {taken}")
            case CommandResolved(path=path):
                self._let_go.pop(path, None)
                if path in self._taken:
                    raise self._changed(path, "nothing came in time", f"the payload at position {self._taken[path]}")
            case CommandAbandoned(path=path):
                if path not in self._let_go and path not in self._unasked:
                    raise self._changed(path, "it was abandoned", "it is still wanted")
                self._let_go.pop(path, None)
            case RunFinished(outcome=outcome):
                forced = isinstance(outcome, CancelledOutcome) and outcome.forced
                if not forced and (self.tree is None or self.tree.result is None):
                    self._check_unasked()
                    raise self._changed((), "the run ended", "it goes on")
            case _:
                pass

    def _expect_whole(self) -> None:
        if not self._whole:
            raise BrokenProgram(self.workflow.name, "it was interrupted while it was fed; replay its log")

    def _check_unasked(self) -> None:
        for path, command in self._unasked.items():
            raise self._changed(path, shown(command), "it is no longer asked")

    def _changed(self, path: Path, recorded: str, asked: str) -> NonDeterminism:
        return NonDeterminism(self.workflow.name, show(path) or "(the run)", recorded, asked, self._where(path))

    def _where(self, path: Path) -> str:
        """The line of the branch that asked *path*, or of the nearest one above it that still waits."""
        waiting = {} if self.tree is None else self.tree.waiting
        for length in range(len(path), -1, -1):
            branch = waiting.get(path[:length])
            if branch is not None:
                return where(branch.generator)
        return f"the end of {self.workflow.name}"

    # --- facts, as the program sees them -----------------------------------------------------------------------

    def _see(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._begin(event)
            case CommandResolved(path=path, outcome=Ok() | Err() | Expired() as outcome, attempt=attempt):
                leaf = self.leaves.pop(path, None)
                if leaf is not None:
                    if isinstance(leaf.command, ReceiveCommand):
                        self.mail.leave(leaf.command.hook, leaf)
                    self._settle(leaf, self._result(leaf, outcome, attempt))
            case HookReceived(name=name, payload=payload):
                self.mail.put(name, self.run.length, payload)
                self._deliver(name)
            case CancelRequested():
                self._running.cancel(self._running.root)
            case _:
                pass

    def _begin(self, started: RunStarted) -> None:
        arguments = self.codec.decode_arguments(started.arguments, self.workflow.parameters)
        try:
            program = self.workflow.fn(*arguments.args, **arguments.kwargs)
        except TypeError as error:
            raise BrokenProgram(self.workflow.name, f"the run's arguments no longer fit: {error}") from error
        self.tree = Tree(program, self)

    def _result(self, leaf: Leaf, outcome: Ok | Err | Expired, attempt: int) -> Result:
        command = leaf.command
        match outcome:
            case Ok(value):
                returns = command.definition.returns if isinstance(command, StepCall) else None
                return Answered(None if isinstance(command, SleepCommand) else self.codec.decode(value, returns))
            case Err(failure):
                name = command.definition.name if isinstance(command, StepCall) else repr(command)
                return Raised(thrown(failure, name, attempt, self.codec, self.loaded))
            case Expired():
                default = command.default if isinstance(command, ReceiveCommand) else MISSING
                if default is not MISSING:
                    return Answered(_fresh(default))
                return Raised(TimedOut(f"nothing came for {command!r}"))
            case _:
                assert_never(outcome)

    def _go_on(self) -> None:
        """How it ended is a function of the facts until then: a second cancellation changes no reason."""
        self._running.run()
        if self._running.result is not None and self._ending is None:
            self._ending = self._end(self._running.result)

    def _end(self, result: Result) -> Ending:
        match result:
            case Answered(value):
                return Ok(self.codec.encode(value, self.workflow.returns))
            case Raised(Cancelled()):
                return CancelledOutcome(None if self.run.cancelled is None else self.run.cancelled.reason)
            case Raised(error):
                return Err(from_exception(error, self.codec))
            case _:
                assert_never(result)

    def _read(self, leaf: Leaf, payload: bytes) -> object:
        assert isinstance(leaf.command, ReceiveCommand)
        return self.codec.decode(payload, leaf.command.type)

    def _deliver(self, name: str) -> None:
        """One payload, to whoever waits for it first: its branch goes on before the next one is handed over."""
        for leaf, position, value in self.mail.deliver(name):
            del self.leaves[leaf.path]
            self._taken[leaf.path] = position
            self._settle(leaf, Answered(value))
            break

    # --- what the tree asks (the protocol `Leaves`) ---------------------------------------------------------------

    def open(self, leaf: Leaf) -> None:
        if isinstance(leaf.command, Hook):
            leaf.command = leaf.command.receive()
        if isinstance(leaf.command, Question):
            return
        if leaf.path in self._unasked:
            raise self._changed(leaf.path, shown(self._unasked[leaf.path]), "it only now, later than recorded")
        if (clash := self._clash(leaf.command)) is not None:
            leaf.result = Raised(clash)
            return
        self._asked[leaf.path] = (
            recorded(leaf.command, self.codec, lambda: self._where(leaf.path)),
            leaf.command.definition if isinstance(leaf.command, StepCall) else None,
        )
        self.leaves[leaf.path] = leaf
        if isinstance(leaf.command, ReceiveCommand):
            self.mail.wait(leaf.command.hook, leaf)

    def begin(self, leaf: Leaf) -> None:
        match leaf.command:
            case Question() as question:
                self._settle(leaf, Answered(self.answer(leaf.branch, question)))
            case OpenHookCommand(name=name, type=kind):
                del self.leaves[leaf.path]
                self._settle(leaf, Answered(self._hook(name, kind)))
            case ReceiveCommand(hook=name):
                self._deliver(name)
            case _:
                pass

    def let_go(self, leaf: Leaf) -> None:
        """What was asked and let go before it was written is not written at all."""
        if self.leaves.pop(leaf.path, None) is None:
            return
        if isinstance(leaf.command, ReceiveCommand):
            self.mail.leave(leaf.command.hook, leaf)
        if self._asked.pop(leaf.path, None) is None:
            self._let_go[leaf.path] = None

    def answer(self, branch: Branch, question: Question[Any]) -> object:
        """Questions count for each kind and branch, so that a new one changes no other's answer."""
        count = branch.questions[question.kind] = branch.questions.get(question.kind, 0) + 1
        match question.kind:
            case "now":
                return moment(self.run.time)
            case "uuid4":
                return answers.uuid4(self._started.seed, show(branch.path), count)
            case "rng":
                return answers.rng(self._started.seed, show(branch.path), count)
            case _:
                assert_never(question.kind)

    @property
    def _started(self) -> RunStarted:
        assert self.run.started is not None
        return self.run.started

    def _hook(self, name: str, kind: Any) -> Hook[Any]:
        token = answers.hook_token(self._started.seed, self._started.run_id, name)
        base = self._started.base_url
        return Hook(name, token, None if base is None else f"{base.rstrip('/')}/hooks/{token}", kind)

    def _clash(self, command: Command[Any]) -> ValueError | None:
        """The name is the hook: another type for it is a mistake at that line."""
        if not isinstance(command, ReceiveCommand | OpenHookCommand):
            return None
        name = command.hook if isinstance(command, ReceiveCommand) else command.name
        first = self._hook_types.setdefault(name, command.type)
        if first == command.type:
            return None
        return ValueError(f"hook {name!r} was opened with the type {first!r} and cannot have {command.type!r} now")

    def _settle(self, leaf: Leaf, result: Result) -> None:
        self._running.settle(leaf, result)

    @property
    def _running(self) -> Tree:
        assert self.tree is not None  # the first fact of any log starts it
        return self.tree


def _fresh(default: Any) -> Any:
    """A hook may be declared once for all runs: what one of them does to its default is not another's."""
    try:
        return deepcopy(default)
    except (TypeError, CopyError):
        return default
