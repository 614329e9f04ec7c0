"""What became of each thing a run asked for, in the order of asking: folded from its log, without its program.

Every event costs the same. It is strict, as the fold of the core is, and knows of no clock and no worker but
those that the log names.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, assert_never

from attrs import define, field, frozen

from yieldflow.core.chain import child, issuer
from yieldflow.core.commands import (
    CallStep,
    MarkPatch,
    OpenHook,
    Receive,
    Respond,
    Send,
    SetData,
    Sleep,
    StartChild,
)
from yieldflow.core.events import (
    AttemptFailed,
    CommandAbandoned,
    CommandIssued,
    CommandResolved,
    Event,
    HookReceived,
    RunStarted,
    fork_of,
)
from yieldflow.core.outcome import Cancelled, Err, Expired, Failure, Ok, Taken
from yieldflow.core.path import Path
from yieldflow.core.run import Run
from yieldflow.core.times import Millis
from yieldflow.engine.planning import child_id

MOST_TRIES = 20  # of an item: what is kept of a step that is tried for ever

Kind: TypeAlias = Literal["step", "sleep", "hook", "child", "send", "data", "patch", "response"]
State: TypeAlias = Literal["open", "opened", "set", "completed", "failed", "cancelled", "timed out", "abandoned"]
"""opened: a hook, by `open_hook`, which has no end of its own; set: data, or the mark of a patch."""


@frozen
class Try:
    """An attempt that failed, or lost its worker."""

    number: int  # as people count: a lost worker uses up none
    at: Millis
    took: Millis | None
    failure: Failure
    worker: str | None
    lost: bool


@define
class Item:
    """One command of the log and how it stands."""

    path: Path
    kind: Kind
    name: str  # of the step or hook, as the log has it
    label: str  # what people call it
    position: int
    issued_at: Millis
    state: State = "open"
    attempt: int = 1  # the next one, the one under way, or the last one
    attempts: int | None = None  # at most so many; None: no limit
    losses: int = 0  # attempts that lost their worker; they use up none
    queue: str | None = None
    wakes_at: Millis | None = None  # the end of a wait, or the next attempt
    began_at: Millis | None = None  # of the last attempt that has ended
    ended_at: Millis | None = None
    error: Failure | None = None  # of the last attempt that failed
    worker: str | None = None
    given: bytes | None = None  # the arguments
    answer: bytes | None = None
    failed: list[Try] = field(factory=list)  # its attempts, the last ones
    run_id: str | None = None  # of a child
    detached: bool = False  # a child that nobody waits for
    replaced: bool = False  # its answer is another one in this fork than in the run that was forked

    @property
    def tries(self) -> int:
        """The number of the attempt among those that count."""
        return self.attempt - self.losses


@define
class Timeline:
    """The fold of the core, and beside it what only people want to know."""

    run: Run = field(factory=Run)
    items: dict[Path, Item] = field(factory=dict)
    received: dict[str, int] = field(factory=dict)  # hook name -> how many payloads came
    opened: dict[str, Millis] = field(factory=dict)  # hook name -> since when
    steps: int = 0  # that are known and not abandoned
    completed: int = 0  # of them; failed ones included, for they have ended

    def add(self, event: Event) -> None:
        """Raises `ImpossibleEvent`, and is then as it was before the event, but for the fold of the core."""
        taken = self._taken(event)
        self.run.add(event)
        match event:
            case CommandIssued():
                self._issue(event)
            case CommandResolved(path=path):
                self._resolve(self.items[path], event, taken)
            case AttemptFailed(path=path):
                _fail(self.items[path], event)
            case CommandAbandoned(path=path, at=at):
                item = self.items[path]
                item.state, item.ended_at = "abandoned", at
                self.steps -= item.kind == "step"
            case HookReceived(name=name):
                self.received[name] = self.received.get(name, 0) + 1
            case _:
                pass

    def open_items(self) -> list[Item]:
        return [self.items[path] for path in self.run.open]

    def _taken(self, event: Event) -> bytes | None:
        """The payload that an event hands over: the fold keeps only those that nobody has read."""
        if not isinstance(event, CommandResolved) or not isinstance(event.outcome, Taken):
            return None
        received = self.run.unread.get(event.outcome.position)
        return None if received is None else received.payload

    def _issue(self, event: CommandIssued) -> None:
        pending = self.run.open.get(event.path)
        item = _item(event, self.run.length, None if pending is None else pending.wakes_at)
        if item.kind == "step" and item.queue is None and self.run.started is not None:
            item.queue = self.run.started.limits.step_queue or self.run.started.queue
        self.items[event.path] = item
        self.steps += item.kind == "step"
        if isinstance(event.command, StartChild):
            assert self.run.started is not None
            item.run_id = child_id(self.run.started, event.path, event.command)
        if item.kind == "hook" and event.path not in self.run.local:
            self.opened.setdefault(item.name, event.at)

    def _resolve(self, item: Item, event: CommandResolved, taken: bytes | None) -> None:
        item.ended_at, item.began_at, item.worker = event.at, event.started_at, event.worker
        self.completed += item.kind == "step"
        item.replaced = self.run.started is not None and _is_replaced(self.run.started, item.path, self.run.length)
        if item.kind == "child":
            self._name_as_it_ended(item)
        match event.outcome:
            case Ok() if item.kind == "hook":  # its token is reserved
                item.state = "opened"
                self.opened.setdefault(item.name, event.at)
            case Ok(value):
                item.state, item.answer = "completed", None if item.kind == "sleep" else value
            case Err(failure):
                item.state, item.error = "failed", failure
            case Expired():
                item.state = "timed out"
            case Taken():
                item.state, item.answer = "completed", taken
            case Cancelled():
                item.state = "cancelled"
            case _:
                assert_never(event.outcome)

    def _name_as_it_ended(self, item: Item) -> None:
        """What is copied from another log was the child of that one's run."""
        started, own = self.run.started, item.run_id
        assert started is not None
        assert own is not None
        if own == child(started.run_id, item.path):
            item.run_id = child(_issuer(started, self.run.length), item.path)


