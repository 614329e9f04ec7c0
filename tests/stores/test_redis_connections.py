"""Connections to a Redis server: what is lost when one breaks, and which servers are taken."""

from __future__ import annotations

import logging
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import pytest
import redis

from tests.servers import Server, free_port, valkey
from yieldflow.errors import BadUrl, ReplyLost, StoreUnreachable, StoreUnsuitable
from yieldflow.ports import Commit, Head, Mark, Open
from yieldflow.stores.redis import RedisStore, check_server, connect
from yieldflow.stores.redis.server import without_retries
from yieldflow.testing.contracts.harness import RUN, change, conflict, log, start

from .redis_harness import RedisHarness


@pytest.fixture
def harness(server: Server) -> Iterator[RedisHarness]:
    client = connect(server.url)
    store = RedisStore(client)
    yield RedisHarness(client, store)
    store.close()


BUSY = "for _ = 1, 3e8 do end return 1"  # a second or so; not every server lets a script see a clock


def test_a_reply_that_does_not_come_in_time_is_lost_and_nothing_is_sent_twice(server: Server, harness: RedisHarness):
    head = start(harness)
    hasty = RedisStore(connect(server.url, socket_timeout=0.1))
    hasty.read(RUN)
    commit = Commit(RUN, "mine", Open("key"), (b"payload",))
    with ThreadPoolExecutor(1) as other:
        busy = other.submit(harness.client.eval, BUSY, 0)
        time.sleep(0.2)
        with pytest.raises(ReplyLost):
            hasty.commit([commit])
        busy.result()
    assert harness.store.wait(RUN, head, 5)  # it is applied all the same, a moment later
    assert log(harness).head == Mark(2, "mine")
    assert conflict(change(harness, Head(head), b"x")).tail == (b"payload",)
    hasty.close()


def test_the_reply_to_a_call_that_was_given_up_is_not_taken_for_that_of_the_next(server: Server, monkeypatch):
    """The server is busy, so it comes late."""
    with connect(server.url) as client, connect(server.url) as other, ThreadPoolExecutor(1) as thread:
        store = RedisStore(client)
        start(RedisHarness(client, store))
        busy = thread.submit(other.eval, BUSY, 0)
        time.sleep(0.2)
        with monkeypatch.context() as patched:
            patched.setattr(
                client.connection_pool.connection_class, "read_response", Mock(side_effect=KeyboardInterrupt)
            )
            with pytest.raises(KeyboardInterrupt):
                store.read(RUN)
        assert store.read("nobody") is None
        busy.result()


def test_one_call_that_fails_leaves_the_answers_of_the_others_read(harness: RedisHarness):
    head = start(harness)
    harness.client.set("yieldflow:log:strange", "not ours")
    commits = [Commit("strange", "s", Open("key"), (b"x",)), Commit(RUN, "c", Head(head), (b"b",))]
    with pytest.raises(StoreUnsuitable, match="WRONGTYPE"):
        harness.store.commit(commits)
    assert log(harness).head == Mark(2, "c")


def test_a_child_process_has_connections_of_its_own(harness: RedisHarness):
    start(harness)
    context = multiprocessing.get_context("fork")
    seen = context.Queue()
    child = context.Process(target=lambda: seen.put([len(log(harness).events) for _ in range(50)]))
    child.start()
    assert [len(log(harness).events) for _ in range(50)] == seen.get(timeout=20) == [1] * 50
    child.join(20)


def test_a_server_that_dies_loses_replies_and_one_that_comes_back_is_used_again(tmp_path):
    with valkey("--appendonly", "yes", "--appendfsync", "always", folder=tmp_path) as server:
        store = RedisStore(connect(server.url))
        start(RedisHarness(store._client, store))
        server.kill()
        with pytest.raises(ReplyLost):
            store.read(RUN)
        with pytest.raises(ReplyLost):
            store.commit([Commit(RUN, "c", Open("key"), (b"x",))])
    with valkey("--appendonly", "yes", "--port", str(server.port), folder=tmp_path) as again:
        store = RedisStore(connect(again.url))
        assert store.read(RUN).events == (b"started",)
        store.close()


def test_a_server_that_is_not_there_is_unreachable():
    with pytest.raises(StoreUnreachable, match="is the server running"):
        connect(f"redis://127.0.0.1:{free_port()}/0")


def test_a_password_is_not_shown():
    with pytest.raises(StoreUnreachable) as refused:
        connect(f"redis://user:secret@127.0.0.1:{free_port()}/0")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "redis://127.0.0.1:port/0", "memory:"])
def test_a_url_of_another_kind_is_refused(url: str):
    with pytest.raises(BadUrl):
        connect(url)


def test_a_unix_socket_serves_as_well(tmp_path):
    with valkey("--unixsocket", str(tmp_path / "s")):
        client = connect(f"unix://{tmp_path}/s?db=1")
        start(RedisHarness(client, RedisStore(client)))
        client.close()


def test_a_client_of_somebody_else_is_not_changed(server: Server):
    theirs = redis.Redis(port=server.port, decode_responses=True)
    ours = without_retries(theirs)
    start(RedisHarness(ours, RedisStore(ours)))
    assert ours.get_retry()._retries == 0
    assert theirs.get_retry()._retries > 0
    assert theirs.hget(f"yieldflow:run:{RUN}", "status") == "running"
    theirs.close()
    ours.close()


# --- the server ------------------------------------------------------------------------------------------------------


def test_a_durable_server_is_taken_without_a_word(server: Server, harness: RedisHarness, caplog):
    check_server(harness.client)
    assert caplog.messages == []


def test_a_server_that_may_lose_runs_is_warned_of(caplog):
    with valkey("--appendonly", "no", "--maxmemory-policy", "allkeys-lru") as server:
        client = connect(server.url)
        with caplog.at_level(logging.WARNING, "yieldflow"):
            check_server(client)
        client.close()
    durable, evicting = caplog.messages
    assert "appendonly" in durable
    assert "allkeys-lru" in evicting


def test_a_cluster_is_refused():
    with valkey("--cluster-enabled", "yes") as server:
        client = connect(server.url)
        with pytest.raises(StoreUnsuitable, match="Cluster"):
            check_server(client)
        client.close()


def test_a_server_that_tells_nothing_is_taken_as_it_is(server: Server, harness: RedisHarness, caplog):
    harness.client.execute_command("ACL", "SETUSER", "limited", "on", ">pw", "~*", "&*", "+@all", "-info")
    client = connect(server.url, username="limited", password="pw")
    check_server(client)
    assert caplog.messages == []
    client.close()
    harness.client.execute_command("ACL", "DELUSER", "limited")
