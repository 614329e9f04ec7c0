"""A replayer that knows nothing of yieldflow's interpreter: it says whether a log can be that of a program.

`Replayer.takes` is the judgement, in twenty lines. Below it stands who performs the generators, by rulings 19, 20, 22,
23 and 31: one queue, first in, first out. Not known here: tasks, shields, conditions, limits, patches, and children
that are cancelled with their parent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from attrs import define, field

from tests.core.harness import CODEC
from tests.deep.detection_commands import asks, written
from yieldflow.authoring.loaded import loaded
from yieldflow.core import answers
from yieldflow.core.asks import (
    MISSING,
    ContinueCommand,
    DetachCommand,
    GetDataCommand,
    Hook,
    OpenHookCommand,
    Question,
    ReceiveCommand,
    RunInfo,
    SendCommand,
    SetDataCommand,
    SleepCommand,
    StepCall,
    WorkflowCall,
)
from yieldflow.core.chain import chain_of, child
from yieldflow.core.combinators import Gather, Race, Timeout
from yieldflow.core.events import (
    CancelRequested,
    CommandAbandoned,
    CommandIssued,
    CommandResolved,
    Event,
    HookReceived,
    RunFinished,
    RunStarted,
    is_fact,
)
from yieldflow.core.failures import thrown
from yieldflow.core.outcome import Cancelled as CancelledOutcome
from yieldflow.core.outcome import Err, Expired, Ok, Taken
from yieldflow.core.path import Path, show
from yieldflow.core.run import Run
from yieldflow.core.times import moment
from yieldflow.errors import Cancelled, RunCancelled, RunFailed, StepFailed, TimedOut, Undecodable


def parts_at(program: Any, log: Iterable[Event]) -> int | None:
    """The position of the first event that is not the generator's *program*; None: it may have written all of them."""
    replayer = Replayer(Node((), None, program))
    try:
        return next((position for position, event in enumerate(log, 1) if not replayer.takes(event)), None)
    finally:
        replayer.close()


@define(eq=False)
class Node:
    """A generator, a combinator or a command; *result*: whether it is an answer, and the answer or the exception."""

    path: Path
    parent: Node | None
    item: Any
    children: list[Node] = field(factory=list)
    left: int = 0
    begun: bool = False
    closing: tuple[bool, Any] | None = None
    result: tuple[bool, Any] | None = None
    awaits: Node | None = None  # of a generator, like all that follows
    asked: int = 0
    held: bool = False
    counts: dict[str, int] = field(factory=dict)

    @property
    def is_group(self) -> bool:
        return isinstance(self.item, Gather | Race | Timeout)

    @property
    def is_branch(self) -> bool:
        return hasattr(self.item, "send")


