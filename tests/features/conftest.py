"""One app on each of the three stores; Redis is a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.servers import valkey
from yieldflow import App, alarms

STORES = ("memory", "sqlite", "redis")
LEASE = "2s"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with valkey() as server:
        yield server.url


@pytest.fixture(params=STORES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    match request.param:
        case "memory":
            return "memory:"
        case "sqlite":
            return f"sqlite:///{tmp_path}/runs.db"
        case _:
            found: str = request.getfixturevalue("redis_url")
            with redis.Redis.from_url(found) as client:
                client.flushall()
            return found


@pytest.fixture
def idle(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """Nobody works on its runs but a `result()` on a store that needs no server."""
    monkeypatch.setattr(alarms, "TICK", 20)  # milliseconds: sleeps here are short
    app = App(url, lease=LEASE)
    yield app
    app.close()


@pytest.fixture
def app(idle: App) -> Iterator[App]:
    with idle.worker(threads=4):
        yield idle
