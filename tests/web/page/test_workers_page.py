"""Queues and workers on the page: what waits where, who serves it, who carries out what, and how the store is."""

from __future__ import annotations

import threading

import pytest
from rq import Queue

from tests.features.moments import eventually
from tests.proxy import counting
from tests.web.conftest import served
from tests.web.page.browser import READER, Browser
from yieldflow import App, Flow, gather, hook, sleep, step, workflow
from yieldflow.ports import Due
from yieldflow.presence import presence
from yieldflow.rq import Worker
from yieldflow.rq.fleet import PRESENCE
from yieldflow.web.page import workers
from yieldflow.web.page.visit import Visit

GATE = threading.Event()
HOSTILE = "<i>\"'&"
ROUND_TRIPS = 8  # find, read, next alarm, workers (2), backlogs, INFO, CONFIG


@step
def waits_at_the_gate() -> int:
    GATE.wait(10)
    return 1


@step(queue="gpu")
def train() -> int:
    return 1


@workflow
def works() -> Flow[int]:
    return (yield from waits_at_the_gate())


@workflow
def trains() -> Flow[object]:
    return (yield from gather(train(), train()))


@workflow
def asks() -> Flow[object]:
    return (yield from hook("approval"))


@workflow
def naps() -> Flow[None]:
    yield from sleep("30d")


@pytest.fixture(autouse=True)
def _gate():
    GATE.clear()
    yield
    GATE.set()


@pytest.fixture
def fleet(own_redis):
    app = App(own_redis.url)
    app.client.flushall()
    yield app
    app.close()


def rows(part):
    return [[cell.text.strip() for cell in one.inside] for one in part.one("tbody").all("tr")]


def born(app, *queues, says=None):
    """A worker that is there, without a process of its own. *says*: its presence; None: it is a stock one."""
    worker = Worker([Queue(queue, connection=app.client) for queue in queues], connection=app.client)
    worker.register_birth()
    if says is not None:
        app.client.hset(worker.key, PRESENCE, says.packed())
    return worker


def here(app, **options):
    at = app.store.next_alarm()[1]
    return presence(at, (), (), rings=options.pop("rings", False), stuck=options.pop("stuck", 0))


# --- on each store ----------------------------------------------------------------------------------------------------


def test_an_empty_store_is_shown_with_its_own_queue(app, browser):
    page = browser.page("workers")
    (queue,) = rows(page.one(id="queues"))
    assert queue[:3] == ["yieldflow", "0", "0"]
    assert "none is overdue" in page.one(id="alarms").text
    assert "Where" in page.one(id="store").text
    kept = "a power cut may take the last ones" if app.embedded else "as the server keeps it"
    assert kept in page.one(id="store").text
    words = page.one(id="workers").text
    assert ("Nobody carries out anything now." if app.embedded else "No worker is running") in words


def test_what_is_carried_out_is_shown_with_its_run(app, browser):
    with app.worker(threads=2):
        app.start(works(), run_id="r<1>")
        said = eventually(lambda: next((one for one in [rows_of_workers(browser)] if one), None))
        assert len(said) == 1
        page = browser.page("workers")
        assert "waits_at_the_gate of r<1> for" in page.one(id="workers").text
        assert "/ui/runs/r%3C1%3E" in [one["href"] for one in page.one(id="workers").all("a")]
        GATE.set()


def rows_of_workers(browser):
    part = browser.page("workers").one(id="workers")
    return rows(part) if list(part.all("tbody")) else []


def test_runs_that_nobody_has_looked_at_are_counted(app, browser):
    app.start(naps(), run_id="a")
    app.start(naps(), run_id="b")
    app.runtime.tend("b")
    (queue,) = rows(browser.page("workers").one(id="queues"))
    assert queue[1] == "2 (1 not looked at)"


def test_who_opens_the_store_and_how_is_not_told(own_redis):
    app = App(own_redis.url.replace("redis://", "redis://default:@") + "?health_check_interval=7")
    try:
        text = seen(app).one("main").text
        assert own_redis.url.partition("://")[2].partition("/")[0] in text
        assert "default" not in text
        assert "health" not in text
    finally:
        app.close()


def test_the_doctor_looks_when_it_is_asked(app, browser):
    app.start(naps(), run_id="r")
    app.runtime.tend("r")
    page = browser.page("workers/doctor")
    assert "1 run looked at" in page.one(class_="note").text
    checks = [row[1] for row in rows(page)]
    assert {"clock", "alarms", "runs"} <= set(checks)
    assert ("journal" if app.embedded else "persistence") in checks


