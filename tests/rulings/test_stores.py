"""Rulings 53, 55, 56, 60 and 61: alarms of long bodies, keys, scripts that are no transactions, wake-ups, clocks."""

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
import redis

from tests.engine.world import RUN, World
from tests.servers import Server
from tests.stores.test_redis import RedisHarness
from yieldflow import Flow, gather, sleep, step, workflow
from yieldflow.drive import Clock
from yieldflow.engine import planning
from yieldflow.engine.requests import Execute
from yieldflow.ports import Beat, Commit, Done, Head, Holding, Mark, Open, Revoke
from yieldflow.stores.redis import RedisStore, connect
from yieldflow.stores.sqlite import SqliteStore
from yieldflow.testing.contracts.harness import append, change, claim, done, free, log, new_id, start, summary

LEASE = 10_000


@step(retry=1)
def work(n: int) -> int:
    return n


@workflow
def single() -> Flow[int]:
    return (yield work(1))


@workflow
def wide(n: int) -> Flow[int]:
    return len((yield gather(*[work(number) for number in range(n)])))


@workflow
def sleepers(n: int) -> Flow[int]:
    return len((yield gather(*[sleep("1s") for _ in range(n)])))


@pytest.fixture
def harness(server: Server) -> Iterator[RedisHarness]:
    client = connect(server.url)
    store = RedisStore(client)
    yield RedisHarness(client, store)
    store.close()


# --- 53 ---------------------------------------------------------------------------------------------------------------


def test_53_a_long_body_that_beats_never_rings():
    world = World()
    world.start(single())
    flight = world.worker("w1").tend()
    held = flight.until(Execute).claim
    for _ in range(100):
        world.clock.at += LEASE // 3
        assert world.store.renew([Beat(RUN, held.path, held.token)]) != (None,)
        assert world.ring() == 0
    world.clock.at += LEASE  # it is silent now
    assert world.ring() == 1


# --- 55 ---------------------------------------------------------------------------------------------------------------


def test_55_no_run_id_names_the_key_of_another_kind_or_run(harness: RedisHarness):
    ids = ["alarms", "runs", "tokens", "log", "a", "a:log", "log:a", "run:a", "free:9:yieldflow:a", "status:running"]
    for run_id in ids:
        start(harness, run_id.encode(), run_id=run_id, put=(free(),), alarm=1, hooks={f"hash of {run_id}": "h"})
    for run_id in ids:
        held = claim(harness, run_id=run_id)
        done(change(harness, Holding((1,), held.token), b"report", run_id=run_id, drop=((1,),)))
        done(change(harness, Open("key"), b"payload", run_id=run_id))
    for run_id in ids:
        assert log(harness, run_id).events == (run_id.encode(), b"report", b"payload")
        assert harness.store.resolve(f"hash of {run_id}") == (run_id, "h")
    harness.store.delete("alarms")
    harness.store.delete("a")
    assert [run.run_id for run in harness.store.due(100)] != []
    assert log(harness, "a:log").events == (b"a:log", b"report", b"payload")


# --- 56 ---------------------------------------------------------------------------------------------------------------


def everything(client: redis.Redis) -> dict[bytes, bytes]:
    return {key: client.dump(key) for key in client.keys("*")}


def test_56_a_commit_that_is_refused_writes_nothing(harness: RedisHarness):
    head = start(harness, put=(free((1,)), free((2,))), alarm=5)
    held = claim(harness)
    append(harness, b"more")
    done(change(harness, Open("key"), b"payload"))
    before = everything(harness.client)
    rest = {"put": (free((7,)),), "drop": ((1,), (2,)), "hooks": {"hash": "h"}, "worker": "w2"}
    whole = {**rest, "alarm": 1, "summary": summary(status="completed"), "done": True}
    refusals = [
        change(harness, Head(head), b"x", **whole),
        change(harness, Head(None), b"x", **whole),
        change(harness, Head(Mark(3, "another")), b"x", **whole),
        change(harness, Holding((1,), "another token"), b"x", **rest),
        change(harness, Open("key"), b"x", payloads=1, inbox=10, **rest),
        change(harness, Open("new key"), b"x", payloads=1, inbox=0, **rest),
        change(harness, Open("key"), b"x", run_id="nobody", **rest),
    ]
    assert not [reply for reply in refusals if isinstance(reply, Done)]
    assert everything(harness.client) == before
    assert log(harness).claimed == (held,)


