"""Figures: what processes have counted is what the logs say, and what Prometheus reads of it is well-formed."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.processes import running, until
from tests.observing import flows
from tests.observing.account import histories
from tests.observing.test_processes import observing
from tests.servers import Server
from yieldflow import App, Flow, Retry, current_step, gather, hook, step, workflow
from yieldflow.cli.commands import yieldflow
from yieldflow.core.commands import CallStep
from yieldflow.core.events import AttemptFailed, CommandIssued, CommandResolved, Event, HookReceived
from yieldflow.core.outcome import Err
from yieldflow.errors import RunEnded
from yieldflow.metrics import Metrics, gauges
from yieldflow.metrics.exposition import Family, Sample, exposed
from yieldflow.observing.told import AttemptEnded
from yieldflow.ports import Commit, Done, Head, Mark
from yieldflow.web import asgi
from yieldflow.web.asgi import Asgi

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parsed(text: str) -> Figures:
    """As Prometheus' own library reads them: (name, labels) -> value."""
    found: Figures = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in found, f"{key} is there twice"
            found[key] = sample.value
    return found


def by_label(figures: Figures, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(dict(told)[label] for label in labels): value for (known, told), value in figures.items() if known == name
    }


def counted(logs: Sequence[Sequence[Event]]) -> Counter[tuple[str, str]]:
    """Attempts by step and what came of them, from the events alone."""
    found = Counter[tuple[str, str]]()
    for log in logs:
        names = {
            event.path: event.command.name
            for event in log
            if isinstance(event, CommandIssued) and isinstance(event.command, CallStep)
        }
        for event in log:
            match event:
                case CommandResolved(path=path, attempt=attempt, outcome=outcome) if attempt:
                    found[names[path], "failed" if isinstance(outcome, Err) else "done"] += 1
                case AttemptFailed(path=path, reason=reason):
                    found[names[path], "lost" if reason == "lost" else "retried"] += 1
                case _:
                    pass
    return found


@step(retry=Retry(attempts=3, delay=0.001))
def tries(plan: str, at: int) -> int:
    """Fails as often as the plan says for that place."""
    if current_step().attempt <= int(plan[at]):
        raise ConnectionError
    return at


@workflow
def planned(plan: str) -> Flow[int]:
    """One after the other, then all at once; what fails for good is caught."""
    done = 0
    for at in range(len(plan)):
        try:
            yield from tries(plan, at)
        except ConnectionError:
            continue
        done += 1
    yield from gather(*(tries(plan, at) for at in range(len(plan))), return_exceptions=True)
    yield hook("go", timeout=0.001, default=None)
    return done


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text("0123", min_size=1, max_size=5), min_size=1, max_size=4))
def test_what_is_counted_is_what_the_logs_say(plans: list[str]):
    metrics = Metrics()
    app = App("memory:", observe=[metrics])
    with app.worker():
        handles = [app.start(planned(plan)) for plan in plans]
        for handle in handles:
            with suppress(RunEnded):  # it may have been quicker
                app.send(handle.run_id, "other", 1)
        results = [handle.result(timeout=30) for handle in handles]
    assert results == [sum(digit != "3" for digit in plan) for plan in plans]
    logs = [app.get(handle.run_id).history() for handle in handles]
    figures = parsed(metrics.text())
    app.close()
    attempts = by_label(figures, "yieldflow_step_attempts_total", "step", "outcome")
    assert attempts == dict(counted(logs))
    durations = by_label(figures, "yieldflow_step_duration_seconds_count", "step")
    assert sum(durations.values()) == sum(attempts.values())
    name = f"{__name__}:planned"
    assert by_label(figures, "yieldflow_runs_started_total", "workflow") == {(name,): len(plans)}
    assert by_label(figures, "yieldflow_runs_ended_total", "workflow", "outcome") == {(name, "completed"): len(plans)}
    received = sum(isinstance(event, HookReceived) for log in logs for event in log)
    assert figures.get(("yieldflow_payloads_delivered_total", ()), 0) == received
    assert figures["yieldflow_bodies_running", ()] == 0


def test_text_is_escaped_as_prometheus_wants_it():
    odd = 'a "b" \\ c\nd'
    family = Family("yieldflow_odd", "gauge", "line\nand \\", (Sample(1.5, {"queue": odd}),))
    (read,) = text_string_to_metric_families(exposed([family]))
    assert (read.documentation, read.samples[0].labels, read.samples[0].value) == ("line\nand \\", {"queue": odd}, 1.5)


def test_buckets_are_cumulative_and_end_with_all():
    """Of durations as logs have them: by the clock of a process, which is the store's and no stopwatch."""
    metrics = Metrics()
    for at in (0, 9, 10, 11, 10**9):
        ended = AttemptEnded("A", (1,), 1, "shop:a", "queue", "worker", 0, at, "done")
        metrics.committed(Commit("A", "c", Head(None)), Done(Mark(1, "c"), 0), [ended], lambda _: None)
    figures = by_label(parsed(metrics.text()), "yieldflow_step_duration_seconds_bucket", "le")
    counts = list(figures.values())
    assert counts == sorted(counts)
    assert [figures[bound,] for bound in ("0.005", "0.01", "0.025", "1800.0", "+Inf")] == [1, 3, 4, 4, 5]


