"""With `fsync` a store answers when the disk has what it wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.proxy import counting
from tests.servers import Server, valkey
from yieldflow import App, Flow, step, workflow
from yieldflow.errors import ReplyLost, StoreUnsuitable, UsageError
from yieldflow.stores.redis import RedisStore, connect
from yieldflow.stores.redis.server import check_server
from yieldflow.stores.sqlite import SqliteStore
from yieldflow.testing.contracts import StoreContract
from yieldflow.testing.contracts.harness import Embedded, FakeClock, append, log, start

from .redis_harness import RedisHarness

ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")
NEVER = ("--appendonly", "yes", "--appendfsync", "no")  # by itself: the system writes when it likes


@step
def double(number: int) -> int:
    return number * 2


@workflow
def twice(number: int) -> Flow[int]:
    return (yield double(number))


@pytest.fixture(scope="module")
def keeping() -> Iterator[Server]:
    with valkey(*ALWAYS) as server:
        yield server


@pytest.fixture
def harness(keeping: Server) -> Iterator[RedisHarness]:
    client = connect(keeping.url)
    client.flushall()
    store = RedisStore(client, fsync=True)
    yield RedisHarness(client, store)
    store.close()


class TestRedisStoreThatWaitsForTheDisk(StoreContract): ...


def test_the_disk_is_waited_for_in_the_same_round_trip(keeping: Server, harness: RedisHarness):
    with counting(keeping.port) as proxy:
        store = RedisStore(connect(proxy.url), fsync=True)
        store.read("nobody")
        former = proxy.bursts
        store.read("nobody")
        assert proxy.bursts == former + 1
        store.close()


def test_scripts_that_a_server_has_forgotten_are_loaded_and_the_disk_waited_for(harness: RedisHarness):
    start(harness)
    harness.client.script_flush()
    append(harness, b"next")
    assert log(harness).head.length == 2


def test_a_server_that_never_says_so_counts_as_one_whose_reply_is_lost(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("yieldflow.stores.redis.scripts._LONGEST_FSYNC", 50)
    with valkey(*NEVER) as server:
        client = connect(server.url)
        store = RedisStore(client, fsync=True)
        with pytest.raises(ReplyLost, match=r"has not said within 0\.05 s that it is on its disk"):
            start(RedisHarness(client, store))
        store.close()


@pytest.mark.parametrize("options", [("--appendonly", "no")])
def test_a_server_that_keeps_no_log_is_refused(options: tuple[str, ...]):
    with valkey(*options) as server:
        client = connect(server.url)
        check_server(client)
        with pytest.raises(StoreUnsuitable, match=r'durability="fsync" needs Redis 7.2 or Valkey with appendonly yes'):
            check_server(client, fsync=True)
        client.close()


def test_a_server_without_the_command_is_refused(keeping: Server, monkeypatch: pytest.MonkeyPatch):
    client = connect(keeping.url)
    told = {**client.info(), "redis_version": "7.0.15"}
    monkeypatch.setattr(redis.Redis, "info", lambda _: told)
    with pytest.raises(StoreUnsuitable, match=r"Redis 7\.2"):
        check_server(client, fsync=True)
    client.close()


@pytest.mark.parametrize(("fsync", "level"), [(False, 1), (True, 2)])
def test_sqlite_writes_its_log_to_the_disk_at_each_commit(tmp_path: Path, fsync: bool, level: int):
    clock = FakeClock()
    store = SqliteStore(tmp_path / "store.db", clock, fsync=fsync)
    start(Embedded(store, clock))
    found = store._connections.write(lambda db: db.execute("PRAGMA synchronous").fetchone())
    assert found == (level,)
    store.close()


def test_an_app_is_told_by_call_environment_or_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert App("memory:").settings.durability == "server"
    Path("pyproject.toml").write_text('[tool.yieldflow]\ndurability = "fsync"\n')
    assert App("memory:").settings.durability == "fsync"
    monkeypatch.setenv("YIELDFLOW_DURABILITY", "server")
    assert App("memory:").settings.durability == "server"
    assert App("memory:", durability="fsync").settings.durability == "fsync"
    with pytest.raises(UsageError, match="durability='disk' must be"):
        App("memory:", durability="disk")  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["sqlite", "redis"])
def test_a_run_goes_its_way_on_the_disk(tmp_path: Path, keeping: Server, scheme: str):
    app = App(f"sqlite:///{tmp_path}/store.db" if scheme == "sqlite" else keeping.url, durability="fsync")
    handle = app.start(twice(3))
    app.runtime.tend(handle.run_id)
    assert handle.result(timeout=10) == 6
    app.close()
