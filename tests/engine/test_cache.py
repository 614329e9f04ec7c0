"""The cache between threads: an execution is one tender's at a time, and nobody waits for ever."""

import gc
import threading
import time
import weakref

import pytest
from attrs import evolve

from tests.engine.programs import in_branches, in_sequence, raced
from tests.engine.world import RUN, World
from yieldflow.engine.live import PLAIN_REPORTS, Cache
from yieldflow.engine.requests import Execute, Wait
from yieldflow.engine.state import LONGEST_WAIT, Tending

SECONDS = 10.0
TURNS, THREADS = 100, 4


@pytest.mark.usefixtures("_nimble_threads")
def test_59_an_execution_is_held_by_one_thread_at_a_time_and_all_have_their_turn():
    cache, holders, turns, together = Cache(), [], [], []

    def tends() -> None:
        for _ in range(TURNS):
            while not cache.take("run")[0]:
                cache.wait("run", SECONDS)
            holders.append(True)
            time.sleep(0)  # let the others come
            if len(holders) > 1:
                together.append(True)
            holders.pop()
            turns.append(True)
            cache.drop("run")

    begun, threads = time.monotonic(), [threading.Thread(target=tends) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert time.monotonic() - begun < SECONDS  # nobody has waited for a call that did not come
    assert together == []
    assert len(turns) == THREADS * TURNS
    assert cache._held == set()
    assert cache._waiting == 0


def test_59_who_has_waited_long_enough_goes_on_without():
    world = World()
    world.start(in_sequence())
    tools = evolve(world.worker("impatient").tools, cache=Cache())
    assert tools.cache.take(RUN) == (True, None)
    holding = Tending(RUN, tools, until=0).hold()
    assert isinstance(next(holding), Wait)
    world.clock.at += LONGEST_WAIT - 1
    waits = next(holding)
    assert isinstance(waits, Wait)
    waits.block(0.001)
    world.clock.at += 1
    assert next(holding, "held") == "held"


@pytest.mark.parametrize("program", [in_sequence, in_branches, raced])
def test_what_is_let_go_leaves_nothing_for_the_garbage_collector(program):
    """A worker of thousands of sleepers would otherwise grow by what it has put away and nobody has looked for."""
    world = World()
    world.start(program())
    tending = world.worker("w1").tend()
    tending.until(Execute)
    made = weakref.ref(tending.actor.tools.cache._kept[RUN].execution)
    tending.to_end()
    gc.collect()
    gc.disable()
    try:
        tending.actor.tools.cache.clear()
        assert made() is None
    finally:
        gc.enable()


def test_after_a_refusal_so_many_reports_are_plain():
    cache = Cache()
    assert cache.may_speculate("run")
    cache.refused("run")
    assert [cache.may_speculate("run") for _ in range(PLAIN_REPORTS + 1)] == [False] * PLAIN_REPORTS + [True]
    assert cache.may_speculate("another")
    assert cache._plain == {}
