"""What the Redis store costs: commands of a commit, bytes of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.servers import Server
from yieldflow.ports import Claim, Commit, Head
from yieldflow.stores.redis import RedisStore, connect
from yieldflow.testing.contracts.harness import RUN, append, change, done, free, log, new_id, start, summary

from .redis_harness import RedisHarness


@pytest.fixture
def harness(server: Server) -> Iterator[RedisHarness]:
    client = connect(server.url)
    store = RedisStore(client)
    yield RedisHarness(client, store)
    store.close()


# --- what a commit costs ---------------------------------------------------------------------------------------------

STEP = (
    "TIME",
    "LRANGE",
    "HMGET",
    "HMGET",
    "HLEN",
    "ZRANGE",
    "ZADD",
    "RPUSH",
    "HSET",
    "HDEL",
    "ZADD",
    "ZREM",
    "PUBLISH",
)
START = ("TIME", "LLEN", "HMGET", "TYPE", "TYPE", "HLEN", "ZRANGE", "ZADD", "RPUSH", "HSET", "ZADD", "ZADD", "PUBLISH")
FINISH = (
    *("TIME", "LRANGE", "HMGET", "HMGET", "HLEN", "ZRANGE"),
    *("TYPE", "TYPE", "TYPE", "TYPE", "TYPE"),
    *("ZREM", "RPUSH", "DEL", "HSET", "ZREM", "ZADD", "SMEMBERS", "DEL", "PUBLISH", "PUBLISH"),
)


def commands(harness: RedisHarness, call: Callable[[], object]) -> Counter[str]:
    """Those that scripts call."""

    def called() -> Counter[str]:
        stats = harness.client.info("commandstats")
        return Counter({name.removeprefix("cmdstat_").upper(): of["calls"] for name, of in stats.items()})

    before = called()
    call()
    return called() - before - Counter(["INFO", "EVALSHA"])


def test_a_commit_takes_so_many_commands(harness: RedisHarness):
    """What is here is paid for each step: to make it more is to make all slower."""
    started = Commit(RUN, new_id(), Head(None), (b"started",), alarm=1, summary=summary())
    start(harness, run_id="other", summary=summary("other"))  # the server learns the script
    assert commands(harness, lambda: done(harness.store.commit([started])[0])) == Counter(START)
    append(harness, b"issued", put=(free((1,)),), claim=(Claim((1,), "t"),), worker="w", entries=1)
    first = log(harness).head
    step = Commit(
        RUN,
        new_id(),
        Head(first),
        (b"resolved", b"issued"),
        drop=((1,),),
        put=(free((2,)),),
        claim=(Claim((2,), "t"),),
        worker="w",
        entries=1,
        payloads=0,
    )
    assert commands(harness, lambda: done(harness.store.commit([step])[0])) == Counter(STEP)
    ended = summary(status="completed", finished_at=1)
    head = Head(log(harness).head)
    finish = Commit(RUN, new_id(), head, (b"resolved", b"ended"), drop=((2,),), summary=ended, done=True)
    assert commands(harness, lambda: done(harness.store.commit([finish])[0])) == Counter(FINISH)


def test_alarms_that_are_due_are_put_off_together(harness: RedisHarness):
    for number in range(10):
        start(harness, run_id=f"run-{number}", summary=summary(f"run-{number}"), alarm=1)
    harness.store.due(1)  # the server learns the script
    of_all, of_each = ("TIME", "ZRANGEBYSCORE", "ZADD"), ("HMGET", "ZRANGEBYSCORE", "HSET")
    assert commands(harness, lambda: harness.store.due(9)) == Counter([*of_all, *of_each * 9])


def test_a_sleeping_run_takes_less_than_a_kilobyte(harness: RedisHarness):
    runs = 200
    for number in range(runs):
        run_id = f"sleeper-{number:016d}"
        head = start(harness, b"s" * 200, run_id=run_id, summary=summary(run_id), alarm=1)
        done(change(harness, Head(head), b"i" * 100, run_id=run_id, alarm=9_000_000_000_000, payloads=0))
    client, sizes = harness.client, Counter[str]()
    for key in client.keys("*"):
        kind, _, run_id = key.decode().removeprefix("yieldflow:").partition(":")
        sizes[kind] += client.memory_usage(key, samples=0)
        assert not run_id.startswith("sleeper") or client.object("encoding", key) in (b"listpack", b"quicklist")
    assert set(sizes) == {"log", "run", "alarms", "workflow", "status"}
    assert sum(sizes.values()) / runs < 1_000, sizes