def test_names_without_end_are_counted_as_others():
    metrics = Metrics()
    for number in range(2_000):
        metrics.called(f"call-{number}", 0.0, True)
    figures = by_label(parsed(metrics.text()), "yieldflow_round_trips_total", "call")
    assert len(figures) <= 1_001
    assert sum(figures.values()) == 2_000


# --- how the store stands -----------------------------------------------------------------------------------------


@pytest.fixture
def app(store_url: str) -> Iterator[App]:
    app = App(store_url)
    yield app
    app.close()


def figures_of(app: App) -> Figures:
    return parsed(exposed(gauges(app)))


def test_gauges_tell_how_runs_stand(app: App):
    app.run(flows.plain(1))
    app.start(flows.waits(), run_id="w")
    app.start(flows.waits(), run_id="p")
    app.pause("p")
    runs = by_label(figures_of(app), "yieldflow_runs", "status")
    assert {status: count for (status,), count in runs.items() if count} == {"completed": 1, "running": 1, "paused": 1}
    assert ("blocked",) in runs


def test_a_late_alarm_is_seen(app: App):
    app.start(flows.waits(), run_id="w")
    first = app.store.next_alarm()[0]
    assert first is not None
    until(lambda: app.store.next_alarm()[1] > first, 10, "the alarm")
    figures = figures_of(app)
    assert figures["yieldflow_alarms_overdue", ()] == 1
    assert figures["yieldflow_alarm_lag_seconds", ()] > 0


class Lost:
    """A queue that takes hints to nobody."""

    def offer(self, run_id: str, queue: str, count: int = 1) -> None: ...
    def offer_each(self, runs: Sequence[object]) -> None: ...


def test_work_that_nobody_takes_is_seen_on_a_file(tmp_path: Path):
    app = App(f"sqlite:///{tmp_path}/runs.db")
    handle = app.start(flows.wide(3, 0.0))
    app.runtime.tend(handle.run_id, inline="never", hints=Lost())
    assert by_label(figures_of(app), "yieldflow_queue_waiting", "queue") == {("yieldflow",): 3}
    (lag,) = by_label(figures_of(app), "yieldflow_queue_lag_seconds", "queue").values()
    assert 0 <= lag < 60
    handle.result(timeout=20)
    assert by_label(figures_of(app), "yieldflow_queue_waiting", "queue") == {}
    app.close()


def test_hints_that_nobody_takes_are_seen_on_redis(server: Server):
    app = App(server.url, queue="shop", step_queue="packing")
    app.start(flows.plain(1))
    app.start(flows.plain(1))
    figures = figures_of(app)
    assert figures["yieldflow_queue_waiting", (("queue", "shop"),)] == 2
    assert figures["yieldflow_queue_lag_seconds", (("queue", "shop"),)] >= 0
    assert figures["yieldflow_workers", (("queue", "shop"),)] == 0
    assert figures["yieldflow_workers", (("queue", "packing"),)] == 0  # nobody would carry out its steps
    app.close()


def test_a_scrape_takes_a_few_round_trips_whatever_the_store_holds(server: Server):
    app = App(server.url)
    app.start_many([flows.waits() for _ in range(300)])
    gauges(app)
    trips = []
    for connection in app.client.connection_pool._available_connections:
        send = connection.send_packed_command
        connection.send_packed_command = lambda *args, send=send, **kwargs: (trips.append(1), send(*args, **kwargs))[1]
    gauges(app)
    assert 1 <= len(trips) <= 6
    app.close()


# --- where it is read ---------------------------------------------------------------------------------------------


def ports_said(folder: Path, count: int) -> list[str] | None:
    """Where the workers serve their figures, as they say at the start; none before that many do."""
    found = re.findall(r"figures are at http://127\.0\.0\.1:(\d+)/", (folder / "output").read_text())
    return found if len(found) == count else None


def scraped(port: str, path: str = "/metrics") -> str:
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return answer.read().decode()


