"""Nothing of this is done or imported unless it is asked for; and how it is asked for."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from string import ascii_letters

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.e2e.processes import ROOT
from tests.observing import flows
from tests.observing.exporting import FILE, exported
from tests.observing.test_spans import scope
from yieldflow import App
from yieldflow.codec.packing import pack, unpack
from yieldflow.core.commands import CallStep, Receive, SetData
from yieldflow.core.events import AttemptFailed, CommandIssued, CommandResolved
from yieldflow.core.outcome import Err, Failure, Ok
from yieldflow.core.retry import class_name
from yieldflow.core.times import Millis
from yieldflow.engine.requests import Execute, Returned, Threw
from yieldflow.errors import UsageError, WorkerLost
from yieldflow.observing.closing import closed, of_interest, reported
from yieldflow.observing.store import ObservedStore
from yieldflow.ports import Claimed, Free

TRACING = "yieldflow.otel:Tracing"


def begun(code: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
    )


def loaded_by(code: str, folder: Path, **env: str) -> set[str]:
    told = f"{code}\nimport sys; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = begun(told, folder, **env)
    done.check_returncode()
    return set(done.stdout.split())


RUNS = """
import yieldflow
@yieldflow.step
def one(): return 1
@yieldflow.workflow
def flow():
    return (yield one())
