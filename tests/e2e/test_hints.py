"""Hints are only hints: taken away, doubled, lost and mixed with other jobs, every run ends as it should."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import redis
from attrs import frozen
from rq import Queue
from rq.serializers import JSONSerializer

from tests.e2e import flows
from tests.e2e.account import account
from tests.e2e.journal import lines
from tests.e2e.processes import RQ, Process, environment, our_worker, running, until
from tests.servers import Server
from yieldflow import App
from yieldflow.ports import HINT_AFTER, Due

SECONDS = 30.0


@frozen
class Place:
    """Two workers of ours on a server."""

    url: str
    folder: Path
    app: App
    workers: list[Process]

    def rq(self, *words: str) -> str:
        """RQ's own command line."""
        done = subprocess.run(
            [RQ, words[0], "-u", self.url, *words[1:]],
            cwd=self.folder,
            env=environment(self.folder),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
        return done.stdout


class Nowhere:
    """Every hint is lost."""

    def offer(self, run_id: str, queue: str, count: int = 1) -> None:
        pass

    def offer_each(self, runs: Sequence[Due]) -> None:
        pass


@pytest.fixture(scope="module")
def place(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("hints")
    with pytest.MonkeyPatch.context() as patch, redis.Redis.from_url(shared_server.url) as client:
        patch.setenv("E2E_FOLDER", str(folder))
        client.flushall()
        app = App(shared_server.url)
        with running(*our_worker(shared_server.url), folder=folder, count=2) as workers:
            until(lambda: client.scard("rq:workers") == 2, SECONDS, "two workers are there")
            yield Place(shared_server.url, folder, app, workers)
        app.close()


def test_a_queue_that_is_emptied_in_the_middle_loses_nothing(place: Place):
    handles = [place.app.start(flows.once_and_many("empty", 0.01), run_id=f"empty-{n}") for n in range(30)]
    place.rq("empty", "yieldflow")
    place.app.client.delete("rq:queue:yieldflow")
    assert {handle.result(timeout=SECONDS) for handle in handles} == {8 + len("empty")}
    told = account(lines(place.folder), {handle.run_id: handle.history() for handle in handles})
    assert told.bodies == 4 * len(handles)


def test_doubled_hints_do_nothing_twice(place: Place):
    handle = place.app.start(flows.worked_at_once(6, 0.05), run_id="doubled")
    for _ in range(5):
        place.app.hints.offer("doubled", "yieldflow", 20)
    assert handle.result(timeout=SECONDS) == 2 * sum(range(6))
    bodies = [line.path for line in lines(place.folder) if line.what == "began" and line.run_id == "doubled"]
    assert len(bodies) == len(set(bodies)) == 6


def test_an_alarm_repairs_a_lost_hint(place: Place):
    silent = App(place.url)
    silent.hints = Nowhere()
    began = time.monotonic()
    handle = silent.start(flows.steps_in_a_row(3), run_id="lost")
    assert handle.result(timeout=SECONDS) == 3
    took = time.monotonic() - began
    silent.close()
    print(f"\na lost hint cost {took:.2f} s")
    assert HINT_AFTER / 1_000 - 0.1 < took < HINT_AFTER / 1_000 + 1.5


def test_a_job_of_another_kind_is_refused_by_our_worker(place: Place):
    queue = Queue("yieldflow", connection=place.app.client, serializer=JSONSerializer)
    job = queue.enqueue(f"{flows.__name__}.of_another_kind", "another kind", result_ttl=60)
    until(lambda: job.get_status(refresh=True) == "failed", SECONDS, "RQ knows that it failed")
    assert not (place.folder / "mark another kind").exists()
    handle = place.app.start(flows.steps_in_a_row(2), run_id="after-another-kind")
    assert handle.result(timeout=SECONDS) == 1


def test_rq_info_sees_our_workers(place: Place):
    told = place.rq("info", "-R")
    assert "2 workers" in told
    assert "yieldflow" in told
    assert all(process.poll() is None for process in place.workers)
