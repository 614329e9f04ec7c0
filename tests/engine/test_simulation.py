"""The whole engine under a seeded driver that does everything wrong that can go wrong."""

import os
import sys
from collections import Counter

import pytest

from tests.engine.simulation import Simulation
from yieldflow.stores import rules

RUNS = int(os.environ.get("YIELDFLOW_SIMULATIONS", "500"))
FAMILIES = RUNS // 2
CHUNKS = 10

met: Counter[str] = Counter()
met_by_families: Counter[str] = Counter()


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_nothing_that_goes_wrong_breaks_a_run(chunk):
    for seed in range(chunk, RUNS, CHUNKS):
        met.update(Simulation(seed).run())


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_nothing_that_goes_wrong_comes_between_runs(chunk):
    for seed in range(chunk, FAMILIES, CHUNKS):
        met_by_families.update(Simulation(seed, families=True).run())


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


OFTEN = ("children", "grandchildren", "reported", "local steps", "continued", "sends", "sends: RunEnded", "debts seen")
AT_TIMES = (
    "detached",
    "let go",
    "let go before it was started",
    "payloads carried",
    "deadlines",
    "sends: UnknownRun",
    "terminated",
    "reports of children refused",
    "pauses",
    "runs with losses",
    "lost entries",
    "speculations refused",
)
RARELY = ("ids of others", "terminated with children", "retries", "forks", "successors started by an outsider")


def test_the_simulation_of_families_reaches_what_it_is_for():
    if met_by_families["runs"] < 250:
        pytest.skip("only with all the runs before it")
    sys.stdout.write(f"{dict(met_by_families)}\n")
    for kinds, least in ((OFTEN, 200), (AT_TIMES, 30), (RARELY, 5)):
        for kind in kinds:
            assert met_by_families[kind] >= least, kind


@pytest.mark.parametrize("families", [False, True])
def test_a_seed_is_the_whole_of_a_run(families):
    one, other = Simulation(17, families), Simulation(17, families)
    one.run()
    other.run()
    assert one.world.runs == other.world.runs
    for run_id in one.world.runs:
        assert one.world.events(run_id) == other.world.events(run_id)


@pytest.mark.parametrize("families", [False, True])
def test_a_log_that_is_read_in_small_pieces_is_the_same_log(monkeypatch, families):
    monkeypatch.setattr(rules, "TAIL_EVENTS", 3)
    for seed in range(RUNS, RUNS + 40):
        Simulation(seed, families).run()
