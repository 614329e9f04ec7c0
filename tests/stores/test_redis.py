"""The Redis store on a real server: the contract, and what only Redis can do wrong."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from attrs import frozen
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.proxy import counting
from tests.servers import Server, free_port, valkey
from yieldflow.core.times import Millis
from yieldflow.errors import BadUrl, ReplyLost, StoreUnreachable, StoreUnsuitable
from yieldflow.ports import NEVER, Beat, Claim, Commit, Filter, Head, Holding, Mark, Open
from yieldflow.stores.redis import RedisStore, check_server, connect
from yieldflow.stores.redis.server import without_retries

from .contract import StoreContract
from .harness import QUEUE, RUN, FakeClock, append, change, claim, conflict, done, free, log, new_id, start, summary
from .machine import Comparison


@frozen
class RedisHarness:
    """The server's clock is waited for."""

    client: redis.Redis
    store: RedisStore

    def now(self) -> Millis:
        seconds, micros = self.client.time()
        return seconds * 1_000 + micros // 1_000

    def pass_time(self, millis: Millis) -> None:
        time.sleep((millis + 1) / 1_000)


@pytest.fixture
def harness(server: Server) -> Iterator[RedisHarness]:
    client = connect(server.url)
    store = RedisStore(client)
    yield RedisHarness(client, store)
    store.close()


class TestRedisStore(StoreContract): ...


def test_it_answers_as_the_model_does(server: Server):
    class RedisComparison(Comparison):
        own_clock = True

        def open(self, clock: FakeClock) -> RedisStore:
            client = connect(server.url)
            client.flushall()
            return RedisStore(client)

    run_state_machine_as_test(
        RedisComparison, settings=settings(max_examples=50, stateful_step_count=25, deadline=None)
    )


# --- round trips -----------------------------------------------------------------------------------------------------


def test_each_verb_is_one_round_trip(server: Server, harness: RedisHarness):
    start(harness, put=(free((1,)), free((2,))))
    held = claim(harness)
    with counting(server.port) as proxy:
        store = RedisStore(connect(proxy.url))
        nothing = Commit(RUN, "c", Holding((7,), "t"), (b"x",))
        verbs = {
            "read": lambda: store.read(RUN),
            "work": lambda: store.work(RUN),
            "commit": lambda: store.commit([nothing]),
            "commits": lambda: store.commit([nothing] * 20),
            "claim": lambda: store.claim(RUN, [QUEUE, "gpu"], "w", ["t"]),
            "renew": lambda: store.renew([Beat(RUN, (1,), held.token)] * 20),
            "release": lambda: store.release(RUN, (2,), "t"),
            "due": lambda: store.due(10),
            "next_alarm": store.next_alarm,
            "find": lambda: store.find(Filter()),
            "resolve": lambda: store.resolve("hash"),
            "newest": lambda: store.newest(RUN),
            "replaying": lambda: store.read(RUN, replaying=None),
        }
        for call in verbs.values():  # the server learns the scripts
            call()
        trips = {}
        for verb, call in verbs.items():
            before = proxy.bursts
            call()
            trips[verb] = proxy.bursts - before
        store.close()
    assert trips == dict.fromkeys(verbs, 1)


def test_a_sequential_step_is_one_round_trip(server: Server, harness: RedisHarness):
    head = start(harness, b"started", put=(free((1,)),))
    token = claim(harness).token
    with counting(server.port) as proxy:
        store = RedisStore(connect(proxy.url))
        store.read(RUN)
        before = proxy.bursts
        for number in range(1, 11):
            commit = Commit(
                RUN,
                new_id(),
                Head(head),
                (b"resolved", b"issued"),
                drop=((number,),),
                put=(free((number + 1,)),),
                claim=(Claim((number + 1,), token),),
                worker="w",
            )
            reply = done(store.commit([commit])[0])
            head = reply.head
            assert reply.claimed == ((number + 1,),)
        assert proxy.bursts - before == 10
        store.close()


def test_scripts_that_the_server_forgot_are_told_again(harness: RedisHarness):
    head = start(harness)
    harness.client.script_flush()
    head = done(change(harness, Head(head), b"b")).head
    harness.client.script_flush()
    commits = [Commit(RUN, "c", Head(head), (b"c",)), Commit(RUN, "d", Open("key"), (b"d",))]
    assert [done(reply).head for reply in harness.store.commit(commits)] == [Mark(3, "c"), Mark(4, "d")]
    assert log(harness).events == (b"started", b"b", b"c", b"d")


# --- a script is not a transaction -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["work", "claims", "leases", "hooks", f"free:{len(QUEUE)}:{QUEUE}"])
def test_a_key_of_a_strange_type_is_met_before_anything_is_written(harness: RedisHarness, kind: str):
    head = start(harness)
    before = log(harness)
    harness.client.set(f"yieldflow:{kind}:{RUN}", "not ours")
    with pytest.raises(StoreUnsuitable, match="WRONGTYPE"):
        change(harness, Head(head), b"x", put=(free(),), hooks={"hash": "name"}, alarm=1)
    harness.client.delete(f"yieldflow:{kind}:{RUN}")
    assert (log(harness).head, log(harness).alarm, log(harness).entries) == (head, before.alarm, 0)


