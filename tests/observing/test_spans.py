"""Spans against a real OpenTelemetry SDK: one for each run, attempt and wait, whatever happens on the way."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import frozen
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler, TraceIdRatioBased

from tests.e2e.processes import until
from tests.observing import flows
from tests.observing.account import expect_exactly, generations, histories, owed, place, sent
from tests.observing.exporting import told
from yieldflow import App, Flow, RunFailed, current_step, step, workflow
from yieldflow.errors import UsageError
from yieldflow.otel import Tracing


@frozen
class Scope:
    """A provider whose spans are kept, and what observes with it."""

    provider: TracerProvider
    exporter: InMemorySpanExporter
    tracing: Tracing

    @property
    def spans(self) -> list[dict[str, Any]]:
        return [told(span) for span in self.exporter.get_finished_spans()]

    def named(self, name: str) -> list[dict[str, Any]]:
        return [span for span in self.spans if span["name"] == name]


def scope(sampler: Sampler | None = None) -> Scope:
    provider, exporter = TracerProvider(sampler=sampler), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Scope(provider, exporter, Tracing(provider, tags=["team"]))


@pytest.fixture
def here() -> Scope:
    return scope()


@pytest.fixture
def app(store_url: str, here: Scope) -> Iterator[App]:
    app = App(store_url, observe=[here.tracing])
    yield app
    app.close()


def expect_all(here: Scope, app: App) -> None:
    """The thread that wrote the end of a run may tell of it a moment after another one has seen it."""
    logs = histories(app)
    until(lambda: sent(here.spans) >= sum(map(owed, logs), Counter()), 5, "all spans")
    expect_exactly(here.spans, logs)


def step_name(name: str) -> str:
    return f"step {flows.__name__}:{name}"


def run_name(name: str) -> str:
    return f"run {flows.__name__}:{name}"


def test_each_attempt_and_run_is_one_span(app: App, here: Scope):
    assert app.run(flows.several(), tags={"team": "shop", "other": "x"}) == [3, 2, 7, 9]
    expect_all(here, app)
    (run,) = here.named(run_name("several"))
    assert run["attributes"]["yieldflow.tag.team"] == "shop"
    assert "yieldflow.tag.other" not in run["attributes"]
    assert run["attributes"]["yieldflow.outcome"] == "completed"
    (failed,) = here.named(step_name("broken"))
    assert (failed["status"], failed["attributes"]["error.type"]) == ("ERROR", "FatalError")
    first, second = here.named(step_name("flaky"))
    assert [one["attributes"]["yieldflow.outcome"] for one in (first, second)] == ["retried", "done"]
    assert second["links"] == [[first["span"], {"yieldflow.link": "retries"}]]


def test_no_payload_or_message_is_in_a_span(app: App, here: Scope):
    app.run(flows.several())
    assert flows.SECRET not in str(here.spans)


def test_waits_for_hooks_are_spans(app: App, here: Scope):
    handle = app.start(flows.waits(), run_id="w")
    app.send("w", "first", "hello")
    with app.worker():
        assert handle.result(timeout=20) == ["hello", "nobody", 0]
    expect_all(here, app)
    came = {span["name"]: span["attributes"]["yieldflow.outcome"] for span in here.spans}
    assert [came[f"hook {name}"] for name in ("first", "second", "third")] == ["received", "expired", "abandoned"]


def test_a_run_belongs_to_the_span_in_which_it_was_started(app: App, here: Scope):
    with here.provider.get_tracer("shop").start_as_current_span("request") as request:
        handle = app.start(flows.plain(2))
    app.run(flows.plain(1), run_id="alone")
    with app.worker():
        handle.result(timeout=20)
    inside, alone = sorted(here.named(run_name("plain")), key=lambda span: span["parent"] is None)
    context = request.get_span_context()
    assert (inside["trace"], inside["parent"]) == (context.trace_id, context.span_id)
    assert alone["parent"] is None
    assert alone["trace"] != context.trace_id


def test_what_is_started_from_a_coroutine_belongs_to_its_span_too(here: Scope):
    app = App("memory:", observe=[here.tracing])

    async def asked() -> None:
        with here.provider.get_tracer("shop").start_as_current_span("request"):
            handle = await app.aio.start(flows.plain(1))
        await handle.result()

    asyncio.run(asked())
    expect_all(here, app)
    app.close()
    assert here.named(run_name("plain"))[0]["parent"] == here.named("request")[0]["span"]


def test_children_are_below_the_run_that_waits_for_them_and_a_detached_one_is_linked(app: App, here: Scope):
    with app.worker():
        app.start(flows.parent(3), run_id="p").result(timeout=20)
        for run in app.runs().runs:
            app.get(run.run_id).result(timeout=20)
    expect_all(here, app)
    (parent,) = here.named(run_name("parent"))
    children = here.named(run_name("plain"))
    below = [child for child in children if child["parent"] == parent["span"]]
    (detached,) = [child for child in children if child["parent"] is None]
    assert {child["trace"] for child in below} == {parent["trace"]}
    assert (len(below), detached["trace"] == parent["trace"]) == (3, False)
    assert detached["links"] == [[parent["span"], {"yieldflow.link": "detached by", "yieldflow.run_id": "p"}]]


def test_generations_are_traces_of_their_own_that_are_linked(app: App, here: Scope):
    assert app.run(flows.generations(2), run_id="g") == 0
    expect_all(here, app)
    runs = sorted(here.named(run_name("generations")), key=lambda span: span["attributes"]["yieldflow.generation"])
    assert len({run["trace"] for run in runs}) == 3
    assert [link["yieldflow.run_id"] for run in runs for _, link in run["links"]] == ["g", "g~2"]
    assert [link for run in runs for link, _ in run["links"]] == [run["span"] for run in runs[:2]]


def test_what_has_no_end_does_not_stay_in_the_trace_of_whoever_began_it(app: App, here: Scope):
    """Though `traceparent` is a tag, and tags are inherited."""
    with here.provider.get_tracer("shop").start_as_current_span("request") as request:
        handles = [app.start(flows.generations(1), run_id="g"), app.start(flows.parent(1), run_id="p")]
    with app.worker():
        for handle in handles:
            handle.result(timeout=20)
        until(lambda: not app.runs(status="running").runs, 20, "the end of the detached one")
        app.fork("p", new_run_id="f").result(timeout=20)
    expect_all(here, app)
    trace_id = request.get_span_context().trace_id
    inside = {
        span["attributes"]["yieldflow.run_id"]
        for span in here.spans
        if span["trace"] == trace_id and span["attributes"]
    }
    runs = {place(span): span["trace"] for span in here.spans if span["name"].startswith("run ")}
    assert runs["g", 1] == trace_id
    assert runs["g", 2] != trace_id
    assert inside == {"g", "p", "p~1.1.1"}  # and the child that is waited for


def test_what_a_retry_or_a_fork_copies_is_not_told_again(app: App, here: Scope):
    with app.worker():
        with pytest.raises(RunFailed):
            app.start(flows.fails(1), run_id="f").result(timeout=20)
        with pytest.raises(RunFailed):
            app.retry("f").result(timeout=20)
        with pytest.raises(RunFailed):
            app.fork("f", new_run_id="other").result(timeout=20)
    expect_all(here, app)
    assert len(here.named(step_name("add"))) == 1
    assert len(here.named(step_name("broken"))) == 2
    links = [link["yieldflow.link"] for run in here.named(run_name("fails")) for _, link in run["links"]]
    assert links == ["retries", "forked from"]


def test_what_a_body_does_is_below_its_attempt(here: Scope):
    tracer = here.provider.get_tracer("http")

    def spans_within(name: str) -> None:
        with tracer.start_as_current_span(name):
            trace.get_current_span().set_attribute("of", "the user")

    @step
    def get() -> None:
        trace.get_current_span().set_attribute("mine", current_step().path)
        spans_within("GET")

    @step
    async def get_later() -> None:
        spans_within("GET later")

    @workflow
    def gets() -> Flow[None]:
        yield get()
        yield get_later()

    app = App("memory:", observe=[here.tracing])
    with tracer.start_as_current_span("caller"):
        app.run(gets())
    app.close()
    found = {span["name"].rpartition(".")[2]: span for span in here.spans}
    assert found["GET"]["parent"] == found["get"]["span"]
    assert found["GET later"]["parent"] == found["get_later"]["span"]
    assert found["get"]["attributes"]["mine"] == "1"
    assert {span["trace"] for span in here.spans} == {found["caller"]["trace"]}


def test_a_replay_makes_no_span(app: App, here: Scope):
    handle = app.start(flows.waits(), run_id="w")
    with app.worker():
        pass
    for _ in range(3):  # each begins with nothing in memory
        with app.worker():
            app.runtime.pool.offer("w", "")
            handle.inspect()
    app.send("w", "first", "hello")
    with app.worker():
        handle.result(timeout=20)
    expect_all(here, app)


def test_a_body_that_takes_too_long_is_one_span(app: App, here: Scope):
    assert app.run(flows.timed_out()) == "late"
    expect_all(here, app)
    (step,) = here.named(step_name("too_long"))
    assert step["attributes"]["error.type"] == "StepTimeout"


def test_the_spans_of_a_log_can_be_made_again_with_the_same_ids(app: App, here: Scope):
    with app.worker():
        app.start(flows.several(), run_id="s").result(timeout=20)
        app.start(flows.parent(2), run_id="p").result(timeout=20)
        until(lambda: not app.runs(status="running").runs, 20, "the end of the detached one")
    expect_all(here, app)
    before, again = here.spans, scope()
    counts = [again.tracing.export(app, *place) for place in generations(app)]
    mine = [span for span in before if "yieldflow.run_id" in span["attributes"]]
    assert sum(counts) == len(again.spans)

    def ids(spans: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
        return {(one["name"], one["trace"], one["span"], one["parent"], str(one["links"])) for one in spans}

    assert ids(mine) == ids(again.spans)


def test_a_trace_is_sampled_or_not_as_a_whole():
    half = scope(ParentBased(TraceIdRatioBased(0.5)))
    app = App("memory:", observe=[half.tracing])
    for number in range(40):
        app.run(flows.several(), run_id=f"r-{number}")
    kept = {span["attributes"]["yieldflow.run_id"] for span in half.spans}
    expect_exactly(half.spans, [app.get(run_id).history() for run_id in kept])
    app.close()
    assert 5 < len(kept) < 35


def test_two_apps_may_trace_with_one_provider(here: Scope):
    apps = [App("memory:", observe=[Tracing(here.provider)]) for _ in range(2)]
    for app in [*apps, *apps]:
        app.run(flows.plain(2))
    expect_exactly(here.spans, [log for app in apps for log in histories(app)])
    for app in apps:
        app.close()


def test_what_is_not_sampled_costs_no_span_and_no_error():
    nothing = scope(ALWAYS_OFF)
    app = App("memory:", observe=[nothing.tracing])
    assert app.run(flows.several()) == [3, 2, 7, 9]
    app.close()
    assert nothing.spans == []


@pytest.mark.parametrize("name", ["shop", "yieldflow"])
def test_the_users_own_spans_have_ids_of_their_own(here: Scope, name: str):
    app = App("memory:", observe=[here.tracing])
    app.run(flows.plain(2))
    app.close()
    tracer = here.provider.get_tracer(name)
    ids = set()
    for _ in range(20):
        with tracer.start_as_current_span("own") as span:
            ids.add(span.get_span_context().trace_id)
    assert len(ids) == 20


def test_a_provider_that_is_not_of_the_sdk_is_refused_with_what_to_do():
    with pytest.raises(UsageError, match="set_tracer_provider"):
        Tracing(trace.NoOpTracerProvider())


def test_an_observer_that_fails_keeps_nobody_from_working(caplog: pytest.LogCaptureFixture):
    failing = scope()
    failing.provider.add_span_processor(_Broken())  # type: ignore[arg-type]
    app = App("memory:", observe=[failing.tracing])
    assert app.run(flows.plain(2)) == 1
    app.close()
    assert "an observer was told something, and failed" in caplog.text


def test_an_observer_that_knows_no_place_keeps_nobody_from_starting(here: Scope, caplog: pytest.LogCaptureFixture):
    app = App("memory:", observe=[_Lost(here.provider)])
    assert app.run(flows.plain(2), run_id="one") == 1
    assert app.workshop.place("one") == {}
    app.close()
    assert caplog.text.count("an observer was told something, and failed") == 2


class _Lost(Tracing):
    def carried(self) -> Any:
        raise RuntimeError("of what trace?")

    def place(self, run_id: str) -> Any:
        raise RuntimeError(f"where is {run_id}?")


class _Broken:
    def on_start(self, span: object, parent_context: object = None) -> None:
        raise RuntimeError("the collector is away")

    def _on_ending(self, span: object) -> None: ...
    def on_end(self, span: object) -> None:
        raise RuntimeError("the collector is away")

    def shutdown(self) -> None: ...
    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True
