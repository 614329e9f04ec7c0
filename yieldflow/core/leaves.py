"""The commands that a program waits for: how each is asked, what answers it at once, and what a fact makes of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, assert_never

from attrs import define, evolve, field

from yieldflow.core import chain
from yieldflow.core.asks import (
    MISSING,
    Command,
    DetachCommand,
    GetDataCommand,
    Hook,
    OpenHookCommand,
    PatchedCommand,
    Question,
    ReceiveCommand,
    RespondCommand,
    SendCommand,
    SetDataCommand,
    StepCall,
    StepDefinition,
    WorkflowCall,
    WorkflowDefinition,
)
from yieldflow.core.commands import ChildOptions, SetData
from yieldflow.core.events import RunStarted
from yieldflow.core.failures import thrown
from yieldflow.core.ledger import Ledger
from yieldflow.core.mail import Mail
from yieldflow.core.nodes import Answered, Branch, Leaf, Raised, Result
from yieldflow.core.outcome import Cancelled as CancelledOutcome
from yieldflow.core.outcome import Err, Expired, Failure, Ok
from yieldflow.core.path import Path, show
from yieldflow.core.questions import answer, hook_token, hook_url, read_data
from yieldflow.core.recording import recorded
from yieldflow.core.run import Run
from yieldflow.core.settling import fresh, interrupted
from yieldflow.core.tree import Tree
from yieldflow.core.values import Codec
from yieldflow.errors import Cancelled, HistoryFull, RunCancelled, RunFailed, StepFailed, TimedOut

FOR_CLEAN_UP = 1_000  # events that a branch may still cause once it was told that its history is full


@define(eq=False)
class Leaves:
    """What a `Tree` needs to know of recorded commands. *run* is the fold of all that was fed."""

    run: Run
    ledger: Ledger
    codec: Codec
    loaded: Callable[[str], type | None]
    where: Callable[[Path], str]
    waiting: dict[Path, Leaf] = field(factory=dict, init=False)  # asked, and not yet answered
    mail: Mail[Leaf] = field(init=False)
    data: dict[str, bytes] = field(factory=dict, init=False)  # as the program has set it
    _tree: Tree = field(init=False)
    _set: dict[Path, bytes] = field(factory=dict, init=False)  # what is asked to be set, and has not had its turn
    _types: dict[str, Any] = field(factory=dict, init=False)  # of hooks, by name
    _tokens: dict[str, str | None] = field(factory=dict, init=False)  # that hooks were opened with, by name
    _had: set[str] = field(factory=set, init=False)  # hooks with tokens of their own that were there
    _received: dict[str, int] = field(factory=dict, init=False)  # the last payload of a hook that has no response yet
    _patched: dict[str, bool] = field(factory=dict, init=False)  # the first answer holds

    def __attrs_post_init__(self) -> None:
        self.mail = Mail(self._read)

    def start(self, program: Generator[Any, Any, Any]) -> Tree:
        for position, payload in self.run.unread.items():  # what the generation before has left
            self.mail.put(payload.name, position, payload.payload)
        self.data.update(self._started.data)
        self._tree = Tree(program, self)
        return self._tree

    def close(self) -> None:
        """It is of no further use."""
        self.waiting.clear()
        del self._tree, self.mail

    def open_at(self, path: Path) -> Leaf | None:
        return self.waiting.get(path)

    def definition(self, path: Path) -> StepDefinition | WorkflowDefinition | None:
        leaf = self.waiting.get(path)
        return None if leaf is None else _called(leaf.command)

    # --- what the log holds ---------------------------------------------------------------------------------------

    def started(self, path: Path, options: ChildOptions) -> None:
        """What a child was started with holds for it, whatever the code says today: its id, and who waits for it."""
        leaf = self.waiting.get(path)
        if leaf is not None and isinstance(leaf.command, WorkflowCall):
            leaf.command = evolve(leaf.command, changed=options)
        elif leaf is not None and isinstance(leaf.command, DetachCommand):
            leaf.command = evolve(leaf.command, call=evolve(leaf.command.call, changed=options))

    def resolve(self, path: Path, outcome: Ok | Err | Expired | CancelledOutcome, attempt: int) -> None:
        leaf = self.waiting.pop(path, None)
        if leaf is None:
            return
        if not isinstance(outcome, Ok):
            self._forget(leaf.command, leaf)
        result = self._ended_late(leaf, outcome) if leaf.closing else self._result(leaf, outcome, attempt)
        self._tree.settle(leaf, result)

    def receive(self, name: str, position: int, payload: bytes) -> None:
        self.mail.put(name, position, payload)
        self._deliver(name)

    def _result(self, leaf: Leaf, outcome: Ok | Err | Expired | CancelledOutcome, attempt: int) -> Result:
        match outcome:
            case Ok() if isinstance(leaf.command, OpenHookCommand):
                self._had.add(leaf.command.name)
                return Answered(self._hook(leaf.command.name, leaf.command.type))
            case Ok(value):
                return Answered(self.codec.decode(value, _answers(leaf.command)))
            case Err(failure):
                return Raised(thrown(failure, self._failed(leaf, failure, attempt), self.codec, self.loaded))
            case Expired():
                default = leaf.command.default if isinstance(leaf.command, ReceiveCommand) else MISSING
                nothing = TimedOut(f"nothing came for {leaf.command!r}")
                return Raised(nothing) if default is MISSING else Answered(fresh(default))
            case CancelledOutcome(reason):
                return Raised(RunCancelled(self._child(leaf), reason))
            case _:
                assert_never(outcome)

    def _ended_late(self, leaf: Leaf, outcome: Ok | Err | Expired | CancelledOutcome) -> Result:
        """A child that was let go: whatever it answered, who asks it is being cancelled. Its failure is not lost: a
        branch has it as the cause, a combinator as what failed in its clean-up.
        """
        if not isinstance(outcome, Err):
            return Raised(Cancelled())
        failure = thrown(outcome.failure, self._failed(leaf, outcome.failure, 0), self.codec, self.loaded)
        return interrupted(failure) if isinstance(leaf.parent, Branch) else Raised(failure)

    def _failed(self, leaf: Leaf, failure: Failure, attempt: int) -> StepFailed | RunFailed:
        if isinstance(leaf.command, StepCall):
            name = leaf.command.definition.name
            return StepFailed(name, attempt, failure.message, failure.traceback, show(leaf.path))
        if isinstance(leaf.command, OpenHookCommand):
            return StepFailed(repr(leaf.command), 1, failure.message, None, show(leaf.path))
        return RunFailed(self._child(leaf), failure.message, show(leaf.path))

    def _child(self, leaf: Leaf) -> str:
        call = leaf.command.call if isinstance(leaf.command, DetachCommand) else leaf.command
        if isinstance(call, WorkflowCall):
            return call.changed.run_id or chain.child(self._started.run_id, leaf.path)
        assert isinstance(call, SendCommand)
        return call.run_id

    # --- what the tree asks -------------------------------------------------------------------------------------

    def at_once(self, branch: Branch, command: Command[Any]) -> Result | None:
        match command:
            case Question():
                return Answered(answer(command, branch, self.run))
            case GetDataCommand():
                return Answered(read_data(command, self.data, self.codec))
            case PatchedCommand():
                return self._patch(branch, (*branch.path, branch.asked + 1), command)
            case _:
                return None

    def open(self, leaf: Leaf) -> None:
        if isinstance(leaf.command, Hook):
            leaf.command = leaf.command.receive()
        command = leaf.command
        if isinstance(command, (Question, GetDataCommand)):
            return
        if isinstance(command, PatchedCommand):
            leaf.result = self._patch(leaf.branch, leaf.path, command)
            return
        if isinstance(command, RespondCommand):
            leaf.command = command = evolve(command, position=self._received.get(command.hook))
        refused = self._full(leaf) or self._clash(command)
        if refused is not None:
            leaf.result = Raised(refused)
            return
        asked = recorded(command, self.codec, lambda: self.where(leaf.path))
        self.ledger.ask(leaf.path, asked, _called(command))
        if isinstance(asked, SetData):
            self._set[leaf.path] = asked.value
        self.waiting[leaf.path] = leaf
        match command:
            case ReceiveCommand(hook=name):
                self.mail.wait(name, leaf)
            case RespondCommand(hook=name):
                del self._received[name]
            case _:
                pass

    def begin(self, leaf: Leaf) -> None:
        match leaf.command:
            case Question() as question:
                self._tree.settle(leaf, Answered(answer(question, leaf.branch, self.run)))
            case GetDataCommand() as question:
                self._tree.settle(leaf, Answered(read_data(question, self.data, self.codec)))
            case SetDataCommand(key=key):
                del self.waiting[leaf.path]
                self.data[key] = self._set.pop(leaf.path)
                self._tree.settle(leaf, Answered(None))
            case OpenHookCommand(name=name, type=kind, token=None):
                del self.waiting[leaf.path]
                self._tree.settle(leaf, Answered(self._hook(name, kind)))
            case RespondCommand():
                del self.waiting[leaf.path]
                self._tree.settle(leaf, Answered(None))
            case ReceiveCommand(hook=name):
                self._deliver(name)
            case _:
                pass

    def let_go(self, leaf: Leaf) -> bool:
        """What was asked and let go before it was written is not written at all; a child run is waited for."""
        if leaf.path not in self.waiting:
            return True
        written = self.ledger.is_written(leaf.path)
        if not written or leaf.path in self.run.open:  # else its end came in a pause, and is told in a moment
            self.ledger.let_go(leaf.path)
        if isinstance(leaf.command, WorkflowCall) and leaf.command.changed.on_parent_close == "cancel" and written:
            return False
        del self.waiting[leaf.path]
        self._forget(leaf.command, leaf)
        return True

    def pending(self) -> bool:
        return bool(self.waiting)

    # --- one kind each --------------------------------------------------------------------------------------------

    def _patch(self, branch: Branch, path: Path, command: PatchedCommand) -> Result:
        """At once, also where the history is full, and the mark is never let go: a replay may not wonder whether it was
        old code that passed here.
        """
        number, change_id = path[len(branch.path)], command.change_id
        known = change_id in self._patched or change_id in self.ledger.marks
        if not known and self.ledger.passed(branch.path, number):
            self._patched[change_id] = False
        if change_id in self._patched:
            return Answered(self._patched[change_id])
        branch.asked = number
        self.ledger.ask(path, recorded(command, self.codec, lambda: self.where(path)), None)
        self._patched[change_id] = True
        return Answered(value=True)

    def _read(self, leaf: Leaf, payload: bytes) -> object:
        assert isinstance(leaf.command, ReceiveCommand)
        return self.codec.decode(payload, leaf.command.type)

    def _deliver(self, name: str) -> None:
        """One payload, to whoever waits for it first: its branch goes on before the next one is handed over."""
        for leaf, position, value in self.mail.deliver(name):
            del self.waiting[leaf.path]
            self.ledger.take(leaf.path, position)
            self._received[name] = position
            self._tree.settle(leaf, Answered(value))
            break

    def _forget(self, command: Command[Any], leaf: Leaf) -> None:
        """It is let go, or has failed."""
        match command:
            case ReceiveCommand(hook=name):
                self.mail.leave(name, leaf)
            case OpenHookCommand(name=name, token=str()) if name not in self._had and not self._is_opening(name):
                self._tokens.pop(name, None)  # another one may be tried
            case _:
                pass

    def _is_opening(self, name: str) -> bool:
        asked = (leaf.command for leaf in self.waiting.values())
        return any(isinstance(one, OpenHookCommand) and one.name == name for one in asked)

    def _hook(self, name: str, kind: Any) -> Hook[Any]:
        token = hook_token(self.run, name)
        return Hook(name, token, hook_url(self.run, token), kind)

    def _clash(self, command: Command[Any]) -> ValueError | None:
        """The name is the hook: another type or token for it is a mistake at that line."""
        match command:
            case ReceiveCommand(hook=name):
                self._tokens.setdefault(name, None)
            case OpenHookCommand(name=name, token=token) if self._tokens.setdefault(name, token) != token:
                return ValueError(f"hook {name!r} was opened with another token, and has that one to its end")
            case OpenHookCommand(name=name):
                pass
            case RespondCommand(hook=name, position=None):
                return ValueError(f"hook {name!r} has received nothing that still wants a response")
            case _:
                return None
        first = self._types.setdefault(name, command.type)
        if first == command.type:
            return None
        return ValueError(f"hook {name!r} was opened with the type {first!r} and cannot have {command.type!r} now")

    def _full(self, leaf: Leaf) -> HistoryFull | None:
        """Each branch is told once; what it then asks to clean up is taken for a while."""
        limits, fed = self._started.limits, self.run.fed
        if fed < limits.history and self.run.bytes < limits.history_bytes:
            return None
        branch = leaf.branch
        told = branch.questions["full"] = branch.questions.get("full", 0) + 1
        if told > 1 and fed < limits.history + FOR_CLEAN_UP and self.run.bytes < limits.history_bytes * 2:
            return None
        return HistoryFull(fed)

    @property
    def _started(self) -> RunStarted:
        assert self.run.started is not None
        return self.run.started


def _called(command: Command[Any]) -> StepDefinition | WorkflowDefinition | None:
    match command:
        case StepCall(definition=step):
            return step
        case WorkflowCall(definition=workflow) | DetachCommand(call=WorkflowCall(definition=workflow)):
            return workflow
        case _:
            return None


def _answers(command: Command[Any]) -> Any:
    match command:
        case StepCall(definition=definition):
            return definition.returns
        case WorkflowCall(definition=definition):
            return definition.returns
        case DetachCommand():
            return str
        case SendCommand():
            return int
        case _:
            return Any