@pytest.mark.parametrize("kind", [f"replaying:{RUN}~2", f"hooks:{RUN}", "newest", f"chain:{RUN}~2", f"chain:{RUN}"])
def test_a_key_of_a_chain_of_a_strange_type_is_met_before_anything_is_written(harness: RedisHarness, kind: str):
    start(harness)
    if kind != f"chain:{RUN}":
        done(change(harness, Open("hook:a:1"), b"payload"))
    harness.client.delete(f"yieldflow:{kind}")
    harness.client.set(f"yieldflow:{kind}", "not ours")
    before = {key: harness.client.dump(key) for key in harness.client.keys("*")}
    following = f"{RUN}~2"
    with pytest.raises(StoreUnsuitable, match="WRONGTYPE"):
        start(harness, run_id=following, put=(free(),), hooks={"hash": "name"}, alarm=1, summary=summary(following))
    assert {key: harness.client.dump(key) for key in harness.client.keys("*")} == before


@pytest.mark.parametrize("kind", [f"replaying:{RUN}", f"hooks:{RUN}"])
def test_a_run_does_not_end_over_a_key_of_a_strange_type(harness: RedisHarness, kind: str):
    start(harness, put=(free(),))
    harness.client.set(f"yieldflow:{kind}", "not ours")
    before = {key: harness.client.dump(key) for key in harness.client.keys("*")}
    with pytest.raises(StoreUnsuitable, match="WRONGTYPE"):
        append(harness, b"end", done=True, summary=summary(status="completed"))
    assert {key: harness.client.dump(key) for key in harness.client.keys("*")} == before


def test_a_note_of_a_replay_is_not_left_in_a_key_of_a_strange_type(harness: RedisHarness):
    start(harness)
    harness.client.set(f"yieldflow:replaying:{RUN}", "not ours")
    with pytest.raises(StoreUnsuitable, match="WRONGTYPE"):
        harness.store.read(RUN, replaying=None)
    assert harness.client.get(f"yieldflow:replaying:{RUN}") == b"not ours"


def test_a_commit_may_be_very_wide(harness: RedisHarness):
    width = 5_000
    head = start(harness, put=tuple(free((number,)) for number in range(1, width + 1)))
    events = tuple(b"%d" % number for number in range(width))
    drop = tuple((number,) for number in range(1, width + 1))
    head = done(change(harness, Head(head), *events, drop=drop)).head
    assert (head.length, log(harness).entries, log(harness).free) == (1 + width, 0, {})
    assert log(harness, after=Mark(width, "")).events == events[-1:]


def test_every_key_of_a_run_names_its_kind_first_and_goes_with_the_run(harness: RedisHarness):
    start(harness, put=(free((1,)), free((2,), queue="gpu")), hooks={"hash": "name"}, alarm=1)
    done(change(harness, Open("key"), b"payload"))
    claim(harness)
    kinds = {key.decode().removesuffix(f":{RUN}") for key in harness.client.keys("*")}
    own = {f"yieldflow:{kind}" for kind in ("log", "run", "chain", "work", "claims", "leases", "hooks", "free:3:gpu")}
    assert kinds == own | {f"yieldflow:{kind}" for kind in ("alarms", "tokens", "runs", "status:running")}
    harness.store.delete(RUN)
    assert harness.client.keys("*") == []


@pytest.mark.parametrize("order", [(3, 2, 1), (1, 2, 3), (2, 3, 1)])
def test_every_key_of_a_chain_goes_with_its_generations(harness: RedisHarness, order: tuple[int, ...]):
    names = {1: RUN, 2: f"{RUN}~2", 3: f"{RUN}~3"}
    for number, name in names.items():
        never = free((1,), not_before=NEVER, accepts="child")
        start(harness, run_id=name, put=(never, free((2,))), hooks={f"hash-{number}": "name"}, alarm=1)
        done(change(harness, Open(f"hook:{number}"), b"payload", run_id=name))
        claim(harness, run_id=name)
        harness.store.read(name, replaying=None)
        if number < 3:
            append(harness, b"end", run_id=name, done=True, alarm=1, summary=summary(name, status="continued"))
            harness.store.read(name, replaying=None)
    keys = {key.decode() for key in harness.client.keys("*")}
    live = {f"yieldflow:{kind}:{names[3]}" for kind in ("work", "claims", "leases")}
    of_each = {f"yieldflow:{kind}:{name}" for kind in ("log", "run", "chain", "replaying") for name in names.values()}
    shared = {f"yieldflow:{kind}" for kind in ("alarms", "tokens", "runs", "newest", "status:running")}
    assert keys == live | of_each | shared | {f"yieldflow:hooks:{RUN}", "yieldflow:status:continued"}
    for number in order:
        harness.store.delete(names[number])
    assert harness.client.keys("*") == []


def test_an_ended_run_keeps_three_keys(harness: RedisHarness):
    start(harness, put=(free((1,)), free((2,), queue="gpu")), hooks={"hash": "name"}, alarm=1)
    done(change(harness, Open("key"), b"payload"))
    claim(harness)
    append(harness, b"end", done=True, summary=summary(status="completed"))
    kept = {key.decode() for key in harness.client.keys("*")}
    assert kept == {
        *(f"yieldflow:{kind}:{RUN}" for kind in ("log", "run", "chain")),
        "yieldflow:runs",
        "yieldflow:status:completed",
    }


def test_two_prefixes_share_a_server(harness: RedisHarness):
    other = RedisHarness(harness.client, RedisStore(harness.client, "yieldflow:log"))
    start(harness, b"mine")
    start(other, b"theirs")
    assert (log(harness).events, log(other).events) == ((b"mine",), (b"theirs",))


# --- connections -----------------------------------------------------------------------------------------------------


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
