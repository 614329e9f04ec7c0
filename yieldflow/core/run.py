"""The program-free fold: what a log says of its run, for whoever does not have the code.

Strict: an event that no yieldflow would write is refused with `ImpossibleEvent`, never skipped. Every event
costs the same, however long the log is and however many commands are open.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappush
from typing import assert_never

from attrs import define, evolve, field

from yieldflow.core.commands import (
    CallStep,
    MarkPatch,
    OpenHook,
    Receive,
    Recorded,
    Respond,
    Send,
    SetData,
    Sleep,
    StartChild,
)
from yieldflow.core.events import (
    AttemptFailed,
    CancelRequested,
    CommandAbandoned,
    CommandIssued,
    CommandResolved,
    Event,
    HookReceived,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    fork_of,
)
from yieldflow.core.outcome import Cancelled, Ending, Err, Expired, Ok, Taken
from yieldflow.core.path import ROOT, Path
from yieldflow.core.sizes import carried, failure_size
from yieldflow.core.times import Millis, ends_at
from yieldflow.errors import ImpossibleEvent


@define
class Pending:
    """A command that is issued and not yet resolved."""

    issued: CommandIssued
    position: int
    wakes_at: Millis | None = None  # the end of a wait, or the next attempt of a step
    failed: int = 0  # attempts, lost ones included
    losses: int = 0
    abandoned: bool = False  # a child that is no longer wanted: open until its end is reported
    heartbeat: bytes | None = None  # the last details of the attempts so far

    @property
    def attempt(self) -> int:
        """The number of the next attempt, or of the one under way."""
        return self.failed + 1


@define
class Run:
    """The state of a run after *length* events."""

    length: int = 0
    time: Millis = 0  # the running maximum over the facts: what `now()` answers
    fed: int = 0  # the position of the last fact that the program was told
    started: RunStarted | None = None
    open: dict[Path, Pending] = field(factory=dict)
    work: int = 0  # how many of the open ones are in the table of open work
    children: dict[Path, StartChild] = field(factory=dict)  # those of the open ones whose end is waited for
    local: dict[Path, CallStep | OpenHook] = field(factory=dict)  # those of the open ones that tenders do in a turn
    issued: set[Path] = field(factory=set)
    timers: list[tuple[Millis, Path]] = field(factory=list)  # a heap; entries of closed paths are dropped late
    unread: dict[int, HookReceived] = field(factory=dict)  # payloads no receive has taken, by position
    hooks: dict[str, OpenHook] = field(factory=dict)  # as they were opened, by name
    left: set[str] = field(factory=set)  # those of them whose own tokens stay with the run that this one is a fork of
    keys: set[str] = field(factory=set)  # of deliveries: each counts once
    data: dict[str, bytes] = field(factory=dict)
    bytes: int = 0  # of the values in the log
    cancelled: CancelRequested | None = None  # the last one
    cancelled_at: int = 0  # its position
    paused: bool = False
    ended: RunFinished | None = None

    @property
    def outcome(self) -> Ending | None:
        return None if self.ended is None else self.ended.outcome

    def add(self, event: Event) -> bool:
        """Whether it is a fact. Raises `ImpossibleEvent`, and is then of no further use."""
        if self.ended is not None:
            raise ImpossibleEvent(repr(event), "the run has ended")
        if (self.started is None) is not isinstance(event, RunStarted):
            raise ImpossibleEvent(repr(event), "a run starts once, at first")
        self.length += 1
        fact = self._apply(event)
        if fact and not self.paused:
            self.time, self.fed = max(self.time, event.at), self.length
        if self.started is not None and self.started.anew and self.length in self.started.anew:
            self._count_anew()
        return fact

    def _apply(self, event: Event) -> bool:
        """Whether it is a fact: those are fed to the program in log order."""
        match event:
            case CommandIssued():
                self._issue(event)
                return False
            case CommandResolved():
                return self._resolve(event)
            case CommandAbandoned(path=path):
                self._abandon(event, path)
                return False
            case RunFinished(outcome=outcome):
                forced = isinstance(outcome, Cancelled) and outcome.forced
                self._expect(forced or not self.open, event, "commands are open")
                self.ended = event
                return False
            case RunStarted():
                self._start(event)
            case AttemptFailed():
                self._fail(event)
            case HookReceived(key=key):
                self._once(event, f"hook:{key}")
                self.unread[self.length] = event
                self.bytes += len(event.payload)
            case CancelRequested(key=key):
                self._once(event, f"cancel:{key}")
                self.cancelled, self.cancelled_at = event, self.length
                self.paused = False
            case RunPaused():
                self._expect(not self.paused, event, "it is paused already")
                self.paused = True
            case RunResumed():
                self._expect(self.paused, event, "it is not paused")
                self.paused = False
            case _:
                assert_never(event)
        return True

    def _start(self, event: RunStarted) -> None:
        self.started = event
        self.bytes += carried(event)
        self.data.update(event.data)
        self.hooks.update({name: OpenHook(name, token) for name, token in event.tokens.items()})
        payloads = [(name, payload) for name, several in event.inbox.items() for payload in several]
        for number, (name, payload) in enumerate(payloads):  # from before this log: they have places before its first
            self.unread[-number] = HookReceived(event.at, name, payload, "")
        if event.deadline is not None:
            heappush(self.timers, (event.deadline, ROOT))

    def _count_anew(self) -> None:
        for pending in self.open.values():
            if isinstance(pending.issued.command, CallStep):
                pending.failed, pending.losses, pending.wakes_at = 0, 0, None

    def _issue(self, event: CommandIssued) -> None:
        path, command = event.path, event.command
        self._expect(path not in self.issued, event, "that path was issued before")
        self.issued.add(path)
        pending = Pending(event, self.length)
        match command:
            case CallStep(options=options) if options.local:
                self.bytes += len(command.arguments)
                self.local[path] = command
            case CallStep():
                self.bytes += len(command.arguments)
                self.work += 1
            case StartChild():
                self.bytes += len(command.arguments)
                self.work += 1
                if not command.detached:
                    self.children[path] = command
            case Send(payload=payload):
                self.bytes += len(payload)
                self.work += 1
            case OpenHook(name, None):
                known = self.hooks.get(name, command)
                self.hooks[name] = evolve(command, token=known.token)
                return  # needs no answer
            case OpenHook():
                self.local[path] = command
            case Receive(hook, timeout):
                self.hooks.setdefault(hook, OpenHook(hook))
                self._wake(path, pending, None if timeout is None else ends_at(timeout, event.at))
            case Sleep(end):
                self._wake(path, pending, ends_at(end, event.at))
            case SetData() | MarkPatch() | Respond():
                self._hold(command)
                return  # likewise
            case _:
                assert_never(command)
        self.open[path] = pending

    def _hold(self, command: SetData | MarkPatch | Respond) -> None:
        if isinstance(command, SetData):
            self.data[command.key] = command.value
        if not isinstance(command, MarkPatch):
            self.bytes += len(command.value)

    def _resolve(self, event: CommandResolved) -> bool:
        pending = self._close(event, event.path)
        command = pending.issued.command
        match event.outcome:
            case Ok(value):
                answers = isinstance(command, (CallStep, Sleep, StartChild, Send, OpenHook))
                self._expect(answers, event, "nobody may answer that")
                self.bytes += len(value)
                if isinstance(command, OpenHook):
                    self._had(pending, command)
            case Taken(position):
                payload = self.unread.pop(position, None)
                fits = isinstance(command, Receive) and payload is not None and payload.name == command.hook
                self._expect(fits, event, "there is no such payload")
                return False
            case Expired():
                self._expect(pending.wakes_at is not None and isinstance(command, Receive), event, "no time-out")
            case Err(failure):
                self._expect(isinstance(command, CallStep | StartChild | Send | OpenHook), event, "that cannot fail")
                self.bytes += failure_size(failure)
            case Cancelled():
                self._expect(isinstance(command, StartChild), event, "only child runs end cancelled")
            case _:
                assert_never(event.outcome)
        return True

    def _abandon(self, event: CommandAbandoned, path: Path) -> None:
        pending = self.open.get(path)
        if pending is not None and waits_for_its_end(pending.issued.command):
            self._expect(not pending.abandoned, event, "it is abandoned already")
            pending.abandoned = True
        else:
            self._close(event, path)

    def _close(self, event: Event, path: Path) -> Pending:
        pending = self.open.pop(path, None)
        if pending is None:
            raise ImpossibleEvent(repr(event), "that path is not open")
        match pending.issued.command:
            case CallStep() | OpenHook() if path in self.local:
                del self.local[path]
            case CallStep() | Send():
                self.work -= 1
            case StartChild():
                self.work -= 1
                self.children.pop(path, None)
            case _:
                pass
        return pending

    def _fail(self, event: AttemptFailed) -> None:
        pending = self.open.get(event.path)
        if pending is None:
            raise ImpossibleEvent(repr(event), "that path is not open")
        self._expect(isinstance(pending.issued.command, CallStep), event, "only steps have attempts")
        self._expect(event.attempt == pending.attempt, event, f"attempt {pending.attempt} was expected")
        pending.failed += 1
        pending.losses += event.reason == "lost"
        pending.heartbeat = event.heartbeat or pending.heartbeat
        self.bytes += failure_size(event.failure) + len(event.heartbeat or b"")
        self._wake(event.path, pending, event.retry_at)

    def stays_behind(self, name: str, position: int) -> bool:
        """Whether the token that the hook was opened with at that position is that of the run which this one is a fork
        of: what was asked for there stays there, and so does its name.
        """
        fork = None if self.started is None else fork_of(self.started.cause)
        return name in self.left or (fork is not None and position <= fork.position)

    def _had(self, pending: Pending, command: OpenHook) -> None:
        if self.stays_behind(command.name, pending.position):
            self.left.add(command.name)
            command = evolve(command, token=None)
        self.hooks[command.name] = command

    def _once(self, event: Event, key: str) -> None:
        self._expect(key not in self.keys, event, "a delivery counts once")
        self.keys.add(key)

    def _wake(self, path: Path, pending: Pending, at: Millis | None) -> None:
        pending.wakes_at = at
        if at is not None:
            heappush(self.timers, (at, path))

    def _expect(self, condition: bool, event: Event, reason: str) -> None:
        if not condition:
            raise ImpossibleEvent(repr(event), reason)


def waits_for_its_end(command: Recorded) -> bool:
    """Whether it stays open when it is let go: nothing outlives its combinator, also no child run."""
    return isinstance(command, StartChild) and command.cancels


def fold(events: Iterable[Event]) -> Run:
    """Raises `ImpossibleEvent`."""
    run = Run()
    for event in events:
        run.add(event)
    return run
