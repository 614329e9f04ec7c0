"""Several runs in one thread: what they commit and read together, and that nobody waits for another's slow body."""

import threading
import time
from collections import Counter
from functools import partial

import pytest
from attrs import define, field

from yieldflow import App, Flow, current_step, hook, step, workflow
from yieldflow.core.events import CommandResolved
from yieldflow.engine.requests import Save
from yieldflow.errors import ReplyLost, StoreError
from yieldflow.group import MOST, Flight, Group, _loads
from yieldflow.ports import Commit, Head
from yieldflow.runtime import Runtime
from yieldflow.stores.memory import MemoryStore

SECONDS = 10.0
RUNS, STEPS = 8, 5

bodies: Counter[tuple[str, int]] = Counter()


@step
def count(number: int) -> int:
    bodies[current_step().run_id, number] += 1
    return number


@step
def slow(seconds: float) -> str:
    time.sleep(seconds)
    return threading.current_thread().name


@workflow
def counting(steps: int) -> Flow[int]:
    total = 0
    for number in range(steps):
        total += yield from count(number)
    return total


@workflow
def dawdling(seconds: float) -> Flow[str]:
    return (yield from slow(seconds))


@workflow
def waiting() -> Flow[int]:
    return (yield hook("news", int))


@define
class Hints:
    offered: list[str] = field(factory=list)

    def offer(self, run_id, queue, count=1):
        self.offered.append(run_id)


def _raise(error):
    raise error


@define
class Counted:
    """A store that counts its calls, and loses the replies of those that *lose* picks."""

    store: MemoryStore
    lose: dict[int, str] = field(factory=dict)  # number of the call -> "before" or "after" it was applied
    pause: float = 0  # seconds that each commit takes of who watches
    commits: list[int] = field(factory=list)
    reads: list[int] = field(factory=list)

    def __getattr__(self, name):
        return getattr(self.store, name)

    def begin(self, commits, looks):
        try:
            heard = self.commit(commits) if commits else (), self.read_each(looks) if looks else ()
        except StoreError as lost:
            return partial(_raise, lost)
        return lambda: heard

    def commit(self, commits):
        self.commits.append(len(commits))
        if threading.current_thread().name == "yieldflow group":
            time.sleep(self.pause)
        fate = self.lose.pop(len(self.commits), None)
        if fate == "before":
            raise ReplyLost("the test lost it")
        replies = self.store.commit(commits)
        if fate == "after":
            raise ReplyLost("the test lost it")
        return replies

    def read_each(self, looks):
        self.reads.append(len(looks))
        return self.store.read_each(looks)


@pytest.fixture
def app():
    bodies.clear()
    app = App("memory:")
    yield app
    app.close()


def grouped(app: App, **more) -> tuple[Group, Counted, Hints, Runtime]:
    store, hints = Counted(app.store), Hints()
    runtime = Runtime(store, app.codec, app.registry, None, hints)
    group = runtime.group(lambda: False)
    group.patience = SECONDS
    for name, value in more.items():
        setattr(group, name, value)
    return group, store, hints, runtime


def to_end(group: Group) -> None:
    for _ in range(1_000):
        if not len(group):
            return
        group.round()
    raise AssertionError("it does not come to an end")


