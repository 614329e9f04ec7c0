"""`Tracing`: spans of runs, of the attempts of their steps and of their waits for hooks.

Each is sent once, by the process whose commit ended it, when that is in the log: a replay sends none. Their ids derive
from the seed of the run, so no process needs to know another one's spans. Payloads and messages stay in the store.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import TypeAlias, assert_never

from attrs import frozen
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.sdk.trace import Tracer, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Link, Span, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from yieldflow.app import App
from yieldflow.authoring.scope import inside
from yieldflow.core.chain import chain_of
from yieldflow.core.events import ForkOf, Next, RetryOf, RunStarted
from yieldflow.core.outcome import Err, Failure
from yieldflow.core.path import Path, show
from yieldflow.core.times import Millis
from yieldflow.engine.requests import Body, Execute, ExecuteLocal, Returned, Threw
from yieldflow.errors import UsageError
from yieldflow.identity import short
from yieldflow.observing.books import Books
from yieldflow.observing.retelling import retold
from yieldflow.observing.told import AttemptEnded, Births, Leave, RunBegan, RunEnded, Told, WaitEnded
from yieldflow.otel.places import CARRIER, Place, Places, below, keep, span_id
from yieldflow.ports import Commit, Holding, Refused, Reply

FLUSH: Millis = 2_000  # that the end of a stock job waits for what is not sent yet
_LOG = logging.getLogger("yieldflow.observing")
_NEXT: ContextVar[tuple[int, int] | None] = ContextVar("yieldflow span ids", default=None)

Attributes: TypeAlias = Mapping[str, str | int]


class Tracing:
    """An observer that makes spans: `App(url, observe=[Tracing()])`, or `YIELDFLOW_OBSERVE=yieldflow.otel:Tracing`.

    *provider*: a `TracerProvider` of OpenTelemetry's SDK; default the global one, as it is when the first span is made:
    while there is none, there are no spans, and that is logged once.
    *tags*: names of tags whose values are attributes of the span of a run. *carry*: a run that is started within a span
    belongs to its trace; the run has a tag `traceparent` then. Raises `UsageError` for another kind of provider.

    >>> Tracing(TracerProvider(), tags=["team"])
    <spans of runs, steps and hooks>
    """

    def __init__(
        self, provider: trace.TracerProvider | None = None, *, tags: Iterable[str] = (), carry: bool = True
    ) -> None:
        self._given = None if provider is None else _expect_sdk(provider)
        self._tags = tuple(tags)
        self._carry = carry
        self._ids = _Derived()
        self._bodies: OrderedDict[tuple[str, Path], tuple[int, Span]] = OrderedDict()  # that ended, by their attempts
        self._said: str | None = None  # why there are no spans, when that was logged

    def __repr__(self) -> str:
        return "<spans of runs, steps and hooks>"

    def export(self, app: App, run_id: str, generation: int | None = None) -> int:
        """Make the spans of a run again, from its log, with the same ids; answers how many. For those that a process
        took with it that died before it had sent them. *generation*: of a run that was continued or retried, counted
        from 1; default the newest. Raises `UnknownRun`, `StoreError`.
        """
        births, count = Books(app.store).born, 0
        for told in retold(app.get(run_id).history(generation)):
            self._tell(told, births)
            count += not isinstance(told, RunBegan)
        return count

    # --- as an observer ---------------------------------------------------------------------------------------------

    @property
    def follows(self) -> bool:
        return True

    def carried(self) -> Mapping[str, str]:
        carrier: dict[str, str] = {}
        if self._carry:
            TraceContextTextMapPropagator().inject(carrier)
        return {CARRIER: carrier[CARRIER]} if CARRIER in carrier else {}

    def begins(self, request: Execute | ExecuteLocal, births: Births, now: Millis) -> Leave:
        """The span of its attempt is the current one in a body."""
        if not self._is_ready() or (born := births(request.run_id)) is None:
            return lambda _: None
        attempt = request.claim.work.attempt if isinstance(request, Execute) else 1
        span = self._begin(self._attempt(born, request.path, attempt, request.call.name, births), now)
        token = contexts.attach(trace.set_span_in_context(span))

        def leave(body: Body | None) -> None:
            contexts.detach(token)
            if isinstance(body, Returned | Threw):
                keep(self._bodies, (request.run_id, request.path), (attempt, span))

        return leave

    def committed(self, commit: Commit, reply: Reply, told: Sequence[Told], births: Births) -> None:
        for one in told:
            if not isinstance(one, RunBegan) and self._is_ready():
                self._tell(one, births)
        if isinstance(reply, Refused) and isinstance(commit.on, Holding):
            self._bodies.pop((commit.run_id, commit.on.path), None)  # it is not in the log, and never will be

    def _tell(self, told: Told, births: Births) -> None:
        match told:
            case RunBegan():
                pass
            case RunEnded():
                self._run_ended(told, births)
            case AttemptEnded():
                self._attempt_ended(told, births)
            case WaitEnded():
                self._wait_ended(told, births)
            case _:
                assert_never(told)

    def called(self, call: str, seconds: float, answered: bool) -> None:
        """Round trips are figures, not spans."""

    def place(self, run_id: str) -> Mapping[str, str]:
        """Of the current span in a step, else of the run's, where it is known by now."""
        if inside.get() == "step" and (current := trace.get_current_span().get_span_context()).is_valid:
            return _logged(current)
        known = self._places.known(run_id) if self._lack() is None else None
        return {} if known is None else _logged(known.context)

    def flush(self) -> None:
        if self._lack() is None:
            self._provider.force_flush(FLUSH)

    # --- spans ------------------------------------------------------------------------------------------------------

    def _run_ended(self, told: RunEnded, births: Births) -> None:
        if (born := births(told.summary.run_id)) is None:
            return
        place = self._places.of(born, births)
        own = {f"yieldflow.tag.{name}": born.tags[name] for name in self._tags if name in born.tags}
        if born.version is not None:
            own["yieldflow.version"] = born.version
        attributes = {**_of_run(born), "yieldflow.queue": born.queue, **own}
        links = tuple(self._come_from(born, births))
        span = self._begin(_Plan(f"run {born.workflow}", place, place.context.span_id, attributes, links), born.at)
        failure = told.outcome.failure if isinstance(told.outcome, Err) else None
        _end(span, told.at, told.summary.status, failure)
        self._places.forget(born.run_id)

    def _attempt_ended(self, told: AttemptEnded, births: Births) -> None:
        attempt, span = self._bodies.pop((told.run_id, told.path), (0, trace.INVALID_SPAN))
        if attempt != told.attempt:  # its body was not run here: its worker was lost
            if (born := births(told.run_id)) is None:
                return
            span = self._begin(self._attempt(born, told.path, told.attempt, told.step, births), told.since)
        if told.queue is not None:
            span.set_attribute("yieldflow.queue", told.queue)
        if told.worker is not None:
            span.set_attribute("yieldflow.worker", short(told.worker))
        _end(span, told.at, told.came, told.failure)

    def _wait_ended(self, told: WaitEnded, births: Births) -> None:
        if (born := births(told.run_id)) is None:
            return
        path = show(told.path)
        attributes = {**_of_run(born), "yieldflow.hook": told.hook, "yieldflow.path": path}
        plan = _Plan(f"hook {told.hook}", self._places.of(born, births), span_id(born, "hook", path), attributes)
        _end(self._begin(plan, told.since), told.at, told.came, None)

    def _attempt(self, born: RunStarted, path: Path, attempt: int, step: str, births: Births) -> _Plan:
        """One that is tried again is linked to the one before."""
        place, at = self._places.of(born, births), show(path)
        own, before = (span_id(born, "attempt", at, str(number)) for number in (attempt, attempt - 1))
        links = (Link(place.context_of(before), {"yieldflow.link": "retries"}),) if attempt > 1 else ()
        attributes = {**_of_run(born), "yieldflow.step": step, "yieldflow.path": at, "yieldflow.attempt": attempt}
        return _Plan(f"step {step}", place, own, attributes, links)

    def _begin(self, plan: _Plan, at: Millis) -> Span:
        run = plan.place.context
        parent = plan.place.parent if plan.own == run.span_id else run
        with self._ids.next(run.trace_id, plan.own):
            return self._tracer.start_span(
                plan.name, below(parent), attributes=plan.attributes, links=plan.links, start_time=_ns(at)
            )

    def _come_from(self, born: RunStarted, births: Births) -> Iterator[Link]:
        """The runs that it goes on from, and the one that has detached it."""
        for kind, run_id in _before(born).items():
            if (other := births(run_id)) is not None:
                context = self._places.of(other, births).context
                yield Link(context, {"yieldflow.link": kind, "yieldflow.run_id": run_id})

    # --- what they are made with ------------------------------------------------------------------------------------

    def _is_ready(self) -> bool:
        """Each step of each run would say that there is no provider: it is said once."""
        lack = self._lack()
        if lack is not None and lack != self._said:
            self._said = lack
            _LOG.error("there are no spans: %s", lack)
        return lack is None

    def _lack(self) -> str | None:
        """Why there are no spans; asked each time, as a provider may be set late."""
        try:
            self._tracer  # noqa: B018 - made at the first look
        except UsageError as error:
            return str(error)
        return None

    @cached_property
    def _provider(self) -> TracerProvider:
        return self._given or _expect_sdk(trace.get_tracer_provider())

    @cached_property
    def _tracer(self) -> Tracer:
        made = self._provider.get_tracer("yieldflow")
        if not isinstance(made, Tracer):
            raise UsageError("OpenTelemetry's SDK is switched off (OTEL_SDK_DISABLED), so there are no spans")
        made.id_generator = self._ids  # of this tracer alone
        return made

    @cached_property
    def _places(self) -> Places:
        return Places(self._tracer.sampler)


