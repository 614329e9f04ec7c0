"""Workers, alarms, hints and failed jobs: each trouble made with real workers on a real server, and said."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from tests.doctor import flows
from tests.doctor.conftest import Ward
from tests.e2e.processes import RQ, environment, running, until
from tests.servers import Server
from yieldflow import App
from yieldflow.doctor import Patience, Report, examine
from yieldflow.doctor.findings import Finding
from yieldflow.ports import Due
from yieldflow.presence import presence
from yieldflow.rq.fleet import Fleet
from yieldflow.rq.queue import noted_in

SECONDS = 20.0
AT_ONCE = Patience(overdue=0, idle=0, noted=0)


@pytest.fixture
def app(own_server: Server) -> Iterator[App]:
    app = App(own_server.url)
    app.client.flushall()
    yield app
    app.close()


@contextmanager
def worker(app: App, folder: Path, *words: str, module: str = flows.__name__) -> Iterator[None]:
    """One of ours, in a process of its own."""
    own = [sys.executable, "-m", "yieldflow", "worker", module, "--url", app.settings.url, *words]
    before = len(Fleet(app.client).members())
    with running(*own, folder=folder, env=environment(folder, YIELDFLOW_MODULES="")):
        until(lambda: len(_told(app)) > before, SECONDS, "it is there")
        yield


def _told(app: App) -> list[object]:
    return [member for member in Fleet(app.client).members() if member.presence is not None]


def of(check: str, report: Report) -> list[Finding]:
    return [one for one in report.findings if one.check == check and one.level != "ok"]


def says(check: str, report: Report) -> list[tuple[str, str]]:
    return [(one.level, one.says) for one in of(check, report)]


def test_a_queue_with_work_and_without_a_worker_is_an_error(app: App) -> None:
    app.start(flows.doubles(1))
    report = examine(app)
    assert says("workers", report) == [("error", "queue yieldflow has work for 1 run, and no worker")]
    assert of("workers", report)[0].do == "start one: yieldflow worker MODULE --queue yieldflow"


def test_a_queue_whose_runs_only_wait_is_a_warning(app: App) -> None:
    run = app.start(flows.sleeps(3600.0))
    app.serving(("yieldflow",)).tend(run.run_id)
    assert says("workers", examine(app)) == [("warning", "queue yieldflow has 1 waiting run, and no worker")]


def test_a_worker_says_what_it_knows(app: App, tmp_path: Path) -> None:
    with worker(app, tmp_path):
        (member,) = Fleet(app.client).members()
        assert member.queues == ("yieldflow",)
        presence = member.presence
        assert presence is not None
        assert f"{flows.__name__}:doubles" in presence.workflows
        assert f"{flows.__name__}:double" in presence.steps
        assert (presence.rings, presence.stuck, presence.whole) == (True, 0, True)
        assert len(app.client.hget(f"rq:worker:{member.name}", "yieldflow")) < 2_000
        assert 0 < app.client.ttl(f"rq:worker:{member.name}") <= 480, "it expires with RQ's record"
        run = app.start(flows.trains())
        until(lambda: len(app.store.work(run.run_id)) == 1, SECONDS, "its step is asked for")
        assert says("workers", examine(app)) == [
            ("error", "queue gpu has work for 1 step of other queues' runs, and no worker")
        ]
        with worker(app, tmp_path, "--queue", "gpu"):
            assert run.result(timeout=SECONDS) == 3
            report = examine(app)
            assert (of("workers", report), of("code", report)) == ([], [])
    assert Fleet(app.client).members() == [], "they have said that they end"


def test_a_worker_that_is_silent_is_not_there(app: App, tmp_path: Path) -> None:
    with worker(app, tmp_path):
        (key,) = app.client.smembers("rq:workers")
        assert len(Fleet(app.client).members()) == 1
        app.client.hset(key, "yieldflow", '{"at": 1, "workflows": [], "steps": [], "rings": true, "stuck": 0}')
        assert Fleet(app.client).members() == []


def test_workers_without_the_code_are_named(app: App, tmp_path: Path) -> None:
    (tmp_path / "others.py").write_text("import yieldflow\n")
    with worker(app, tmp_path, module="others.py"):
        run = app.start(flows.doubles(1))
        until(lambda: run.status() == "blocked", SECONDS, "it is blocked")
        report = examine(app)
        name = f"{flows.__name__}:doubles"
        assert says("code", report) == [("error", f"no worker of queue yieldflow knows workflow {name}, of 1 run")]
        ((level, blocked),) = says("blocked", report)
        assert level == "warning"
        assert run.run_id in blocked
        app.start(flows.sleeps(3600.0))
        with worker(app, tmp_path):
            few = f"only 1 of 2 workers of queue yieldflow know workflow {flows.__name__}:sleeps"
            assert ("warning", few) in says("code", examine(app))


def test_a_step_that_no_worker_of_its_queue_knows_is_named(app: App, tmp_path: Path) -> None:
    """One that is busy with something else: a worker that takes it puts it off, again and again."""
    seconds, _ = app.client.time()
    told = presence(seconds * 1_000, ("others:flow",), ("others:step",), rings=True, stuck=0)
    app.client.hset("rq:worker:w1", mapping={"queues": "gpu", "yieldflow": told.packed()})
    app.client.sadd("rq:workers", "rq:worker:w1")
    with worker(app, tmp_path):
        run = app.start(flows.trains())
        until(lambda: len(app.store.work(run.run_id)) == 1, SECONDS, "its step is asked for")
        ((level, sentence),) = until(lambda: says("code", examine(app)), SECONDS, "it is free and due")
        assert level == "error"
        assert sentence == f"no worker of queue gpu knows step {flows.__name__}:train, and 1 call of it waits"


def test_a_stock_worker_without_json_is_known_by_what_it_did(app: App, tmp_path: Path) -> None:
    app.start(flows.doubles(1))
    command = [RQ, "worker", "--burst", "-u", app.settings.url, "yieldflow"]
    subprocess.run(command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, timeout=60, check=True)
    ((level, sentence),) = says("failed jobs", examine(app))
    assert level == "error"
    assert sentence == "1 hint of queue yieldflow failed: a stock worker serves it without -S json"


def test_hints_that_fail_for_another_reason_say_which(app: App, tmp_path: Path) -> None:
    app.start(flows.doubles(1))
    command = [RQ, "worker", "-S", "json", "--burst", "-u", app.settings.url, "yieldflow"]
    env = environment(tmp_path, YIELDFLOW_MODULES="nowhere_to_be_found")
    subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, timeout=60, check=True)
    ((level, sentence),) = says("failed jobs", examine(app))
    assert level == "warning"
    assert "1 hint of queue yieldflow failed (ModuleNotFoundError: No module named 'nowhere_to_be_found')" in sentence


def test_threads_that_do_not_come_back_are_said(app: App) -> None:
    seconds, _ = app.client.time()
    told = presence(seconds * 1_000, (), (), rings=True, stuck=2)
    app.client.hset("rq:worker:w1", mapping={"queues": "yieldflow", "yieldflow": told.packed()})
    app.client.sadd("rq:workers", "rq:worker:w1")
    assert says("workers", examine(app)) == [("warning", "2 threads of worker w1 are stuck in a body")]


def test_jobs_of_others_that_failed_are_counted(app: App) -> None:
    queue = Queue("yieldflow", connection=app.client, serializer=JSONSerializer)
    app.client.zadd("rq:failed:yieldflow", {"theirs": time.time() + 60})
    app.start(flows.doubles(1))
    assert queue.failed_job_registry.count == 1
    assert says("failed jobs", examine(app)) == [("warning", "1 job that is not yieldflow's failed in queue yieldflow")]


def test_alarms_that_nobody_rings_are_overdue(app: App, tmp_path: Path) -> None:
    run = app.start(flows.sleeps(0.01))
    app.serving(("yieldflow",)).tend(run.run_id)
    time.sleep(0.02)
    report = examine(app, patience=AT_ONCE)
    ((level, sentence),) = says("alarms", report)
    assert level == "error"
    assert sentence.startswith("1 alarm is overdue, the first by ")
    assert of("alarms", report)[0].do == "run yieldflow alarms, or a yieldflow worker without --no-alarms"
    assert says("alarms", examine(app)) == [], "not yet by five seconds"
    with worker(app, tmp_path):
        assert run.result(timeout=SECONDS) == "slept"


def test_hints_of_runs_that_are_gone_are_taken_away(app: App) -> None:
    run = app.start(flows.sleeps(3600.0), run_id="here")
    app.client.zadd(noted_in("yieldflow"), {"gone": 1, "here": 1})
    report = examine(app)
    assert says("hints", report) == [
        ("warning", "1 hint of queue yieldflow for runs that this store does not have, such as gone")
    ]
    assert examine(app, repair="dry-run").repairs != []
    assert examine(app, repair="yes").repairs != []
    assert app.client.zrange(noted_in("yieldflow"), 0, -1) == [b"here"]
    assert says("hints", examine(app)) == []
    assert run.status() == "running"


def test_a_hint_that_is_lost_is_left_again(app: App, tmp_path: Path) -> None:
    run = app.start(flows.trains(), run_id="untold")
    app.serving(("yieldflow",)).tend(run.run_id)
    for _ in range(4):  # it rings for nobody, and is put off each time
        app.client.zadd("yieldflow:alarms", {"untold": 1})
        assert app.store.due(10) == (Due("untold", "yieldflow"),)
    app.client.delete(noted_in("yieldflow"), noted_in("gpu"), "rq:queue:gpu", "rq:queue:yieldflow")
    report = examine(app, patience=AT_ONCE)
    ((level, sentence),) = says("hints", report)
    assert level == "warning"
    assert sentence.startswith("run untold has work for queue gpu, and no hint of it lies there (its next alarm is in ")
    assert says("hints", examine(app)) == [], "it may be that somebody takes it yet"
    assert examine(app, repair="yes", patience=AT_ONCE).repairs == [
        "run untold has work for queue gpu, and no hint of it lies there; left one"
    ]
    assert says("hints", examine(app, patience=AT_ONCE)) == []
    with worker(app, tmp_path, "--no-alarms"), worker(app, tmp_path, "--queue", "gpu", "--no-alarms"):
        assert run.result(timeout=SECONDS) == 3


def test_an_embedded_store_says_nothing_of_workers(ward: Ward) -> None:
    ward.app.start(flows.doubles(1))
    assert bool(of("workers", examine(ward.app))) is not ward.app.embedded


def test_nothing_is_written_by_looking(app: App) -> None:
    app.start(flows.doubles(1), run_id="a")
    app.client.zadd("rq:failed:yieldflow", {"theirs": 1})

    def all_keys() -> dict[bytes, bytes | None]:
        return {key: app.client.dump(key) for key in app.client.keys("*")}

    before = all_keys()
    examine(app, patience=AT_ONCE)
    examine(app, patience=AT_ONCE, repair="dry-run")
    assert all_keys() == before


def test_runs_of_another_prefix_are_none_of_ours(app: App) -> None:
    other = App(app.settings.url, prefix="other*")
    other.start(flows.doubles(1))
    assert examine(app).known == 0
    assert examine(other).known == 1
    other.close()
    assert isinstance(app.client, redis.Redis)