def test_58_what_several_runs_commit_and_read_is_one_call(app):
    group, store, hints, _ = grouped(app)
    handles = [app.start(counting(STEPS)) for _ in range(RUNS)]
    group.add(handle.run_id for handle in handles)
    to_end(group)
    assert [handle.result(timeout=0) for handle in handles] == [10] * RUNS
    assert store.commits == [RUNS // 2] * 2 * (STEPS + 1)  # in two parts; each report brings the next step
    assert store.reads == [RUNS // 2] * 2
    assert set(bodies.values()) == {1}
    assert hints.offered == []


@pytest.mark.parametrize("fate", ["before", "after"])
@pytest.mark.parametrize("number", range(1, STEPS + 2))
def test_58_a_lost_reply_is_that_of_each_run_and_no_outcome_is_lost_or_made_twice(app, fate, number, monkeypatch):
    monkeypatch.setattr("yieldflow.runtime.SLICE", SECONDS * 1_000)  # on a busy machine, too, the group does all of it
    group, store, _, _ = grouped(app)
    store.lose[number] = fate
    handles = [app.start(counting(STEPS)) for _ in range(RUNS)]
    group.add(handle.run_id for handle in handles)
    to_end(group)
    assert [handle.result(timeout=0) for handle in handles] == [10] * RUNS
    assert set(bodies.values()) == {1}  # who has run a body reports it, if need be by itself


def test_58_a_slow_body_holds_up_no_other_run(app):
    group, _, hints, runtime = grouped(app, patience=0.02)
    late = app.start(dawdling(1.0), run_id="slow")
    others = [app.start(counting(STEPS), run_id=f"quick-{number}") for number in range(RUNS)]
    group.add(["quick-0", "slow", *(handle.run_id for handle in others[1:])])
    driving = threading.Thread(target=to_end, args=(group,))
    driving.start()
    second = runtime.group(lambda: False)
    deadline = time.monotonic() + SECONDS
    while any(handle.status() == "running" for handle in others):
        assert time.monotonic() < deadline
        second.add(hints.offered[:])
        del hints.offered[:]
        second.round()
        time.sleep(0.01)
    assert late.status() == "running"
    driving.join(SECONDS)
    assert late.result(timeout=0) == driving.name
    assert set(bodies.values()) == {1}
    to_end(second)


def test_there_is_less_room_where_bodies_are_slow_and_more_again_when_they_are_not(app):
    group, _, _, _ = grouped(app, patience=0.01)
    for number in range(4):
        app.start(dawdling(0.2), run_id=f"slow-{number}")
    for number in range(2):
        group.add([f"slow-{2 * number}", f"slow-{2 * number + 1}"])
        group.round()
        to_end(group)
    narrow = group.room
    assert 1 <= narrow < 20
    for _ in range(80):
        group.add([app.start(counting(1)).run_id])
        to_end(group)
    assert group.room == MOST


def test_a_run_that_is_under_way_is_looked_at_once_more_and_not_twice_at_a_time(app):
    group, store, _, _ = grouped(app)
    app.start(counting(1), run_id="one")
    group.add(["one", "one"])
    assert len(group) == 1
    group.round()
    group.add(["one"])
    to_end(group)
    assert store.reads == [1, 1]  # at first, and when the first tender had ended
    assert bodies == {("one", 0): 1}


def test_a_run_that_cannot_be_tended_leaves_the_others_alone(app, caplog):
    group, store, _, _ = grouped(app)
    good, bad = app.start(counting(STEPS)), app.start(counting(STEPS), run_id="bad")
    read_each = store.store.read_each

    def spoilt(looks):
        if any(look.run_id == "bad" for look in looks) and len(looks) == 1:
            raise StoreError("the test says so")
        return read_each(looks)

    store.store.read_each = spoilt
    group.add(["bad", good.run_id])
    group.round()
    to_end(group)
    assert good.result(timeout=0) == 10
    assert bad.result(timeout=SECONDS) == 10


def test_what_is_let_go_gives_back_what_has_not_begun(app):
    group, _, hints, runtime = grouped(app)
    handles = [app.start(counting(STEPS), run_id=f"run-{number}") for number in range(3)]
    group.add(handle.run_id for handle in handles)
    group.round()
    group.round()  # the first step of each is claimed
    group.leave()
    assert len(group) == 0
    assert sorted(set(hints.offered)) == ["run-0", "run-1", "run-2"]
    other = runtime.group(lambda: False)
    other.add(hints.offered)
    to_end(other)  # at once: no lease runs out
    assert [handle.result(timeout=0) for handle in handles] == [10] * 3
    assert set(bodies.values()) == {1}


def test_a_flight_that_was_taken_away_from_a_round_is_not_asked_again(app):
    group, _, hints, runtime = grouped(app, patience=0.01)
    begin, ended = group.begin, []

    def noted(run_id, stopping):
        flight = begin(run_id, stopping)
        close = flight.close
        flight.close = lambda: (ended.append(run_id), close())
        return flight

    group.begin = noted
    app.start(dawdling(0.2), run_id="slow")
    app.start(counting(STEPS), run_id="quick")
    group.add(["slow", "quick"])
    to_end(group)
    assert sorted(ended) == ["quick", "slow"]  # once each
    assert "quick" in hints.offered
    other = runtime.group(lambda: False)
    other.add(hints.offered)
    to_end(other)
    assert app.get("quick").result(timeout=0) == 10


def test_another_hint_of_a_run_that_is_left_to_others_is_left_with_it(app):
    group, _, hints, runtime = grouped(app)
    handle = app.start(waiting(), run_id="waits")
    group.add(["waits"])
    to_end(group)  # the hook is open
    group.add(["waits"])
    group.round()  # it has read, and not yet seen what it has read
    handle.send("news", 7)
    group.add(["waits"])
    group.leave()
    assert hints.offered == ["waits"]
    other = runtime.group(lambda: False)
    other.add(hints.offered)
    to_end(other)
    assert handle.result(timeout=0) == 7


def test_who_watches_rests_while_there_is_nothing_to_watch(app):
    group, _, _, _ = grouped(app)
    for let_go in (to_end, Group.leave, Group.close):
        group.add([app.start(counting(1)).run_id, app.start(counting(1)).run_id])
        group.round()
        assert group._several.is_set()
        let_go(group)
        assert not group._several.is_set()


def test_one_call_carries_no_more_than_so_many_bytes(app):
    runtime = grouped(app)[3]
    flights = []
    for size in (5, 4, 1, 9, 1):
        flight: Flight = runtime.group(lambda: False)._begun("nobody")
        flight.wants = Save(Commit("nobody", "id", Head(None), events=(b"x" * (size << 20),)))
        flights.append(flight)
    assert [[len(one.wants.commit.events[0]) >> 20 for one in some] for some in _loads(flights)] == [
        [5, 4],
        [1, 9],
        [1],
    ]
    for flight in flights:
        flight.end()


def test_what_is_taken_from_a_group_is_not_cut_off_when_it_closes(app):
    """A work-horse ends as soon as its job is done: another thread may still be reporting what bodies have answered."""
    group, store, _, _ = grouped(app)
    store.pause = 0.2
    app.start(dawdling(0.1), run_id="slow")
    quick = [app.start(counting(STEPS), run_id=f"quick-{number}") for number in range(3)]
    group.add(["quick-0", "slow", "quick-1", "quick-2"])  # the first two go together
    to_end(group)
    group.close()
    answered = sum(isinstance(event, CommandResolved) for handle in quick for event in handle.history())
    assert 0 < answered == bodies.total() < 3 * STEPS