@pytest.mark.parametrize("kind", ["file", "redis"])
def test_the_figures_of_all_workers_together_are_what_the_logs_say(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
):
    url = f"sqlite:///{tmp_path}/runs.db" if kind == "file" else request.getfixturevalue("server").url
    app = App(url)
    words = [sys.executable, "-m", "yieldflow", "worker", flows.__name__, "--url", url, "--metrics"]
    env = observing(tmp_path, YIELDFLOW_OBSERVE="")
    with (
        running(*words, "0", folder=tmp_path, env=env),
        running(*words, "127.0.0.1:0", folder=tmp_path, env=env),
    ):
        ports = until(lambda: ports_said(tmp_path, 2), 60, "both workers")
        app.start_many([*[flows.several() for _ in range(10)], *[flows.generations(2) for _ in range(5)]])
        until(lambda: not app.runs(status="running", limit=1).runs, 60, "the end of all runs")
        texts = [scraped(port) for port in ports]
        with pytest.raises(HTTPError, match="404"):
            scraped(ports[0], "/secrets")
    total = Counter[tuple[str, ...]]()
    for text in texts:
        total.update(by_label(parsed(text), "yieldflow_step_attempts_total", "step", "outcome"))
    assert total == counted(histories(app))
    app.close()


def asked(application: Asgi, method: str, token: str | None) -> tuple[int, str, str]:
    """Status, media type and body of /metrics."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "method": method, "path": "/metrics", "raw_path": b"/metrics", "headers": headers}
    asyncio.run(application({**scope, "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1)}, receive, send))
    told = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], told["content-type"], b"".join(one.get("body", b"") for one in sent[1:]).decode()


def test_the_web_serves_how_the_store_stands_to_whoever_may_look():
    metrics = Metrics()
    app = App("memory:", observe=[metrics])
    app.run(flows.plain(1))
    writer, reader = "a-token-that-may-change", "a-token-that-may-look"
    application = asgi(app, token=writer, readers=reader)
    for token in (writer, reader):
        status, media, text = asked(application, "GET", token)
        assert (status, media) == (200, "text/plain; version=0.0.4; charset=utf-8")
        figures = parsed(text)
        assert figures["yieldflow_runs", (("status", "completed"),)] == 1
        assert by_label(figures, "yieldflow_step_attempts_total", "outcome") == {("done",): 1}
    assert asked(application, "GET", None)[0] == 401
    assert asked(application, "GET", "another-token-of-somebody")[0] == 401
    assert asked(application, "POST", writer)[0] == 405
    app.close()


def test_the_command_prints_what_is_scraped(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/runs.db"
    app = App(url)
    app.start(flows.waits())
    app.close()
    done = CliRunner().invoke(yieldflow, ["metrics", "--url", url])
    assert parsed(done.output)["yieldflow_runs", (("status", "running"),)] == 1
    board = CliRunner().invoke(yieldflow, ["metrics", "--dashboard"])
    assert json.loads(board.output)["title"] == "yieldflow"
    assert "groups:" in CliRunner().invoke(yieldflow, ["metrics", "--alerts"]).output
    assert CliRunner().invoke(yieldflow, ["metrics", "--alerts", "--dashboard"]).exit_code == 2


@pytest.mark.parametrize("place", ["shop", "-1", "70000", "127.0.0.1", ":x", "nowhere.invalid:0"])
def test_a_place_that_cannot_be_listened_at_is_refused(place: str, tmp_path: Path):
    done = CliRunner().invoke(yieldflow, ["worker", "--url", f"sqlite:///{tmp_path}/r.db", "--metrics", place])
    assert (done.exit_code, "Traceback" in done.output) == (2, False)


# --- what is made of it -------------------------------------------------------------------------------------------


def named(text: str) -> set[str]:
    return set(re.findall(r"\byieldflow_[a-z_]+", text))


def known(server: Server) -> set[str]:
    """All names there are, once something has happened."""
    names: set[str] = set()
    for url in ("memory:", server.url):
        metrics = Metrics()
        app = App(url, observe=[metrics])
        app.run(flows.several())
        families = [*metrics.families(), *gauges(app)]
        app.close()
        for family in families:
            ends = ("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",)
            names |= {family.name + end for end in ends}
    return names | {"yieldflow_claims"}  # of files alone


def test_each_query_of_the_dashboard_and_each_alert_names_figures_that_there_are(server: Server):
    folder = resources.files("yieldflow.metrics")
    board = json.loads((folder / "dashboard.json").read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    assert len(queries) > 20
    alerts = (folder / "alerts.yml").read_text()
    for text in (*queries, alerts):
        assert named(text) - {"yieldflow_yml"} <= known_names(server), text
    assert all(named(query) for query in queries)


_KNOWN: dict[str, set[str]] = {}


def known_names(server: Server) -> set[str]:
    if server.url not in _KNOWN:
        _KNOWN[server.url] = known(server)
    return _KNOWN[server.url]


def test_all_figures_are_on_the_dashboard(server: Server):
    text = (resources.files("yieldflow.metrics") / "dashboard.json").read_text()
    shown = {re.sub("_(bucket|sum|count)$", "", name) for name in named(text)}
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in known_names(server)} <= shown


def test_the_panels_do_not_lie_on_one_another():
    panels: list[Any] = json.loads((resources.files("yieldflow.metrics") / "dashboard.json").read_text())["panels"]
    taken = Counter(
        (x, y)
        for panel in panels
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    )
    assert set(taken.values()) == {1}
    assert max(x for x, _ in taken) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)