def test_a_reader_sees_all_of_it(app, client):
    reader = Browser(client, READER)
    assert rows(reader.page("workers").one(id="queues"))
    assert reader.get("workers/doctor").status == 200
    assert reader.post("workers/doctor").status in (403, 405)


# --- where workers announce themselves --------------------------------------------------------------------------------


def seen(fleet):
    with served(fleet, page=True) as client:
        return Browser(client).page("workers")


def test_a_queue_with_work_that_no_worker_serves_is_marked_and_says_what_to_do(fleet):
    born(fleet, "yieldflow")
    fleet.start(trains(), run_id="r")
    fleet.serving(("yieldflow",)).tend("r")
    fleet.client.delete("yieldflow:look:gpu")  # a hint that was lost
    gpu, own = rows(seen(fleet).one(id="queues"))
    assert gpu[0] == "gpu"
    assert gpu[2] == "2"
    assert "✗ no worker serves it" in gpu[-1]
    assert "yieldflow worker MODULE --queue gpu" in gpu[-1]
    assert own[-1] == "✓ 1 worker"


def test_a_queue_that_nobody_serves_or_needs_is_no_trouble(fleet):
    (own,) = rows(seen(fleet).one(id="queues"))
    assert own[-1].startswith("· no worker serves it")


def test_hints_are_counted_and_the_oldest_is_told(fleet):
    fleet.hints.offer_each([Due("a", "yieldflow"), Due("b", "yieldflow")])
    (queue,) = rows(seen(fleet).one(id="queues"))
    assert (queue[3], queue[4]) == ("2", "0 s ago")
    fleet.client.zadd("yieldflow:look:yieldflow", {"a": (fleet.store.next_alarm()[1] - 65_000) * 1_000})
    (queue,) = rows(seen(fleet).one(id="queues"))
    assert queue[4] == "! 1 min 5 s ago"


def test_workers_are_shown_with_what_they_say_of_themselves(fleet):
    born(fleet, "yieldflow", "gpu", says=here(fleet, rings=True, stuck=2))
    page = seen(fleet)
    (worker,) = rows(page.one(id="workers"))
    assert worker[1] == "yieldflow, gpu"
    assert worker[2].endswith("ago")
    assert "✓ rings" in worker[4]
    assert "2 threads stuck in a body" in worker[4]
    assert "nothing now" in worker[4]
    assert "Rung for by" in page.one(id="alarms").text


def test_a_stock_worker_is_named_as_one_and_rings_nothing(fleet):
    born(fleet, "yieldflow")
    page = seen(fleet)
    (worker,) = rows(page.one(id="workers"))
    assert "stock RQ worker" in worker[4]
    assert "No worker rings" in page.one(id="alarms").text


def test_how_durable_a_store_is_is_said_in_words(tmp_path):
    for url, options, words in (
        ("memory:", {}, "it ends with this process"),
        (f"sqlite:///{tmp_path}/runs.db", {"durability": "fsync"}, "each commit is on the disk (fsync)"),
    ):
        app = App(url, **options)
        assert words in seen(app).one(id="store").text
        app.close()


def test_hostile_names_of_queues_stay_text(fleet):
    fleet.start(asks().options(queue=HOSTILE), run_id="r")
    hostile, _ = rows(seen(fleet).one(id="queues"))
    assert hostile[0] == HOSTILE


def test_what_the_server_says_of_itself_is_told(fleet):
    store = seen(fleet).one(id="store").text
    assert "appendonly yes" in store
    fleet.client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert "a full server throws runs away" in seen(fleet).one(id="store").text
    finally:
        fleet.client.config_set("maxmemory-policy", "noeviction")


def test_alarms_that_nobody_rings_for_are_told(fleet):
    fleet.start(naps(), run_id="r")
    fleet.client.zadd("yieldflow:alarms", {"r": fleet.store.next_alarm()[1] - 60_000})
    assert "1 alarm is overdue, the first by 1 min" in seen(fleet).one(id="alarms").text


def test_looking_again_costs_a_few_round_trips_however_many_runs_there_are(own_redis):
    with counting(own_redis.port) as proxy:
        app = App(proxy.url)
        try:
            app.client.flushall()
            born(app, "yieldflow")
            app.start_many([naps().options(run_id=f"r{number}") for number in range(150)])
            workers.listing(Visit(app))
            before = proxy.bursts
            workers.listing(Visit(app))
            assert proxy.bursts - before == ROUND_TRIPS
        finally:
            app.close()
