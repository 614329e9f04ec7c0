"""Rulings 16, 59 and 62: cached executions are a convenience, and a worker's opinion of a run is only its own."""

from threading import Thread

from attrs import evolve

from tests.engine.world import CODEC, RUN, World
from yieldflow import Flow, gather, hook, step, workflow
from yieldflow.authoring.loaded import loaded
from yieldflow.authoring.registry import DEFAULT, Registry
from yieldflow.core.interpreter import Execution
from yieldflow.core.outcome import Ok
from yieldflow.engine.live import Cache, Live
from yieldflow.engine.requests import Execute, Read, Save
from yieldflow.ports import Mark


@step(retry=1)
def work(n: int) -> int:
    return n


@step(retry=1, queue="gpu")
def render(n: int) -> int:
    return n


@workflow
def asked() -> Flow[int]:
    yield work(1)
    return (yield hook("answer", int))


@workflow
def pair() -> Flow[tuple[int, int]]:
    return (yield gather(render(1), work(2)))


def other_code(fn) -> Registry:
    registry = Registry()
    registry.add_workflow(evolve(asked.definition, fn=fn))
    return registry


def older() -> Flow[int]:
    return (yield hook("answer", int))


# --- 16 ---------------------------------------------------------------------------------------------------------------


def test_16_what_an_old_execution_complains_of_is_confirmed_from_scratch():
    world = World()
    world.start(asked())
    worker = world.worker("w1")
    worker.tend().to_end()
    _, live = worker.tools.cache.take(RUN)
    live.execution._ledger._unasked[(7,)] = live.execution.run.open[(2,)].issued.command  # it is wrong about the log
    worker.tools.cache.put(RUN, live)
    tending = worker.tend()
    assert tending.to_end().state == "waiting"
    assert [call.after is None for call in tending.calls if isinstance(call, Read)] == [False, True]
    assert world.read().summary.status == "running"


def test_16_old_code_notes_that_it_cannot_go_on_and_new_code_goes_on():
    world = World()
    world.start(asked())
    world.worker("new").tend().to_end()
    before = world.events()
    old = world.worker("old", registry=other_code(older)).tend()
    assert old.to_end().state == "blocked"
    assert world.events() == before
    assert world.read().summary.note.length == 4
    world.send("answer", 5)
    assert world.read().summary.status == "running"
    world.worker("new").tend().to_end()
    assert world.outcome() == Ok(b"5")
    assert world.read().summary.status == "completed"


def test_16_whoever_can_go_on_after_all_takes_the_note_back_though_there_is_nothing_to_append():
    world = World()
    world.start(asked())
    world.worker("new").tend().to_end()
    again = world.worker("new again").tend()
    again.until(Save)  # it has replayed the run, and has nothing to say
    world.worker("old", registry=other_code(older)).tend().to_end()
    assert world.read().summary.status == "blocked"
    again.to_end()
    summary = world.read().summary
    assert (summary.status, summary.note) == ("running", None)


def test_16_only_a_tend_of_the_runs_own_queue_may_block_it():
    world = World()
    world.start(pair())
    world.worker("w1").tend().until(Execute)
    gpu = world.worker("gpu", "gpu", registry=Registry()).tend()
    assert gpu.to_end().state == "waiting"
    assert world.read().summary.status == "running"


def test_16_an_unknown_step_is_left_unclaimed_and_stops_nothing_else():
    world = World()
    world.start(pair())
    own = world.worker("w1")
    own.tend().until(Execute)
    world.worker("gpu", "gpu", registry=Registry()).tend().to_end()
    world.clock.at += 2_000
    assert world.read().free == {"gpu": 1}
    world.worker("gpu2", "gpu").tend().to_end()
    assert [path for path, _, _ in world.bodies] == [(1, 2), (1, 1)]


def test_16_the_same_complaint_is_noted_once():
    world = World()
    world.start(asked())
    world.worker("new").tend().to_end()
    old = world.worker("old", registry=other_code(older))
    for _ in range(3):
        old.tend().to_end()
    assert sum(commit.summary is not None and commit.summary.note is not None for _, commit, _ in world.saved) == 1


# --- 59 ---------------------------------------------------------------------------------------------------------------


def test_59_an_execution_is_had_by_one_tender_at_a_time():
    cache = Cache()
    live = one_live()
    assert cache.take(RUN) == (True, None)
    assert cache.take(RUN) == (False, None)
    waiting = Thread(target=cache.wait, args=(RUN, 10))
    waiting.start()
    cache.put(RUN, live)
    waiting.join(5)
    assert not waiting.is_alive()
    assert cache.take(RUN) == (True, live)


def test_59_who_runs_a_body_leaves_the_execution_to_others():
    world = World()
    world.start(asked())
    worker = world.worker("w1")
    first = worker.tend()
    first.until(Execute)
    assert RUN in worker.tools.cache._kept
    second = worker.tend()
    assert second.calls == [Read(RUN, world.read().head)]  # nothing is replayed
    second.to_end()
    first.to_end()
    assert world.fold().length == 4


# --- 62 ---------------------------------------------------------------------------------------------------------------


def one_live(size: int = 1) -> Live:
    execution = Execution(DEFAULT.workflow(asked.definition.name), CODEC, loaded)
    return Live(execution, Mark(0, ""), size)


def test_62_the_cache_is_bounded_by_count_and_by_bytes_the_least_used_goes_first():
    cache = Cache(most=2)
    for name in "abc":
        cache.put(name, one_live())
    assert list(cache._kept) == ["b", "c"]
    cache.put("b", cache.take("b")[1])
    cache.put("d", one_live())
    assert list(cache._kept) == ["b", "d"]
    heavy = Cache(most_bytes=10)
    heavy.put("a", one_live(6))
    heavy.put("b", one_live(6))
    assert list(heavy._kept) == ["b"]
    heavy.put("c", one_live(100))  # larger than all: it is kept alone
    assert list(heavy._kept) == ["c"]
    assert heavy._bytes == 100


def test_62_an_execution_that_is_evicted_lets_its_generators_go():
    world = World()
    world.start(asked())
    worker = world.worker("w1")
    worker.tools.cache.most = 1
    worker.tend().to_end()
    live = worker.tools.cache._kept[RUN]
    (branch,) = live.execution.waiting()
    worker.tools.cache.put("another", one_live())
    assert branch.generator.gi_frame is None
    world.send("answer", 1)
    worker.tend().to_end()
    assert world.outcome() == Ok(b"1")


def test_62_bytes_that_were_fed_are_counted():
    world = World()
    world.start(asked())
    worker = world.worker("w1")
    worker.tend().to_end()
    assert worker.tools.cache._bytes == sum(map(len, world.read().events))


def test_59_a_crash_before_the_reply_leaves_no_holder_behind():
    world = World()
    world.start(asked())
    worker = world.worker("w1")
    tending = worker.tend()
    tending.until(Save)
    tending.fail()
    assert worker.tools.cache._held == set()
    worker.tend().to_end()
    assert world.fold().length == 4
