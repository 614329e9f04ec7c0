"""The Redis store on a real server: the contract, and what only Redis can do wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.proxy import counting
from tests.servers import Server
from yieldflow.errors import StoreUnsuitable
from yieldflow.ports import NEVER, Beat, Claim, Commit, Filter, Head, Holding, Mark, Open, Revoke
from yieldflow.stores.redis import RedisStore, connect
from yieldflow.stores.redis.keeper import RedisKeeper
from yieldflow.testing.contracts import StoreContract
from yieldflow.testing.contracts.harness import (
    QUEUE,
    RUN,
    FakeClock,
    append,
    change,
    claim,
    done,
    free,
    log,
    new_id,
    start,
    summary,
)

from .machine import Comparison
from .redis_harness import RedisHarness

LISTED = ("status:running", "workflow:shop:checkout")  # where a run that has begun is listed


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


@pytest.mark.parametrize("kind", ["work", "leases", "hooks", f"free:{len(QUEUE)}:{QUEUE}"])
def test_a_key_of_a_strange_type_is_met_before_anything_is_written(harness: RedisHarness, kind: str):
    head = start(harness)
    before = log(harness)
    harness.client.set(f"yieldflow:{kind}:{RUN}", "not ours")
    with pytest.raises(StoreUnsuitable, match="WRONGTYPE"):
        change(harness, Head(head), b"x", put=(free(),), hooks={"hash": "name"}, alarm=1)
    harness.client.delete(f"yieldflow:{kind}:{RUN}")
    assert (log(harness).head, log(harness).alarm, log(harness).entries) == (head, before.alarm, 0)


@pytest.mark.parametrize(
    "kind",
    [
        *("alarms", "workflow:shop:checkout", "status:running", "tokens", "newest"),
        *(f"hooks:{RUN}", f"chain:{RUN}~2", f"chain:{RUN}", f"log:{RUN}~2", f"run:{RUN}~2"),
    ],
)
def test_a_key_of_a_chain_of_a_strange_type_is_met_before_anything_is_written(harness: RedisHarness, kind: str):
    start(harness)
    if kind not in ("alarms", f"chain:{RUN}"):
        done(change(harness, Open("hook:a:1"), b"payload"))
    harness.client.delete(f"yieldflow:{kind}")
    harness.client.set(f"yieldflow:{kind}", "not ours")
    before = {key: harness.client.dump(key) for key in harness.client.keys("*")}
    following = f"{RUN}~2"
    with pytest.raises(StoreUnsuitable, match="WRONGTYPE"):
        start(harness, run_id=following, put=(free(),), hooks={"hash": "name"}, alarm=1, summary=summary(following))
    assert {key: harness.client.dump(key) for key in harness.client.keys("*")} == before


def test_a_run_does_not_end_over_a_key_of_a_strange_type(harness: RedisHarness):
    start(harness, put=(free(),))
    harness.client.set(f"yieldflow:hooks:{RUN}", "not ours")
    before = {key: harness.client.dump(key) for key in harness.client.keys("*")}
    with pytest.raises(StoreUnsuitable, match="WRONGTYPE"):
        append(harness, b"end", done=True, summary=summary(status="completed"))
    assert {key: harness.client.dump(key) for key in harness.client.keys("*")} == before


@pytest.mark.parametrize("word", ["a\nb", "\n"])
def test_what_would_not_stay_on_its_line_is_refused(harness: RedisHarness, word: str):
    start(harness, put=(free(),))
    claims = [
        lambda: claim(harness, token=word),
        lambda: claim(harness, worker=word),
        lambda: append(harness, claim=(Claim((1,), word),)),
        lambda: append(harness, claim=(Claim((1,), "t"),), worker=word),
    ]
    for refused_claim in claims:
        with pytest.raises(ValueError, match="no line breaks"):
            refused_claim()
    assert harness.store.work(RUN) == (free(),)


def test_a_run_whose_work_was_thrown_away_is_read(harness: RedisHarness):
    start(harness, put=(free(),))
    claim(harness)
    harness.client.delete(f"yieldflow:work:{RUN}")
    assert (log(harness).claimed, log(harness).entries, harness.store.work(RUN)) == ((), 0, ())


def test_a_lease_that_work_thrown_away_has_left_is_no_claim_of_work_put_back(harness: RedisHarness):
    start(harness, put=(free(),))
    claim(harness)
    harness.client.delete(f"yieldflow:work:{RUN}")
    append(harness, b"put back", put=(free(),))
    assert (log(harness).claimed, log(harness).free, harness.store.work(RUN)) == ((), {QUEUE: 1}, (free(),))
    assert claim(harness).work == free()
    assert len(log(harness).claimed) == 1


def test_a_claim_whose_lease_was_thrown_away_may_be_revoked(harness: RedisHarness):
    start(harness, put=(free(),))
    held = claim(harness)
    harness.client.delete(f"yieldflow:leases:{RUN}")
    assert [entry.until for entry in harness.store.work(RUN)] == [0]
    append(harness, b"lost", revoke=(Revoke((1,), held.token),))
    assert log(harness).entries == 0


UNREADABLE = [
    ("rest", "{x"),
    ("workflow", b"\xff\xfe"),
    ("queue", b"\xff\xfe"),
    ("started", "soon"),
    ("note", "[1"),
    ("rings", "often"),
]


@pytest.mark.parametrize(("field", "bytes_"), UNREADABLE)
def test_a_run_of_which_somebody_has_spoilt_a_field_is_left_and_the_others_go_on(harness: RedisHarness, field, bytes_):
    for run_id in (RUN, "other"):
        start(harness, run_id=run_id, alarm=1)
    harness.client.hset(f"yieldflow:run:{RUN}", field, bytes_)
    with pytest.raises(StoreUnsuitable, match=f"what it keeps of run '{RUN}' cannot be read"):
        harness.store.read(RUN)
    (damaged,) = RedisKeeper(harness.client).records([RUN])
    assert isinstance(damaged, str)
    assert "other" in {run.run_id for run in harness.store.find(Filter()).runs}
    assert {due.run_id for due in harness.store.due(9)} == {RUN, "other"}
    assert log(harness, "other").head.length == 1


@pytest.mark.parametrize("kind", ["run", "leases"])
def test_a_key_that_somebody_has_put_in_place_of_a_runs_keeps_no_other_alarm_from_ringing(harness: RedisHarness, kind):
    for run_id in (RUN, "other"):
        start(harness, run_id=run_id, alarm=1)
    harness.client.delete(f"yieldflow:{kind}:{RUN}")
    harness.client.set(f"yieldflow:{kind}:{RUN}", "mine")
    assert "other" in {due.run_id for due in harness.store.due(9)}


def test_work_that_somebody_has_spoilt_is_neither_read_nor_claimed(harness: RedisHarness):
    start(harness, put=(free(),))
    harness.client.hset(f"yieldflow:work:{RUN}", "11", b'["' + QUEUE.encode() + b'",1]\nx')
    harness.client.zadd(f"yieldflow:leases:{RUN}", {"11": 5})
    for call in (lambda: harness.store.read(RUN), lambda: harness.store.work(RUN)):
        with pytest.raises(StoreUnsuitable, match="cannot be read"):
            call()
    harness.client.hset(f"yieldflow:work:{RUN}", "11", f'["{QUEUE}",1,1,5,0,false,0,7]')
    with pytest.raises(StoreUnsuitable, match="cannot be read"):
        harness.store.claim(RUN, [QUEUE], "w", ["t"])


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
    own = {f"yieldflow:{kind}" for kind in ("log", "run", "chain", "work", "leases", "hooks", "free:3:gpu")}
    assert kinds == own | {f"yieldflow:{kind}" for kind in ("alarms", "tokens", *LISTED)}
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
    live = {f"yieldflow:{kind}:{names[3]}" for kind in ("work", "leases")}
    of_each = {f"yieldflow:{kind}:{name}" for kind in ("log", "run", "chain") for name in names.values()}
    shared = {f"yieldflow:{kind}" for kind in ("alarms", "tokens", "newest", *LISTED)}
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
        "yieldflow:workflow:shop:checkout",
        "yieldflow:status:completed",
    }


def test_two_prefixes_share_a_server(harness: RedisHarness):
    other = RedisHarness(harness.client, RedisStore(harness.client, "yieldflow:log"))
    start(harness, b"mine")
    start(other, b"theirs")
    assert (log(harness).events, log(other).events) == ((b"mine",), (b"theirs",))