def _is_replaced(started: RunStarted, path: Path, position: int) -> bool:
    fork = fork_of(started.cause)
    while fork is not None and position <= fork.position:
        if path in fork.replaced:
            return True
        fork = fork.before
    return False


def _issuer(started: RunStarted, position: int) -> str:
    """Whose log an event was written to first."""
    fork = fork_of(started.cause)
    if fork is None or position > fork.position:
        return issuer(started.run_id, started.anew, position)
    while fork.before is not None and position <= fork.before.position:
        fork = fork.before
    return issuer(fork.run_id, [cut for cut in started.anew if cut <= fork.position], position)


def short(name: str) -> str:
    """`module:qualname` as people call it."""
    return name.rpartition(":")[2]


def _item(event: CommandIssued, position: int, wakes_at: Millis | None) -> Item:
    at, path = event.at, event.path
    match event.command:
        case CallStep(name, arguments, options):
            label = options.label or short(name)
            item = Item(path, "step", name, label, position, at, attempts=options.attempts)
            item.given, item.queue = arguments, options.queue
            return item
        case Sleep():
            return Item(path, "sleep", "sleep", "sleep", position, at, wakes_at=wakes_at)
        case OpenHook(name, token):
            return Item(path, "hook", name, name, position, at, "opened" if token is None else "open")
        case Respond(hook, _, value):
            return Item(path, "response", hook, hook, position, at, "set", given=value)
        case Receive(hook):
            return Item(path, "hook", hook, hook, position, at, wakes_at=wakes_at)
        case SetData(key, value):
            return Item(path, "data", key, key, position, at, "set", given=value)
        case MarkPatch(change_id):
            return Item(path, "patch", change_id, change_id, position, at, "set")
        case StartChild(workflow, arguments):
            item = Item(path, "child", workflow, short(workflow), position, at, given=arguments)
            item.detached = event.command.detached
            return item
        case Send(run_id, hook, payload):
            return Item(path, "send", hook, f"{run_id} {hook}", position, at, given=payload)
        case _:
            assert_never(event.command)


def _fail(item: Item, event: AttemptFailed) -> None:
    took = None if event.started_at is None else event.at - event.started_at
    item.failed.append(Try(item.tries, event.at, took, event.failure, event.worker, event.reason == "lost"))
    del item.failed[:-MOST_TRIES]
    item.attempt = event.attempt + 1
    item.losses += event.reason == "lost"
    item.error, item.wakes_at = event.failure, event.retry_at
    item.began_at, item.worker = event.started_at, event.worker