@frozen
class _Plan:
    """A span that is to begin. *own*: its id."""

    name: str
    place: Place
    own: int
    attributes: Attributes
    links: Sequence[Link] = ()


class _Derived(RandomIdGenerator):
    """Answers the ids that the next span is to have, whoever has said them: a provider has one tracer for all who ask
    for the same name. Random ones for a span of somebody else.
    """

    @contextmanager
    def next(self, trace_id: int, own: int) -> Iterator[None]:
        token = _NEXT.set((trace_id, own))
        try:
            yield
        finally:
            _NEXT.reset(token)

    def generate_trace_id(self) -> int:
        said = _NEXT.get()
        return super().generate_trace_id() if said is None else said[0]

    def generate_span_id(self) -> int:
        said = _NEXT.get()
        return super().generate_span_id() if said is None else said[1]


def _logged(context: trace.SpanContext) -> dict[str, str]:
    """As log lines spell it."""
    return {"trace_id": trace.format_trace_id(context.trace_id), "span_id": trace.format_span_id(context.span_id)}


def _expect_sdk(provider: trace.TracerProvider) -> TracerProvider:
    if isinstance(provider, TracerProvider):
        return provider
    raise UsageError(
        "Tracing needs a TracerProvider of OpenTelemetry's SDK: give it one, call trace.set_tracer_provider() first, "
        "or start the process with opentelemetry-instrument"
    )


def _before(born: RunStarted) -> dict[str, str]:
    match born.cause:
        case Next(run_id):
            named = {"continues": run_id}
        case RetryOf(run_id):
            named = {"retries": run_id}
        case ForkOf(run_id):
            named = {"forked from": run_id}
        case None:
            named = {}
        case _:
            assert_never(born.cause)
    parent = born.parent
    return named if parent is None or not parent.detached else {**named, "detached by": parent.run_id}


def _of_run(born: RunStarted) -> dict[str, str | int]:
    chain, generation = chain_of(born.run_id)
    return {"yieldflow.run_id": chain, "yieldflow.generation": generation, "yieldflow.workflow": born.workflow}


def _end(span: Span, at: Millis, came: str, failure: Failure | None) -> None:
    span.set_attribute("yieldflow.outcome", came)
    if failure is not None:
        kind = failure.names[0].rpartition(":")[2] if failure.names else "Exception"
        span.set_attribute("error.type", kind)
        span.set_status(Status(StatusCode.ERROR))
    span.end(_ns(at))


def _ns(at: Millis) -> int:
    return at * 1_000_000