@define(eq=False)
class Replayer:
    root: Node
    run: Run = field(factory=Run)
    asked: dict[Path, tuple[Any, ...]] = field(factory=dict)  # and not yet written
    taken: dict[Path, int] = field(factory=dict)  # likewise
    let_go: set[Path] = field(factory=set)  # open in the log, and wanted by nobody
    waits: dict[Path, Node] = field(factory=dict)
    kept: list[tuple[int, Event]] = field(factory=list)
    ready: deque[Node] = field(factory=deque)
    turn: Node | None = None
    payloads: dict[str, deque[tuple[int, bytes]]] = field(factory=dict)
    waiters: dict[str, list[Node]] = field(factory=dict)
    types: dict[str, Any] = field(factory=dict)
    data: dict[str, bytes] = field(factory=dict)
    generators: list[Any] = field(factory=list)

    def takes(self, event: Event) -> bool:
        """False: another command stands at a recorded path, or the log tells what this program did not do."""
        match event:
            case CommandIssued(path=path, command=command) if self.asked.pop(path, None) != written(command):
                return False
            case CommandResolved(path=path, outcome=Taken(position)) if self.taken.pop(path, None) != position:
                return False
            case CommandResolved(path=path, outcome=outcome):
                self.let_go.discard(path)
                if path in self.taken and not isinstance(outcome, Taken):
                    return False
            case CommandAbandoned(path=path) if path not in self.let_go:
                return False
            case CommandAbandoned(path=path):
                self.let_go.remove(path)
            case RunFinished(outcome=outcome) if self.root.result is None:
                return isinstance(outcome, CancelledOutcome) and outcome.forced
        self.run.add(event)
        if is_fact(event):
            self.tell(event)
        return True

    def tell(self, fact: Event) -> None:
        self.kept.append((self.run.length, fact))
        while self.kept and not self.run.paused:
            position, event = self.kept.pop(0)
            match event:
                case RunStarted(data=data):
                    for number, payload in self.run.unread.items():
                        self.payloads.setdefault(payload.name, deque()).append((number, payload.payload))
                    self.data.update(data)
                    self.ready.append(self.root)
                case CommandResolved(path=path) if path in self.waits:
                    self.resolve(self.waits.pop(path), event)
                case HookReceived(name=name, payload=payload):
                    self.payloads.setdefault(name, deque()).append((position, payload))
                    self.deliver(name)
                case CancelRequested():
                    self.cancel(self.root)
            self.perform()

    # --- by the book ----------------------------------------------------------------------------------------------

    def perform(self) -> None:
        while self.ready:
            node = self.ready.popleft()
            if node.result is None:
                self.begin(node)
            elif node.parent is not None and node.parent.is_branch:
                self.resume(node.parent, *node.result)
            elif node.parent is not None:
                self.ended(node.parent, node, node.result)

    def begin(self, node: Node) -> None:
        node.begun = True
        if node.is_branch:
            self.resume(node, True, None)
            return
        self.turn = node
        match node.item:
            case SetDataCommand(key=key, value=value):
                del self.waits[node.path]
                self.data[key] = CODEC.encode(value, Any)
                node.result = True, None
            case OpenHookCommand(name=name, type=kind):
                del self.waits[node.path]
                node.result = True, self.hook(name, kind)
            case ReceiveCommand(hook=name):
                self.deliver(name)
        self.turn = None
        if node.result is not None:
            self.ready.appendleft(node)

    def resume(self, branch: Node, answered: bool, value: Any) -> None:
        branch.awaits = None
        while True:
            try:
                item = branch.item.send(value) if answered else branch.item.throw(value)
            except StopIteration as returned:
                return self.settle(branch, True, returned.value)
            except BaseException as error:
                return self.settle(branch, False, error)
            if branch.held:
                branch.held, answered, value = False, False, Cancelled()
            elif isinstance(item, Question | GetDataCommand):
                answered, value = True, self.answer(branch, item)
            elif isinstance(item, ContinueCommand):
                return self.settle(branch, True, None)
            else:
                branch.asked += 1
                branch.awaits = self.build(item, branch, (*branch.path, branch.asked))
                return None

    def build(self, item: Any, parent: Node, path: Path) -> Node:
        node = Node(path, parent, item)
        if node.is_group:
            parts = (item.ask, SleepCommand(item.when, item.end)) if isinstance(item, Timeout) else item.asks
            node.left = len(parts)
            node.children = [self.build(part, node, (*path, number)) for number, part in enumerate(parts, 1)]
            if not parts:
                self.settle(node, True, ())
        else:
            self.generators += [item] if node.is_branch else []
            if not node.is_branch:
                self.ask(node)
            self.ready.append(node)
        return node

    def ask(self, leaf: Node) -> None:
        if isinstance(leaf.item, ReceiveCommand | OpenHookCommand):
            name = leaf.item.hook if isinstance(leaf.item, ReceiveCommand) else leaf.item.name
            first = self.types.setdefault(name, leaf.item.type)
            if first != leaf.item.type:
                clash = f"hook {name!r} was opened with the type {first!r} and cannot have {leaf.item.type!r} now"
                leaf.result = False, ValueError(clash)
                return
        self.asked[leaf.path] = asks(leaf.item)
        self.waits[leaf.path] = leaf
        if isinstance(leaf.item, ReceiveCommand):
            self.waiters.setdefault(leaf.item.hook, []).append(leaf)

    def settle(self, node: Node, answered: bool, value: Any) -> None:
        node.result = answered, value
        if node is not self.turn:
            self.ready.append(node)

    def ended(self, group: Node, child: Node, result: tuple[bool, Any]) -> None:
        group.left -= 1
        if group.closing is not None:
            group.closing = worse(group.closing, result)
        elif (outcome := decides(group, child, result)) is not None:
            group.closing = outcome
            for one in group.children:
                self.cancel(one)
        if group.left == 0:
            values = tuple(one.result[1] for one in group.children if one.result is not None)
            self.settle(group, *(group.closing or (True, values)))

    def cancel(self, node: Node) -> None:
        if node.result is not None or node.closing is not None:
            return
        if node.is_group:
            node.closing = False, Cancelled()
            for one in node.children:
                self.cancel(one)
        elif node.is_branch and node.begun:
            awaited = node.awaits
            if awaited is None or awaited.result is not None or awaited.closing is not None:
                node.held = True
            else:
                self.cancel(awaited)
        else:
            self.drop(node)
            node.result = False, Cancelled()
            if node.begun and node is not self.turn:
                self.ready.append(node)

    def drop(self, node: Node) -> None:
        if node.is_branch:
            node.item.close()
        elif self.waits.pop(node.path, None) is not None:
            if self.asked.pop(node.path, None) is None and node.path in self.run.open:
                self.let_go.add(node.path)
            self.leave(node)

    def leave(self, leaf: Node) -> None:
        if isinstance(leaf.item, ReceiveCommand):
            self.waiters[leaf.item.hook].remove(leaf)

    def close(self) -> None:
        for generator in (*reversed(self.generators), self.root.item):
            while generator.gi_frame is not None:
                with suppress(RuntimeError):  # it asks in a `finally`
                    generator.close()

    # --- answers ----------------------------------------------------------------------------------------------------

    def resolve(self, leaf: Node, event: CommandResolved) -> None:
        self.leave(leaf)
        match event.outcome:
            case Ok(value):
                kind: Any = str if isinstance(leaf.item, DetachCommand) else int
                kind = leaf.item.definition.returns if isinstance(leaf.item, StepCall | WorkflowCall) else kind
                self.settle(leaf, True, None if isinstance(leaf.item, SleepCommand) else CODEC.decode(value, kind))
            case Err(failure):
                if isinstance(leaf.item, StepCall):
                    said = failure.message, failure.traceback, show(leaf.path)
                    failed: Any = StepFailed(leaf.item.definition.name, event.attempt, *said)
                else:
                    failed = RunFailed(self.child(leaf), failure.message, show(leaf.path))
                self.settle(leaf, False, thrown(failure, failed, CODEC, loaded))
            case Expired():
                default = leaf.item.default
                late = TimedOut(f"nothing came for {leaf.item!r}")
                self.settle(leaf, default is not MISSING, late if default is MISSING else default)
            case CancelledOutcome(reason):
                self.settle(leaf, False, RunCancelled(self.child(leaf), reason))

    def deliver(self, name: str) -> None:
        """The next payload that fits, to whoever has waited longest."""
        payloads, waiters = self.payloads.get(name), self.waiters.get(name)
        while payloads and waiters:
            position, payload = payloads.popleft()
            with suppress(Undecodable):
                value = CODEC.decode(payload, waiters[0].item.type)
                leaf = waiters.pop(0)
                del self.waits[leaf.path]
                self.taken[leaf.path] = position
                return self.settle(leaf, True, value)
        return None

    def answer(self, branch: Node, question: Any) -> Any:
        started = self.run.started
        assert started is not None
        if isinstance(question, GetDataCommand):
            found = self.data.get(question.key)
            return question.default if found is None else CODEC.decode(found, question.type)
        count = branch.counts[question.kind] = branch.counts.get(question.kind, 0) + 1
        match question.kind:
            case "now":
                return moment(self.run.time)
            case "run_info":
                chain, number = chain_of(started.run_id)
                times = moment(started.at), None, dict(started.tags), self.run.fed
                return RunInfo(chain, number, started.workflow, *times, continue_suggested=False)
            case kind:
                return getattr(answers, kind)(started.seed, show(branch.path), count)

    def hook(self, name: str, kind: Any) -> Hook[Any]:
        started = self.run.started
        assert started is not None
        seed = started.seed if started.token_seed is None else started.token_seed
        return Hook(name, answers.hook_token(seed, chain_of(started.run_id)[0], name), None, kind)

    def child(self, leaf: Node) -> str:
        started = self.run.started
        assert started is not None
        return "other" if isinstance(leaf.item, SendCommand) else child(started.run_id, leaf.path)


def decides(group: Node, child: Node, result: tuple[bool, Any]) -> tuple[bool, Any] | None:
    answered, value = result
    match group.item:
        case Gather(return_exceptions=keeps):
            return None if answered or (keeps and isinstance(value, Exception)) else result
        case Race():
            return (True, (group.children.index(child), value)) if answered else result
        case Timeout() as command if child is group.children[1]:
            named = getattr(command.ask, "__name__", "what was asked")
            if isinstance(command.ask, StepCall | WorkflowCall):
                named = command.ask.definition.name
            late = TimedOut(f"{named} took longer than {command.when}")
            return (False, late) if command.default is MISSING else (True, command.default)
    return result


def worse(outcome: tuple[bool, Any], late: tuple[bool, Any]) -> tuple[bool, Any]:
    answered, error = late
    if answered or isinstance(error, Cancelled):
        return outcome
    if outcome[0]:
        return late
    outcome[1].add_note(f"and then, while cleaning up: {type(error).__name__}: {error}")
    return outcome
