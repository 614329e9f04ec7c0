"""The setting that keeps all it acknowledges; a deep run measures the others, too."""

from __future__ import annotations

import logging

import pytest

from tests.deep.redis_settings import AOF_ALWAYS, SETTINGS, WORKERS, measured
from tests.servers import valkey
from yieldflow import App

KILLS = 3


def test_a_file_that_is_synced_at_each_write_keeps_all_that_was_acknowledged():
    counts = measured(AOF_ALWAYS, KILLS, seed=1, seconds=(0.3, 0.9))
    print(f"\n{dict(counts)}")
    assert counts["AOF always: acknowledged"] > 30
    assert counts["AOF always: missing"] == 0
    assert counts["AOF always: runs that ended rightly"] > 5
    assert counts["AOF always: bodies that ran again"] <= KILLS * WORKERS  # those that the kills came into


def test_a_server_without_a_file_loses_what_it_acknowledged_and_runs_end_all_the_same():
    (setting,) = [setting for setting in SETTINGS if setting.name == "RDB only, as by default"]
    counts = measured(setting, 1, seed=1, seconds=(0.3, 0.5))
    assert counts[f"{setting.name}: missing"] == counts[f"{setting.name}: acknowledged"] > 0
    assert counts[f"{setting.name}: runs that ended rightly"] > 0


def test_whoever_connects_to_a_server_without_a_file_is_told(caplog: pytest.LogCaptureFixture):
    with valkey("--appendonly", "no", "--maxmemory-policy", "allkeys-lru") as server:
        app = App(server.url)
        with caplog.at_level(logging.WARNING, "yieldflow"):
            assert app.runs().runs == ()
        app.close()
    assert ["appendonly is off" in message for message in caplog.messages] == [True, False]
    assert "maxmemory-policy is allkeys-lru" in caplog.messages[1]
