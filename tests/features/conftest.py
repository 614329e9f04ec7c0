"""One app on each of the three stores; Redis is a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from yieldflow import App, alarms

LEASE = "2s"


@pytest.fixture
def url(store_url: str) -> str:
    return store_url


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
