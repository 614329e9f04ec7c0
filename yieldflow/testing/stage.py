"""Runs on a stage: the interpreter of production over logs in memory, in virtual time, told one fact after the other.

What happens is decided by whoever directs it. There is no store, no worker and no clock; children, payloads to other
runs and next generations are played on the same stage. Nothing of a run is known here that its log does not say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from attrs import define, evolve, field

from yieldflow.authoring.loaded import loaded
from yieldflow.authoring.registry import DEFAULT
from yieldflow.core.agenda import NOTHING, due, wakes_at
from yieldflow.core.asks import StepDefinition, WorkflowCall, WorkflowDefinition
from yieldflow.core.chain import chain_of, issuer
from yieldflow.core.commands import CallStep, OpenHook, Send, StartChild
from yieldflow.core.events import (
    CancelRequested,
    CommandAbandoned,
    CommandIssued,
    CommandResolved,
    Event,
    HookReceived,
    RunFinished,
    RunStarted,
    stamped,
)
from yieldflow.core.failures import from_exception
from yieldflow.core.interpreter import Execution
from yieldflow.core.nodes import Raised
from yieldflow.core.outcome import ContinuedAs, Err, Ok
from yieldflow.core.path import Path
from yieldflow.core.run import Run
from yieldflow.core.times import Millis
from yieldflow.core.values import Arguments, Codec
from yieldflow.engine.attempts import reported, revoked
from yieldflow.engine.lineage import cancel_of, child_of, next_of
from yieldflow.engine.planning import work_of
from yieldflow.engine.reaching import key_of
from yieldflow.engine.requests import Execute, ExecuteLocal, Returned
from yieldflow.errors import HookTokenTaken, RunEnded, RunExists, UnknownRun, UnknownWorkflow, YieldflowError
from yieldflow.ports import Claimed
from yieldflow.testing.cast import Cast
from yieldflow.testing.fakes import Ending, Fakes, Real, by_name
from yieldflow.testing.replaying import replayed

STARTED: Millis = 1_767_225_600_000  # 2026-01-01, at midnight UTC
SEED = bytes(16)
WORKER = "stage"


@define(eq=False)
class Attempt:
    """One try of a step, under way."""

    part: Part
    claim: Claimed
    call: CallStep
    step: StepDefinition

    @property
    def path(self) -> Path:
        return self.claim.work.path

    @property
    def number(self) -> int:
        return self.claim.work.attempt

    @cached_property
    def request(self) -> Execute:
        started = self.part.started
        keys = issuer(started.run_id, started.anew, self.claim.work.event)
        return Execute(started.run_id, self.claim, self.call, self.step, started.tags, keys)


@define(eq=False)
class Part:
    """One generation of a run."""

    started: RunStarted
    workflow: WorkflowDefinition
    execution: Execution
    events: list[Event] = field(factory=list)
    under_way: dict[Path, Attempt] = field(factory=dict)

    @property
    def run(self) -> Run:
        return self.execution.run


def _nothing() -> None:
    pass


@define(eq=False)
class Stage:
    """*cast* plays the steps. *saw* is called after each event, of any run."""

    codec: Codec
    cast: Cast
    saw: Callable[[], None] = _nothing
    now: Millis = STARTED
    parts: dict[str, Part] = field(factory=dict)
    order: list[tuple[str, Event]] = field(factory=list)  # of all runs, as they came
    late: list[Attempt] = field(factory=list)  # that nobody waits for any more, and whose bodies may still run
    _newest: dict[str, Part] = field(factory=dict, init=False)  # of each chain
    _owed: deque[Callable[[], None]] = field(factory=deque, init=False)

    @classmethod
    def of(cls, codec: Codec, steps: Fakes | None) -> Stage:
        """Raises `UsageError`."""
        cast = Cast(codec, by_name(steps), steps if isinstance(steps, Real) else None, lambda: stage.now)
        stage = cls(codec, cast)
        return stage

    # --- who directs it ---------------------------------------------------------------------------------------------

    def begin(self, call: WorkflowCall[Any], run_id: str, tags: Mapping[str, str]) -> Part:
        definition = call.definition
        given = self.codec.encode_arguments(Arguments(call.args, call.kwargs), definition.parameters)
        started = RunStarted(
            self.now, run_id, definition.name, given, SEED, version=definition.version, tags=dict(tags)
        )
        timeout = call.changed.timeout
        if timeout is not None:
            started = evolve(started, deadline=self.now + timeout)
        part = self._open(started, definition)
        self._settle()
        return part

    def newest(self, run_id: str) -> Part:
        """Raises `UnknownRun`."""
        found = self._newest.get(run_id) or self._newest.get(chain_of(run_id)[0])
        if found is None:
            raise UnknownRun(run_id)
        return found

    def tell(self, part: Part, fact: Event) -> None:
        """One fact, all that it makes the program ask, and what that does to other runs."""
        self._tell(part, fact)
        self._settle()

    def send(self, run_id: str, hook: str, payload: bytes, key: str) -> int:
        """Raises `UnknownRun`, `RunEnded`."""
        position = self._send(run_id, hook, payload, key, None)
        self._settle()
        return position

    def cancel(self, run_id: str, reason: str | None, key: str = "cancel") -> None:
        """Raises `UnknownRun`, `RunEnded`."""
        self._cancel(run_id, reason, key)
        self._settle()

    def attempts(self) -> list[Attempt]:
        """Those that are under way, in the order of asking, of the runs in the order of their starts."""
        return [attempt for part in self.parts.values() if part.run.ended is None for attempt in self._of(part)]

    def finish(self, attempt: Attempt, ending: Ending) -> None:
        body = self.cast.perform(attempt.request, ending, self.cast.called(attempt.request))
        run_id = attempt.part.started.run_id
        self._ended(attempt, reported(run_id, attempt.claim, attempt.call, attempt.step, body, self.now).event)

    def finish_late(self, attempt: Attempt, ending: Ending) -> None:
        """Its body does what *ending* says, and nobody hears of it."""
        self.late.remove(attempt)
        call = self.cast.called(attempt.request)
        self.cast.perform(attempt.request, ending, call)
        call.state = "unheard"

    def lose(self, attempt: Attempt, ending: Ending | None) -> None:
        """Its worker dies: after its body did what *ending* says, or before it did anything."""
        call = self.cast.called(attempt.request)
        if ending is not None:
            self.cast.perform(attempt.request, ending, call)
        call.state = "lost"
        self._ended(attempt, self._revoked(attempt, evolve(attempt.claim, until=self.now, deadline=None)))

    def expire(self, attempt: Attempt, ending: Ending | None) -> None:
        """It takes longer than its `timeout=` allows: and does what *ending* says all the same, or nothing."""
        call = self.cast.called(attempt.request)
        if ending is not None:
            self.cast.perform(attempt.request, ending, call)
        call.state = "timed out"
        self._ended(attempt, self._revoked(attempt, evolve(attempt.claim, until=self.now, deadline=self.now)))

    def next_time(self) -> Millis | None:
        """When the clock will have something to say: the end of a wait, the next try of a step, a deadline."""
        times = [wakes_at(part.run, self.now) for part in self.parts.values() if part.run.ended is None]
        return min((at for at in times if at is not None), default=None)

    def advance(self, to: Millis) -> None:
        self.now = max(self.now, to)
        for part in tuple(self.parts.values()):
            for fact in due(part.run, self.now):
                if isinstance(fact, CancelRequested) or fact.path in part.run.open:
                    self.tell(part, fact)

    def crash(self, part: Part) -> None:
        """Its memory is gone: the program is replayed. Raises `CodeError`, and `Differs`."""
        former, part.execution = part.execution, replayed(part.workflow, part.events, self.codec)
        _close(former)

    def close(self) -> None:
        """No more happens; what it refers to can be looked at, and no longer refers to it."""
        for part in self.parts.values():
            _close(part.execution)
        now = self.now
        self.saw, self.cast.now = _nothing, lambda: now

    # --- what follows by itself ---------------------------------------------------------------------------------------

    def _settle(self) -> None:
        while self._owed:
            self._owed.popleft()()

    def _open(self, started: RunStarted, workflow: WorkflowDefinition, also: Sequence[Event] = ()) -> Part:
        part = Part(started, workflow, Execution(workflow, self.codec, loaded))
        self.parts[started.run_id] = self._newest[chain_of(started.run_id)[0]] = part
        for event in (started, *also):
            self._tell(part, event)
        return part

    def _tell(self, part: Part, fact: Event) -> None:
        self._take(part, (fact,))
        while decisions := part.execution.decide():
            self._take(part, [stamped(decision, self.now) for decision in decisions])

    def _take(self, part: Part, events: Sequence[Event]) -> None:
        part.execution.feed(events)
        part.events += events
        for event in events:
            self.order.append((part.started.run_id, event))
            self._follow(part, event)
            self.saw()

    def _follow(self, part: Part, event: Event) -> None:
        match event:
            case CommandIssued(path=path, command=CallStep() as call) if call.options.local:
                self._owed.append(lambda: self._run_local(part, path, call))
            case CommandIssued(path=path, command=OpenHook(token=str()) as opened):
                self._owed.append(lambda: self._reserve(part, path, opened))
            case CommandIssued(command=StartChild() as child):
                self._owed.append(lambda: self._start_child(part, event, child))
            case CommandIssued(path=path, command=Send() as sent):
                self._owed.append(lambda: self._send_for(part, path, sent))
            case CommandAbandoned(path=path):
                if (attempt := part.under_way.pop(path, None)) is not None:
                    self.late.append(attempt)
                if path in part.run.open:
                    self._owed.append(lambda: self._let_go(part, path))
            case RunFinished(outcome=ContinuedAs()):
                self._owed.append(lambda: self._go_on(part))
            case RunFinished():
                self._owed.append(lambda: self._tell_parent(part))
            case _:
                pass

    def _of(self, part: Part) -> Iterator[Attempt]:
        run = part.run
        if not run.work:
            return
        for path, pending in run.open.items():
            call = pending.issued.command
            if isinstance(call, CallStep) and not call.options.local and (pending.wakes_at or 0) <= self.now:
                attempt = part.under_way.get(path)
                if attempt is None or attempt.number != pending.attempt:
                    work = work_of(path, call, pending.position, part.started, pending)
                    step = part.execution.step(path)
                    assert step is not None
                    attempt = Attempt(part, work.claimed("token", WORKER, self.now), call, step)
                    part.under_way[path] = attempt
                yield attempt

    def _ended(self, attempt: Attempt, event: Event) -> None:
        attempt.part.under_way.pop(attempt.path, None)
        self.tell(attempt.part, event)

    def _revoked(self, attempt: Attempt, claim: Claimed) -> Event:
        return revoked(attempt.part.started.run_id, claim, attempt.call, attempt.step, self.now).event

    # --- between runs -------------------------------------------------------------------------------------------------

    def _run_local(self, part: Part, path: Path, call: CallStep) -> None:
        pending, step = part.run.open.get(path), part.execution.step(path)
        if pending is None or step is None:
            return
        request = ExecuteLocal(part.started.run_id, path, call, step, part.started.tags)
        body = self.cast.perform(request, self.cast.endings(step)[0], self.cast.called(request))
        outcome = Ok(body.value) if isinstance(body, Returned) else Err(body.failure)
        self._tell(part, CommandResolved(self.now, path, outcome, 1, WORKER, self.now))

    def _reserve(self, part: Part, path: Path, opened: OpenHook) -> None:
        """Unless another hook has the token, of a run that goes on."""
        if path not in part.run.open:
            return
        others = [one for one in self._newest.values() if one.run.ended is None]
        mine = chain_of(part.started.run_id)[0], opened.name
        holders = [
            (chain_of(one.started.run_id)[0], name)
            for one in others
            for name, held in one.run.hooks.items()
            if held.token == opened.token
        ]
        if any(holder != mine for holder in holders):
            self._fail(part, path, HookTokenTaken(opened.name))
        else:
            self._tell(part, CommandResolved(self.now, path, Ok(NOTHING)))

    def _start_child(self, part: Part, issued: CommandIssued, child: StartChild) -> None:
        path = issued.path
        if path not in part.run.open:
            return
        event = child_of(part.started, issued, child)
        there, workflow = self.parts.get(event.run_id), DEFAULT.workflow(child.workflow)
        if workflow is None:
            raise UnknownWorkflow(child.workflow)
        if there is not None and there.started.parent != event.parent:
            self._fail(part, path, RunExists(event.run_id, f"the workflow {there.started.workflow}"))
            return
        if there is None:
            self._open(event, workflow)
        if child.detached:
            answer = Ok(self.codec.encode(event.run_id, str))
            self._tell(part, CommandResolved(self.now, path, answer, worker=WORKER))

    def _let_go(self, part: Part, path: Path) -> None:
        """A child that nobody wants any more: it is cancelled, and its end waited for."""
        pending = part.run.open.get(path)
        if pending is None or not isinstance(pending.issued.command, StartChild):
            return
        event = child_of(part.started, pending.issued, pending.issued.command)
        if event.run_id in self.parts and self.newest(event.run_id).run.ended is None:
            self._cancel(event.run_id, f"its parent {part.started.run_id} let it go", key_of(part.started, pending))

    def _send_for(self, part: Part, path: Path, sent: Send) -> None:
        pending = part.run.open.get(path)
        if pending is None:
            return
        try:
            key = key_of(part.started, pending)
            position = self._send(sent.run_id, sent.hook, sent.payload, key, part.started.run_id)
        except YieldflowError as error:
            self._fail(part, path, error)
        else:
            self._tell(part, CommandResolved(self.now, path, Ok(self.codec.encode(position, int)), worker=WORKER))

    def _fail(self, part: Part, path: Path, error: YieldflowError) -> None:
        self._tell(part, CommandResolved(self.now, path, Err(from_exception(error, self.codec)), worker=WORKER))

    def _tell_parent(self, part: Part) -> None:
        parent, ended = part.started.parent, part.run.ended
        asking = None if parent is None or parent.detached else self.parts.get(parent.run_id)
        if asking is None or parent is None or ended is None or parent.path not in asking.run.open:
            return
        assert not isinstance(ended.outcome, ContinuedAs)
        self._tell(asking, CommandResolved(self.now, parent.path, ended.outcome))

    def _go_on(self, part: Part) -> None:
        event, cancel = next_of(part.run), cancel_of(part.run)
        workflow = DEFAULT.workflow(event.workflow) if event.workflow != part.workflow.name else part.workflow
        if workflow is None:
            raise UnknownWorkflow(event.workflow)
        self._open(event, workflow, () if cancel is None else (cancel,))

    def _send(self, run_id: str, hook: str, payload: bytes, key: str, by: str | None) -> int:
        part = self.newest(run_id)
        if part.run.ended is not None:
            raise RunEnded(run_id)
        if f"hook:{key}" not in part.run.keys:
            self._tell(part, HookReceived(self.now, hook, payload, key, by))
        return part.run.length

    def _cancel(self, run_id: str, reason: str | None, key: str) -> None:
        part = self.newest(run_id)
        if part.run.ended is not None:
            raise RunEnded(run_id)
        if f"cancel:{key}" not in part.run.keys:
            self._tell(part, CancelRequested(self.now, key, reason))


def _close(execution: Execution) -> None:
    """Also what was raised, which refers to all that was running then: thousands of these come and go."""
    result = None if execution.tree is None else execution.tree.result
    error = result.error if isinstance(result, Raised) else None
    while error is not None and error.__traceback__ is not None:
        error.__traceback__ = None
        error = error.__context__
    execution.close()
