"""The whole engine under a seeded driver that does everything wrong that can go wrong."""

import os
import sys
from collections import Counter

import pytest

from tests.engine.simulation import Simulation
from yieldflow.stores import rules

RUNS = int(os.environ.get("YIELDFLOW_SIMULATIONS", "500"))
CHUNKS = 10

met: Counter[str] = Counter()


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_nothing_that_goes_wrong_breaks_a_run(chunk):
    for seed in range(chunk, RUNS, CHUNKS):
        met.update(Simulation(seed).run())


def test_the_simulation_reaches_what_it_is_for():
    if met["runs"] < 500:
        pytest.skip("only with all the runs before it")
    sys.stdout.write(f"{dict(met)}\n")
    assert met["runs with losses"] >= 50
    assert met["runs with refusals"] >= 50
    assert met["nested"] >= 150
    assert met["ended"] >= 400
    for rare in ("speculations refused", "unknown replies", "late reports", "lost entries", "revocations refused"):
        assert met[rare] >= 20, rare


def test_a_seed_is_the_whole_of_a_run():
    one, other = Simulation(17), Simulation(17)
    one.run()
    other.run()
    assert one.world.events() == other.world.events()


def test_a_log_that_is_read_in_small_pieces_is_the_same_log(monkeypatch):
    monkeypatch.setattr(rules, "TAIL_EVENTS", 3)
    for seed in range(RUNS, RUNS + 40):
        Simulation(seed).run()
