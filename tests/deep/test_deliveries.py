"""Deliveries in bounded numbers."""

from __future__ import annotations

from random import Random

from tests.deep.deliveries import Storm, apart_from_order, differences, one_round
from tests.engine.world import RUN

LEAST = {
    "programs": 80,
    "deliveries": 15_000,
    "deliveries again": 10_000,
    "deliveries to runs that had ended": 5_000,
    "delivered late, or not at all": 1_000,
    "delivered again when all was quiet": 50,
    "refused: decided from an old log": 5_000,
    "refused: ended": 500,
    "refused: resolved": 500,
    "refused: twice": 300,
    "hints again": 300,
    "hints lost": 200,
    "hints of runs that had ended": 200,
}


def test_no_log_shows_how_often_in_which_order_and_how_late_things_were_delivered():
    counts = one_round(0, 80).counts
    assert {name: (counts[name], least) for name, least in LEAST.items() if counts[name] < least} == {}


def test_a_round_of_deliveries_depends_on_nothing_but_its_seed():
    assert one_round(3, 2) == one_round(3, 2)


PLAN = [["step", 1], ["all", [["hook", "hook-0"]], [["hook", "hook-1"], ["step", 2]]], ["child", [["step", 3]]]]


def test_the_order_of_facts_is_all_that_may_differ():
    """Else the comparison would be of nothing: the logs themselves are not equal."""
    calm = Storm(PLAN, Random(0), stopped=False, calm=True)
    storms = [Storm(PLAN, Random(seed), stopped=False) for seed in range(5)]
    said = [storm.run() for storm in (calm, *storms)]
    assert all(one == said[0] for one in said)
    assert any(storm.world.events() != calm.world.events() for storm in storms)


def test_another_answer_is_a_difference():
    calm = Storm(PLAN, Random(0), stopped=False, calm=True)
    said = calm.run()
    fewer = {**said, RUN: apart_from_order(calm.world.events()[:-1])}
    assert differences(fewer, said).startswith(f"{RUN}, ended:")
