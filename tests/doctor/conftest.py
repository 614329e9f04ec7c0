"""An app on each kind of store, and hands that reach into it past all scripts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import pytest
import redis
from attrs import frozen

from tests.servers import Server, valkey
from yieldflow import App


class Hands(Protocol):
    """What goes wrong outside of yieldflow. Each takes something of one run away, or falsifies it."""

    def no_work(self, run_id: str) -> None: ...
    def no_alarm(self, run_id: str) -> None: ...
    def no_ring(self, run_id: str) -> None:
        """Only what would ring: that it has an alarm is still written elsewhere."""
        ...

    def no_tags(self, run_id: str) -> None: ...
    def other_queue(self, run_id: str) -> None: ...
    def other_end(self, run_id: str) -> None:
        """What has ended has not, and the other way round."""
        ...

    def late_alarm(self, run_id: str) -> None: ...
    def no_summary(self, run_id: str) -> None: ...
    def other_status(self, run_id: str) -> None: ...
    def no_hooks(self, run_id: str) -> None: ...
    def other_payloads(self, run_id: str) -> None: ...
    def no_keys(self, run_id: str) -> None: ...
    def no_log(self, run_id: str) -> None: ...
    def damaged_log(self, run_id: str) -> None: ...


@frozen
class RedisHands:
    client: redis.Redis

    def no_work(self, run_id: str) -> None:
        assert self.client.delete(f"yieldflow:work:{run_id}")

    def no_alarm(self, run_id: str) -> None:
        self.no_ring(run_id)
        assert self.client.hdel(f"yieldflow:run:{run_id}", "alarm")

    def no_ring(self, run_id: str) -> None:
        assert self.client.zrem("yieldflow:alarms", run_id)

    def no_tags(self, run_id: str) -> None:
        sets = list(self.client.scan_iter("yieldflow:tag:*"))
        assert sum(self.client.zrem(name, run_id) for name in sets)

    def other_queue(self, run_id: str) -> None:
        self.client.hset(f"yieldflow:run:{run_id}", "queue", "elsewhere")

    def other_end(self, run_id: str) -> None:
        if not self.client.hdel(f"yieldflow:run:{run_id}", "ended"):
            self.client.hset(f"yieldflow:run:{run_id}", "ended", 1)

    def late_alarm(self, run_id: str) -> None:
        assert not self.client.zadd("yieldflow:alarms", {run_id: 1 << 50})
        self.client.hset(f"yieldflow:run:{run_id}", "alarm", 1 << 50)

    def no_summary(self, run_id: str) -> None:
        assert self.client.delete(f"yieldflow:run:{run_id}")

    def other_status(self, run_id: str) -> None:
        self.client.hset(f"yieldflow:run:{run_id}", "status", "completed")

    def no_hooks(self, run_id: str) -> None:
        assert self.client.delete(f"yieldflow:hooks:{run_id}", "yieldflow:tokens")

    def other_payloads(self, run_id: str) -> None:
        self.client.hset(f"yieldflow:run:{run_id}", "payloads", 999)

    def no_keys(self, run_id: str) -> None:
        assert self.client.delete(f"yieldflow:chain:{run_id}")

    def no_log(self, run_id: str) -> None:
        assert self.client.delete(f"yieldflow:log:{run_id}")

    def damaged_log(self, run_id: str) -> None:
        self.client.lset(f"yieldflow:log:{run_id}", 1, "commit {nothing")


@frozen
class SqliteHands:
    file: Path

    def do(self, statement: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.file, timeout=10)) as db, db:
            assert db.execute(statement, values).rowcount

    def no_work(self, run_id: str) -> None:
        self.do("DELETE FROM work WHERE run = (SELECT id FROM run WHERE run_id = ?)", run_id)

    def no_alarm(self, run_id: str) -> None:
        self.do("UPDATE run SET alarm = NULL, base = NULL WHERE run_id = ?", run_id)

    def no_ring(self, run_id: str) -> None:
        self.do("UPDATE run SET alarm = NULL WHERE run_id = ?", run_id)

    def no_tags(self, run_id: str) -> None:
        self.do("DELETE FROM tag WHERE run_id = ?", run_id)

    def other_queue(self, run_id: str) -> None:
        self.do("UPDATE run SET queue = 'elsewhere' WHERE run_id = ?", run_id)

    def other_end(self, run_id: str) -> None:
        self.do("UPDATE run SET done = 1 - done WHERE run_id = ?", run_id)

    def late_alarm(self, run_id: str) -> None:
        self.do("UPDATE run SET alarm = ?, base = ? WHERE run_id = ?", 1 << 50, 1 << 50, run_id)

    def no_summary(self, run_id: str) -> None:
        self.do("DELETE FROM run WHERE run_id = ?", run_id)

    def other_status(self, run_id: str) -> None:
        self.do("UPDATE run SET status = 'completed' WHERE run_id = ?", run_id)

    def no_hooks(self, run_id: str) -> None:
        self.do("DELETE FROM hook WHERE chain = ?", run_id)

    def other_payloads(self, run_id: str) -> None:
        self.do("UPDATE run SET payloads = 999 WHERE run_id = ?", run_id)

    def no_keys(self, run_id: str) -> None:
        self.do("DELETE FROM delivery WHERE run = (SELECT id FROM run WHERE run_id = ?)", run_id)

    def no_log(self, run_id: str) -> None:
        self.do("DELETE FROM event WHERE run = (SELECT id FROM run WHERE run_id = ?)", run_id)

    def damaged_log(self, run_id: str) -> None:
        where = "run = (SELECT id FROM run WHERE run_id = ?) AND position = 2"
        self.do(f"UPDATE event SET bytes = x'7b' WHERE {where}", run_id)


@frozen
class Ward:
    app: App
    hands: Hands


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture(scope="session")
def own_server() -> Iterator[Server]:
    with valkey() as server:
        yield server


@pytest.fixture(params=["sqlite", "redis"])
def ward(request: pytest.FixtureRequest, file: Path, own_server: Server) -> Iterator[Ward]:
    hands: Hands
    if request.param == "sqlite":
        app, hands = App(f"sqlite:///{file}"), SqliteHands(file)
    else:
        app = App(own_server.url)
        app.client.flushall()
        hands = RedisHands(app.client)
    yield Ward(app, hands)
    app.close()
