"""Whatever is done to the Redis store, it answers as the store in memory does."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.servers import Server
from yieldflow.ports import (
    Beat,
    Claim,
    Commit,
    Done,
    Filter,
    Free,
    Head,
    Holding,
    Mark,
    Note,
    Open,
    Revoke,
    Store,
    Summary,
)
from yieldflow.stores.memory import MemoryStore
from yieldflow.stores.redis import RedisStore, connect

from .harness import FakeClock

FAR = 9_000_000_000_000  # milliseconds: after any of these tests
RUNS = ("a", "a:log")
QUEUES = ("q", "gpu")
TOKENS = ("t1", "t2", "t3")
STATUSES = ("running", "paused", "blocked", "completed")

runs = st.sampled_from(RUNS)
paths = st.sampled_from([(1,), (2,), (2, 1), (10,)])
tokens = st.sampled_from(TOKENS)
works = st.builds(
    Free,
    paths,
    st.sampled_from(QUEUES),
    event=st.just(1),
    attempt=st.integers(1, 3),
    lease=st.just(FAR // 9),
    not_before=st.sampled_from([0, 1, 2, FAR]),
    timeout=st.sampled_from([None, 7, FAR // 9]),
    losses=st.integers(0, 2),
)
notes = st.none() | st.builds(Note, st.just("changed"), st.just(1))


def some(of: st.SearchStrategy, most: int = 2) -> st.SearchStrategy:
    return st.lists(of, max_size=most).map(tuple)


@st.composite
def commits(draw: st.DrawFn) -> dict:
    """All of a commit but its head, which is that of the moment, or one of before."""
    return {
        "run_id": draw(runs),
        "on": draw(
            st.sampled_from(["head", "head", "head", "stale"])
            | st.builds(Holding, paths, tokens)
            | st.builds(Open, tokens)
        ),
        "knows": draw(st.sampled_from(["nothing", "stale", "strange"])),
        "events": draw(some(st.sampled_from([b"x", b"y z"]), 3)),
        "revoke": draw(some(st.builds(Revoke, paths, tokens, st.booleans()), 1))
        if draw(st.integers(0, 3)) == 0
        else (),
        "drop": draw(some(paths)),
        "put": draw(some(works, 3)),
        "claim": draw(some(st.builds(Claim, paths, tokens))),
        "alarm": draw(st.sampled_from([None, 1, 2, FAR])),
        "summary": draw(st.none() | st.tuples(st.sampled_from(STATUSES), st.integers(1, 3), notes)),
        "hooks": draw(st.dictionaries(st.sampled_from(["h1", "h2"]), st.just("name"), max_size=1)),
        "payloads": draw(st.integers(0, 2)),
        "inbox": draw(st.integers(0, 3)),
        "done": draw(st.integers(0, 9)) == 0,
    }


calls = st.one_of(
    commits().map(lambda fields: ("commit", fields)),
    st.tuples(st.just("claim"), runs, some(st.sampled_from(QUEUES), 3), some(tokens, 3)),
    st.tuples(st.just("renew"), some(st.builds(Beat, runs, paths, tokens), 3)),
    st.tuples(st.just("release"), runs, paths, tokens, st.sampled_from([0, FAR])),
    st.tuples(st.just("due"), st.integers(1, 3)),
    st.tuples(st.just("delete"), runs),
)


def plain(value: object) -> object:
    """Without the instants of this moment, which differ."""
    if attrs.has(type(value)):
        return type(value).__name__, {
            field.name: plain(getattr(value, field.name)) for field in attrs.fields(type(value))
        }
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return "about now" if isinstance(value, int) and 1_000_000 < value < FAR else value


def called(store: Store, call: tuple, marks: dict[str, list[Mark]], number: int) -> object:
    match call:
        case "commit", fields:
            try:
                (reply,) = store.commit([committed(fields, marks[fields["run_id"]], number)])
            except ValueError:
                return "ValueError"
            if isinstance(reply, Done):
                marks[fields["run_id"]].append(reply.head)
            return reply
        case "claim", run_id, queues, wanted:
            return store.claim(run_id, queues, "w", wanted)
        case "renew", beats:
            return store.renew(beats)
        case "release", *words:
            return store.release(*words)
        case "due", limit:
            return store.due(limit)
        case "delete", run_id:
            marks[run_id].clear()
            return store.delete(run_id)
    raise AssertionError(call)


def committed(fields: dict, marks: list[Mark], number: int) -> Commit:
    fields, run_id = dict(fields), fields["run_id"]
    on, knows, listed = fields.pop("on"), fields.pop("knows"), fields.pop("summary")
    if on == "head":
        on = Head(marks[-1] if marks else None)
    elif on == "stale":
        on = Head(marks[0] if marks else Mark(1, "strange"))
    after = {"nothing": None, "stale": marks[0] if marks else None, "strange": Mark(1, "strange")}[knows]
    if listed is None and not marks:
        listed = ("running", 1, None)
    summary = listed and Summary(run_id, "w", "q", listed[0], listed[1], note=listed[2])
    return Commit(commit=f"c{number}", on=on, after=after, summary=summary, worker="w", **fields)


def seen(store: Store) -> tuple[object, ...]:
    """All that can be asked."""
    each = tuple((store.read(run_id), store.read(run_id, Mark(1, "")), store.work(run_id)) for run_id in RUNS)
    listed = tuple(store.find(Filter(status=status, limit=1)) for status in (None, *STATUSES))
    alarm, _ = store.next_alarm()
    return each, tuple(page.runs for page in listed), alarm, tuple(store.resolve(token) for token in ("h1", "h2"))


@pytest.fixture
def redis_store(server: Server):
    store = RedisStore(connect(server.url))
    yield store
    store.close()


@settings(max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(calls, max_size=25))
def test_redis_answers_as_memory_does(redis_store: RedisStore, script: list[tuple]):
    redis_store._client.flushall()
    memory = MemoryStore(FakeClock())
    marks = {run_id: [] for run_id in RUNS}, {run_id: [] for run_id in RUNS}
    for number, call in enumerate(script):
        answers = [
            called(store, call, known, number) for store, known in zip((redis_store, memory), marks, strict=True)
        ]
        assert plain(answers[0]) == plain(answers[1]), call
        assert plain(seen(redis_store)) == plain(seen(memory)), call
