"""Where spans stand: in which trace a run is, below what, and the ids of its spans. All derives from how runs began,
so every process comes to the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TypeVar

from attrs import define, field, frozen
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from yieldflow.core.answers import derive
from yieldflow.core.chain import is_first
from yieldflow.core.events import RunStarted
from yieldflow.observing.told import Births

K = TypeVar("K")
V = TypeVar("V")

MOST = 10_000  # runs and bodies that are known at a time
DEEPEST = 100  # children below one another that share a trace
CARRIER = "traceparent"  # the tag with which a run is started within a span, as W3C spells it


@frozen
class Place:
    """Where the span of a run stands. *context*: that span's own."""

    context: SpanContext
    parent: SpanContext | None

    def context_of(self, span_id: int) -> SpanContext:
        """Of another span of the run."""
        return context(self.context.trace_id, span_id, self.context.trace_flags)


@define(eq=False)
class Places:
    """*sampler* is asked for runs that begin a trace."""

    sampler: Sampler
    _known: OrderedDict[str, Place] = field(factory=OrderedDict, init=False)

    def known(self, run_id: str) -> Place | None:
        return self._known.get(run_id)

    def forget(self, run_id: str) -> None:
        self._known.pop(run_id, None)

    def of(self, born: RunStarted, births: Births) -> Place:
        """With its parent, if that waits for it; with whoever started it; else in a trace of its own."""
        known = self._known.get(born.run_id)
        if known is not None and known.context.span_id == span_id(born, "run"):
            return known
        family = [born]  # from the youngest up
        while (above := _waiting(family[-1], births)) is not None and len(family) < DEEPEST:
            family.append(above)
        place = self._below(family[-1], None)
        for one in family[-2::-1]:
            place = self._below(one, place.context)
        keep(self._known, born.run_id, place)
        return place

    def _below(self, born: RunStarted, parent: SpanContext | None) -> Place:
        own = span_id(born, "run")
        if parent is None and born.cause is None and born.parent is None and is_first(born.run_id):
            parent = _carried(born.tags)
        if parent is not None:
            return Place(context(parent.trace_id, own, parent.trace_flags), parent)
        trace_id = int.from_bytes(derive(born.seed, "trace", born.run_id)[:16]) or 1
        decision = self.sampler.should_sample(None, trace_id, f"run {born.workflow}").decision
        sampled = TraceFlags.SAMPLED if decision is Decision.RECORD_AND_SAMPLE else TraceFlags.DEFAULT
        return Place(context(trace_id, own, sampled), None)


def span_id(born: RunStarted, *key: str) -> int:
    return int.from_bytes(derive(born.seed, "span", born.run_id, *key)[:8]) or 1


def context(trace_id: int, own: int, flags: int) -> SpanContext:
    return SpanContext(trace_id, own, is_remote=True, trace_flags=TraceFlags(flags))


def below(parent: SpanContext | None) -> contexts.Context:
    """Whatever else is current here is no parent of ours."""
    empty = contexts.Context()
    return empty if parent is None else trace.set_span_in_context(NonRecordingSpan(parent), empty)


def keep(some: OrderedDict[K, V], key: K, value: V) -> None:
    some[key] = value
    if len(some) > MOST:
        some.popitem(last=False)


def _waiting(born: RunStarted, births: Births) -> RunStarted | None:
    """The run that waits for its end."""
    parent = born.parent
    return None if parent is None or parent.detached else births(parent.run_id)


def _carried(tags: Mapping[str, str]) -> SpanContext | None:
    if CARRIER not in tags:
        return None
    found = TraceContextTextMapPropagator().extract({CARRIER: tags[CARRIER]}, contexts.Context())
    caller = trace.get_current_span(found).get_span_context()
    return caller if caller.is_valid else None
