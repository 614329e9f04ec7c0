"""What must hold between runs after every single action: children, sends, generations, debts."""

from __future__ import annotations

from collections import Counter
from typing import Any

from attrs import define, evolve, field

from tests.engine.invariants import Watch
from tests.engine.world import World
from yieldflow.core.chain import chain_of, generation, predecessor, successor
from yieldflow.core.commands import Send, StartChild
from yieldflow.core.events import (
    CancelRequested,
    CommandAbandoned,
    CommandIssued,
    CommandResolved,
    Event,
    HookReceived,
    Next,
    RetryOf,
    RunStarted,
)
from yieldflow.core.outcome import Cancelled, ContinuedAs, Err, Ok, Taken
from yieldflow.core.path import Path, show
from yieldflow.engine.live import Cache
from yieldflow.engine.planning import child_id

Place = tuple[str, Path]  # a command: a run and a path


@define(eq=False)
class Relations:
    world: World
    watches: dict[str, Watch] = field(factory=dict)
    commands: dict[Place, StartChild | Send] = field(factory=dict)
    children: dict[Place, str] = field(factory=dict)  # the run that was started for a command
    let_go: set[Place] = field(factory=set)
    answers: dict[Place, Any] = field(factory=dict)
    received: Counter[str] = field(factory=Counter)  # how often each key
    tasks: set[tuple[str, Place]] = field(factory=set)  # how spawned tasks were seen
    met: Counter[str] = field(factory=Counter)

    def look(self, caches: list[Cache]) -> None:
        for run_id in self.world.runs:
            if run_id not in self.watches:
                self.watches[run_id] = Watch(self.world, run_id)
            watch = self.watches[run_id]
            before = len(watch.events)
            new = watch.look(caches)
            if new:
                self._tasks(watch)
            for number, event in enumerate(new, before + 1):
                if number > watch.copied or number == 1:
                    self._meet(watch, event)
                elif isinstance(event, CommandIssued) and isinstance(event.command, StartChild | Send):
                    self.commands[run_id, event.path] = event.command
                elif isinstance(event, CommandAbandoned):
                    self.let_go.add((run_id, event.path))
        for watch in self.watches.values():
            if watch.run.ended is not None:
                self._pays(watch)

    def copy(self) -> Relations:
        return evolve(
            self,
            watches={run_id: watch.copy() for run_id, watch in self.watches.items()},
            commands={**self.commands},
            children={**self.children},
            let_go={*self.let_go},
            answers={**self.answers},
            received=Counter(self.received),
        )

    def _tasks(self, watch: Watch) -> None:
        """What its branches have spawned, as it stands."""
        for branch in watch.waiting:
            seen = [("tasks", task) for task in branch.tasks]
            seen += [("tasks that failed before anybody asked", task) for task in branch.failed]
            for how, task in seen:
                self.met[how] += (how, (watch.run_id, task.path)) not in self.tasks
                self.tasks.add((how, (watch.run_id, task.path)))

    # --- one new event ------------------------------------------------------------------------------------------

    def _meet(self, watch: Watch, event: Event) -> None:
        if isinstance(event, CommandAbandoned):
            above = {("tasks", (watch.run_id, event.path[:length])) for length in range(len(event.path) + 1)}
            self.met["commands of tasks let go"] += bool(above & self.tasks)
        match event:
            case RunStarted():
                self._started(watch, event)
            case CommandIssued(path=path, command=StartChild() | Send() as command):
                self.commands[watch.run_id, path] = command
            case CommandAbandoned(path=path) if isinstance(self._command(watch, path), StartChild):
                place = (watch.run_id, path)
                self.let_go.add(place)
                self.met["let go"] += 1
                self.met["let go before it was started"] += place not in self.children
            case CommandResolved(path=path, outcome=outcome) if (command := self._command(watch, path)) is not None:
                self.answers[watch.run_id, path] = outcome
                if isinstance(command, StartChild):
                    self._heard(watch, path, command, outcome)
            case HookReceived(key=key) if not isinstance(watch.run.started.cause, RetryOf) or not self._told(
                watch, key
            ):
                self.received[key] += 1
                assert self.received[key] == 1, f"{key} was delivered twice"
            case _:
                pass

    def _told(self, watch: Watch, key: str) -> bool:
        """The generation that is retried holds it already."""
        return key in _keys(self.watches[predecessor(watch.run_id)].events)

    def _command(self, watch: Watch, path: Path) -> StartChild | Send | None:
        return self.commands.get((watch.run_id, path))

    def _started(self, watch: Watch, event: RunStarted) -> None:
        chain, number = chain_of(watch.run_id)
        if number > 1:
            self._goes_on(self.watches[predecessor(watch.run_id)], event)
            return
        if event.parent is None:
            return
        place = (event.parent.run_id, event.parent.path)
        parent = self.watches[event.parent.run_id]
        command = next(
            found.command for found in parent.events if isinstance(found, CommandIssued) and found.path == place[1]
        )
        assert place not in self.children, f"{place} has two children"
        assert child_id(parent.run.started, place[1], command) == chain
        self.children[place] = chain
        self.met["detached" if event.parent.detached else "children"] += 1
        self.met["grandchildren"] += parent.run.started.parent is not None

    def _goes_on(self, former: Watch, event: RunStarted) -> None:
        """Nothing is lost between generations: payloads in their order, data, what was told of the chain."""
        ended, started = former.run.ended, former.run.started
        assert ended is not None
        assert (event.parent, dict(event.tags)) == (started.parent, dict(started.tags))
        if isinstance(event.cause, RetryOf):
            assert isinstance(ended.outcome, Err)
            assert _keys(self.watches[event.run_id].events) == _keys(former.events), "a payload is lost in a retry"
            self.met["retries"] += 1
            self.met["payloads after the cut"] += len(_keys(former.events[event.cause.position :]))
            return
        assert isinstance(event.cause, Next)
        assert event.cause.run_id == former.run_id
        goes_on = evolve(ended.outcome, cancel=None)  # what that says is heard by the next one at once
        assert goes_on == ContinuedAs(event.run_id, event.workflow, event.arguments, event.version)
        assert (event.at, event.deadline) == (ended.at, started.deadline)
        assert dict(event.data) == former.run.data
        unread = _unread(former.events)
        assert {name: list(payloads) for name, payloads in event.inbox.items()} == unread
        self.met["continued"] += 1
        self.met["payloads carried"] += sum(map(len, unread.values()))

    def _heard(self, watch: Watch, path: Path, command: StartChild, outcome: Any) -> None:
        """A parent hears how its child's chain has ended, or that the id is another's."""
        child = child_id(watch.run.started, path, command)
        mine = self.children.get((watch.run_id, path)) == child
        refused = isinstance(outcome, Err) and outcome.failure.names[0].endswith(":RunExists")
        never_begun = isinstance(outcome, Cancelled) and (watch.run_id, path) in self.let_go
        if not mine and (refused or never_begun):
            self.met["ids of others"] += 1
            return
        assert mine, f"{child} is not the child of {watch.run_id} at {path}"
        if command.detached:
            return
        self.met["reported"] += 1
        ends = [run.run.outcome for run in self.chain(child) if not isinstance(run.run.outcome, ContinuedAs)]
        assert outcome in ends, f"{child} has ended otherwise: {ends}, not {outcome}"

    # --- debts -----------------------------------------------------------------------------------------------------

    def _pays(self, watch: Watch) -> None:
        """A run that has ended has an alarm while it owes something."""
        if self._debts(watch):
            self.met["debts seen"] += 1
            stored = self.world.store._runs[watch.run_id]
            watch.rings_in_time(stored, self.world.clock.at)

    def _debts(self, watch: Watch) -> bool:
        outcome, parent = watch.run.outcome, watch.run.started.parent
        if isinstance(outcome, ContinuedAs):
            return outcome.run_id not in self.watches
        if watch.terminated and any(map(self._lives_on, self.children_of(watch))):
            return True
        if parent is None or parent.detached:
            return False
        heir = self.watches[parent.run_id]
        return heir.run.ended is None and parent.path in heir.run.open

    def children_of(self, watch: Watch) -> list[str]:
        """Those that it was to take with it."""
        return [
            self.children[watch.run_id, path]
            for path, pending in watch.run.open.items()
            if isinstance(pending.issued.command, StartChild)
            and pending.issued.command.cancels
            and (watch.run_id, path) in self.children
        ]

    def _lives_on(self, chain: str) -> bool:
        """Nobody has told it that its parent was terminated, and it has not ended; retried later it is on its own."""
        runs = self.chain(chain)
        told = any(isinstance(event, CancelRequested) for run in runs for event in run.events)
        return not told and all(run.run.ended is None or isinstance(run.run.outcome, ContinuedAs) for run in runs)

    def chain(self, chain: str) -> list[Watch]:
        found = []
        while (watch := self.watches.get(generation(chain, len(found) + 1))) is not None:
            found.append(watch)
        return found

    # --- at the end ------------------------------------------------------------------------------------------------

    def have_ended(self) -> None:
        for watch in self.watches.values():
            watch.has_ended()
            outcome = watch.run.outcome
            assert self.world.read(watch.run_id).alarm is None, f"{watch.run_id} rings: {outcome}"
            if isinstance(outcome, ContinuedAs):
                assert successor(watch.run_id) in self.watches
            if watch.run.ended is not None:
                assert not self._debts(watch), f"{watch.run_id} still owes something"
            for path, pending in watch.run.open.items() if watch.run.ended is None else ():
                if isinstance(pending.issued.command, StartChild):
                    child = self.chain(self.children[watch.run_id, path])[-1]
                    assert child.run.ended is None, f"{watch.run_id} waits for {child.run_id}"
        sent: dict[str, list[Any]] = {}
        for (run_id, path), command in self.commands.items():
            if isinstance(command, Send):
                key, answer = self._send(run_id, path)
                sent.setdefault(key, []).append(answer)
        for key, answers in sent.items():
            self._sent(key, answers)

    def _send(self, run_id: str, path: Path) -> tuple[str, Any]:
        """A command that a retry has copied is the same one: it counts once in both generations."""
        watch = self.watches[run_id]
        cause, issuer = watch.run.started.cause, run_id
        if isinstance(cause, RetryOf) and _issued_at(watch, path) <= watch.copied:
            issuer = cause.run_id
        return f"{issuer}/{show(path)}", self.answers.get((run_id, path))

    def _sent(self, key: str, answers: list[Any]) -> None:
        count = self.received[key]
        if any(isinstance(answer, Ok) for answer in answers):
            self.met["sends"] += 1
            assert count == 1, f"the payload {key} was lost"
        elif all(isinstance(answer, Err) for answer in answers):
            self.met[f"sends: {answers[0].failure.names[0].split(':')[1]}"] += 1
            assert count == 0, f"the payload {key} was delivered, and refused"
        else:
            assert count <= 1


def _issued_at(watch: Watch, path: Path) -> int:
    return next(
        number
        for number, event in enumerate(watch.events, 1)
        if isinstance(event, CommandIssued) and event.path == path
    )


def _keys(events: list[Event]) -> list[str]:
    return [event.key for event in events if isinstance(event, HookReceived)]


def _unread(events: list[Event]) -> dict[str, list[bytes]]:
    """By the log alone, in the order in which they came."""
    started = events[0]
    assert isinstance(started, RunStarted)
    carried = [(name, payload) for name, several in started.inbox.items() for payload in several]
    waiting = {-number: payload for number, payload in enumerate(carried)}
    for position, event in enumerate(events, 1):
        match event:
            case HookReceived(name=name, payload=payload):
                waiting[position] = (name, payload)
            case CommandResolved(outcome=Taken(taken)):
                del waiting[taken]
            case _:
                pass
    unread: dict[str, list[bytes]] = {}
    for name, payload in waiting.values():
        unread.setdefault(name, []).append(payload)
    return unread