app = yieldflow.App("memory:")
assert app.run(flow()) == 1
app.close()
"""


def test_a_run_imports_nothing_of_it(tmp_path: Path):
    assert "opentelemetry" not in loaded_by(RUNS, tmp_path)


def test_what_the_environment_names_observes(tmp_path: Path):
    env = {"YIELDFLOW_OBSERVE": "tests.observing.exporting:TRACING", FILE: str(tmp_path / "spans")}
    assert "opentelemetry" in loaded_by(RUNS, tmp_path, **env)
    assert [span["name"] for span in exported(tmp_path / "spans")] == ["step __main__:one", "run __main__:flow"]


def test_what_pyproject_names_observes(tmp_path: Path):
    text = '[tool.yieldflow]\nobserve = ["tests.observing.exporting:TRACING", "yieldflow.metrics:Metrics"]\n'
    (tmp_path / "pyproject.toml").write_text(text)
    loaded_by(RUNS, tmp_path, **{FILE: str(tmp_path / "spans")})
    assert len(exported(tmp_path / "spans")) == 2


def test_an_observer_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("YIELDFLOW_OBSERVE", "yieldflow.metrics:Nothing")
    with pytest.raises(UsageError, match=r"yieldflow\.metrics has no 'Nothing'"):
        App("memory:").start(flows.plain(1))


def test_without_a_provider_that_is_said_once_in_one_sentence(tmp_path: Path):
    several = RUNS.replace("app.close()", "for _ in range(3): app.run(flow())\napp.close()")
    done = begun(f"import logging; logging.basicConfig()\n{several}", tmp_path, YIELDFLOW_OBSERVE=TRACING)
    assert done.returncode == 0
    assert done.stderr.count("there are no spans: Tracing needs a TracerProvider") == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_provider_that_is_set_late_gets_the_spans_from_then_on(tmp_path: Path):
    late = (
        "from opentelemetry import trace\nfrom opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor\n"
        "provider = TracerProvider()\n"
        "provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))\n"
        "trace.set_tracer_provider(provider)\n"
        "app = yieldflow.App('memory:')\napp.run(flow())\napp.close()\n"
    )
    done = begun(f"{RUNS.replace('app.close()', '')}{late}", tmp_path, YIELDFLOW_OBSERVE=TRACING)
    assert done.stdout.count('"name": "run __main__:flow"') == 1


def test_the_page_shows_how_to_just_see_spans(tmp_path: Path):
    page = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    module = page.partition("```python no-run\n")[2].partition("```")[0]
    assert "yieldflow worker tracing_dev.py orders.py\n" in page
    (tmp_path / "tracing_dev.py").write_text(module)
    (tmp_path / "orders.py").write_text(RUNS.partition("app =")[0])
    env = {"YIELDFLOW_OBSERVE": TRACING, "YIELDFLOW_URL": f"sqlite:///{tmp_path}/runs.db", "OTEL_SDK_DISABLED": "false"}
    starts = begun("import orders, yieldflow; yieldflow.App().start(orders.flow())", tmp_path, **env)
    assert (starts.returncode, starts.stderr) == (0, "")  # it makes no span, so it lacks no provider
    words = [sys.executable, "-m", "yieldflow", "worker", "tracing_dev.py", "orders.py", "--burst"]
    done = subprocess.run(
        words, capture_output=True, text=True, check=True, cwd=tmp_path, timeout=60,
        env={**os.environ, **env, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    names = re.findall(r'^    "name": "(.*)",$', done.stdout + done.stderr, re.MULTILINE)
    assert names == ["step orders:one", "run orders:flow"]
    assert "there are no spans" not in done.stderr


def test_without_opentelemetry_it_says_what_to_install(tmp_path: Path):
    (tmp_path / "opentelemetry").mkdir()
    text = "raise ModuleNotFoundError('No module named opentelemetry', name='opentelemetry')"
    (tmp_path / "opentelemetry" / "__init__.py").write_text(text)
    done = begun(RUNS, tmp_path, YIELDFLOW_OBSERVE=TRACING, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("yieldflow.errors.usage.UsageError: observe='yieldflow.otel:Tracing' cannot be imported")
    assert last.endswith("pip install 'yieldflow[otel]'")


def test_without_observers_the_store_is_not_wrapped():
    app = App("memory:")
    assert not isinstance(app.store, ObservedStore)
    app.close()


def test_a_store_of_ones_own_is_observed_too():
    here = scope()
    app = App("memory:", observe=[here.tracing])
    app.store = App("memory:").store
    assert app.run(flows.plain(1)) == 0
    app.close()
    assert len(here.spans) == 2


def test_tags_of_the_user_are_not_lost_and_win():
    here = scope()
    app = App("memory:", observe=[here.tracing])
    with here.provider.get_tracer("shop").start_as_current_span("request"):
        tags = app.start(flows.plain(1), tags={"team": "shop"}).summary().tags
        mine = app.start(flows.plain(1), tags={"traceparent": "of my own"}).summary().tags
    app.close()
    assert tags["team"] == "shop"
    assert tags["traceparent"].startswith("00-")
    assert mine == {"traceparent": "of my own"}


def test_lines_of_a_worker_are_json(tmp_path: Path):
    (tmp_path / "told.py").write_text(
        "import yieldflow\nlog = yieldflow.get_logger()\n"
        "@yieldflow.step\ndef one():\n    log.info('one')\n"
        "@yieldflow.workflow\ndef flow():\n    log.info('begins')\n    yield one()\n"
    )
    url = f"sqlite:///{tmp_path}/runs.db"
    start = f"import told, yieldflow; yieldflow.App({url!r}).start(told.flow(), run_id='r')"
    loaded_by(start, tmp_path)
    words = [sys.executable, "-m", "yieldflow", "worker", "told", "--url", url, "--burst", "--log-format", "json"]
    env = {"YIELDFLOW_OBSERVE": "tests.observing.exporting:TRACING", FILE: str(tmp_path / "spans")}
    path = f"{ROOT}{os.pathsep}{tmp_path}"
    done = subprocess.run(
        words, capture_output=True, text=True, check=True, cwd=tmp_path, timeout=60,
        env={**os.environ, **env, "PYTHONPATH": path},
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    begins, one = (line for line in lines if line.get("run_id") == "r")
    spans = {span["name"]: span for span in exported(tmp_path / "spans")}
    assert (begins["message"], begins["workflow"], begins["generation"]) == ("begins", "told:flow", 1)
    assert (one["message"], one["step"], one["attempt"]) == ("one", "told:one", 1)
    assert one["span_id"] == f"{spans['step told:one']['span']:016x}"
    assert one["trace_id"] == f"{spans['run told:flow']['trace']:032x}"


# --- what is read of events without unpacking them ----------------------------------------------------------------

NAMES = st.text(ascii_letters, min_size=1, max_size=5)
VALUES = st.recursive(st.none() | st.integers() | st.text(max_size=20), lambda inner: st.lists(inner, max_size=3))
PATHS = st.lists(st.integers(1, 2**32 - 1), min_size=1, max_size=4).map(tuple)
MILLIS = st.integers(0, 10**13)


@given(PATHS, VALUES, MILLIS, MILLIS, st.integers(1, 99), NAMES)
def test_an_answer_is_told_of_at_a_glance_as_it_would_be_in_whole(path, value, since, at, attempt, name):
    request = claimed(path, since, attempt, name)
    body = Returned(json.dumps(value).encode(), since)
    packed = pack(CommandResolved(at, path, Ok(body.value), attempt, request.claim.worker, since))
    glance = reported("run", packed, {("run", path): (request, body)})
    assert glance == closed("run", unpack(packed), lambda _: request)
    assert glance is not None
    assert glance.came == "done"
    assert reported("run", packed, {("run", path): (request, None)}) is None
    assert reported("run", packed, {("run", path): (request, Returned(b"1", since + 1))}) is None


def claimed(path: tuple[int, ...], since: Millis, attempt: int, name: str) -> Execute:
    claim = Claimed(Free(path, "queue", 1, attempt, 10_000), "token", "host:boot:1:2", since, since + 10_000)
    return Execute("run", claim, CallStep(name, b"[[],{}]"), flows.add.definition)


@pytest.mark.parametrize("body", [Returned(b"1", 5), Threw(Failure(("builtins:ValueError",), ""), 5)])
@pytest.mark.parametrize("again", [True, False])
def test_an_attempt_that_was_revoked_is_told_of_as_lost_whatever_became_of_its_body(
    body: Returned | Threw, again: bool
):
    request = claimed((1,), 5, 1, "shop:a")
    lost, worker = Failure((class_name(WorkerLost),), ""), request.claim.worker
    event = CommandResolved(9, (1,), Err(lost), 1, worker, 5)
    if again:
        event = AttemptFailed(9, (1,), 1, lost, 9, "lost", worker=worker, started_at=5)
    assert reported("run", pack(event), {("run", (1,)): (request, body)}) is None
    told = closed("run", event, lambda _: request)
    assert told is not None
    assert told.came == "lost"


def test_what_is_of_no_interest_is_not_unpacked():
    step, wait = CommandIssued(1, (1,), CallStep("shop:a", b"[[],{}]")), CommandIssued(1, (2, 1), Receive("ok"))
    assert of_interest(pack(wait), follows=True) == wait
    assert of_interest(pack(wait), follows=False) is None
    assert of_interest(pack(step), follows=True) is None
    assert of_interest(pack(CommandIssued(1, (3,), SetData("total", b"1"))), follows=True) is None