def test_56_a_revocation_that_comes_too_early_writes_nothing(harness: RedisHarness):
    start(harness, put=(free((1,), lease=60_000),))
    held = claim(harness)
    before = everything(harness.client)
    head = log(harness).head
    change(harness, Head(head), b"lost", revoke=(Revoke((1,), held.token),), put=(free((1,)),), alarm=1)
    assert everything(harness.client) == before


@pytest.mark.parametrize(("limit", "value"), [("MOST_EVENTS", 7), ("MOST_BYTES", 400)])
def test_56_more_decisions_than_a_commit_carries_come_with_the_next(monkeypatch, limit, value):
    monkeypatch.setattr(planning, limit, value)
    world = World()
    world.start(wide(20))
    world.worker("w1").tend().to_end()
    assert world.fold().outcome is not None
    issuing = [len(commit.events) for _, commit, _ in world.saved if commit.put]
    assert len(issuing) > 2
    assert max(issuing) <= 7


def test_56_more_timers_than_a_commit_carries_are_all_heard():
    world = World()
    world.start(sleepers(1_500))
    world.worker("w1").tend().to_end()
    world.clock.at += 1_000
    world.worker("w2").tend().to_end()
    assert world.outcome().value == b"1500"


# --- 60 ---------------------------------------------------------------------------------------------------------------


def waits(store, run_id: str, head: Mark | None, seconds: float) -> tuple[bool, float]:
    begun = time.monotonic()
    return store.wait(run_id, head, seconds), time.monotonic() - begun


def test_60_a_waiter_on_redis_looks_by_itself_when_nothing_is_published(harness: RedisHarness):
    head = start(harness)
    silent = redis.Redis.from_url(f"redis://127.0.0.1:{harness.client.connection_pool.connection_kwargs['port']}/0")

    def append_unheard():
        time.sleep(0.1)
        silent.rpush(f"yieldflow:log:{summary().run_id}", b"id event")

    thread = Thread(target=append_unheard)
    thread.start()
    moved, took = waits(harness.store, summary().run_id, head, 20)
    thread.join()
    silent.close()
    assert moved
    assert took < 5


def test_60_waiters_on_sqlite_hear_of_their_process_at_once_and_of_others_soon(tmp_path: Path):
    mine, other = SqliteStore(tmp_path / "runs.db"), SqliteStore(tmp_path / "runs.db")
    mine.commit([Commit(RUN, new_id(), Head(None), (b"started",), summary=summary(RUN))])
    for number, writer in enumerate((mine, other)):
        head = mine.read(RUN).head
        thread = Thread(target=lambda writer=writer, number=number: _deliver_later(writer, str(number)))
        thread.start()
        moved, took = waits(mine, RUN, head, 20)
        thread.join()
        assert moved
        assert took < 5
    mine.close()
    other.close()


def _deliver_later(store: SqliteStore, key: str) -> None:
    time.sleep(0.05)
    store.commit([Commit(RUN, new_id(), Open(key), (b"payload",))])


# --- 61 ---------------------------------------------------------------------------------------------------------------


def test_61_the_time_of_a_worker_is_the_stores_and_never_runs_backwards(monkeypatch):
    passed = [0.0]  # seconds since this process began
    monkeypatch.setattr(time, "monotonic", lambda: passed[0])
    clock = Clock()
    clock.heard(1_000_000)
    assert clock.now() == 1_000_000  # whatever this machine's own clock says
    passed[0] = 0.5
    assert clock.now() == 1_000_500
    clock.heard(999_000)  # a store that was replaced, or whose clock was set back
    assert clock.now() == 1_000_500
    passed[0] = 2.5
    assert clock.now() == 1_001_000


def test_61_a_clock_that_jumps_makes_a_lost_worker_and_no_second_outcome():
    world = World()
    world.start(single())
    slow = world.worker("w1").tend()
    slow.until(Execute)
    world.clock.at += 1_000 * LEASE
    world.worker("w2").tend().to_end()
    slow.to_end()
    resolved = [event for event in world.events() if getattr(event, "outcome", None) and hasattr(event, "worker")]
    assert [event.worker for event in resolved] == ["w2"]
    assert world.outcome().value == b"1"
