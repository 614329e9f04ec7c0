"""Real processes under fire, for a minute; `python -m tests.deep chaos` does it for longer."""

from __future__ import annotations

import pytest

from tests.deep.chaos import LEAST_KILLS, expect_quick_recovery, fire, march
from tests.deep.chaos_recovery import QUIET
from tests.deep.chaos_round import Plan
from tests.deep.rounds import Figures

KILLS = 50  # a round; with those of tests/e2e more than two hundred in all
ROUNDS = {
    "our worker": (17, Plan("ours", several=True, cut=True, kills=KILLS, bursts=3)),
    "forks": (18, Plan("fork", several=False, cut=False, kills=KILLS, bursts=2, quiet_runs=2)),
    "no forks": (19, Plan("simple", several=True, cut=True, kills=KILLS, bursts=2, quiet_runs=2)),
}
EVERY_ROUND = (
    "workers killed",
    "workers killed in a body",
    "rolling stops",
    "workers frozen beyond their lease",
    "servers killed",
    "rq empty",
    "rq requeue --all",
    "rq info",
    "job hashes deleted",
    "SCRIPT FLUSH",
    "workers with a clock an hour off",
    "workers of a command line",
)


@pytest.mark.parametrize("name", ROUNDS)
def test_every_run_comes_out_right_whatever_is_done_to_its_workers(name: str):
    seed, plan = ROUNDS[name]
    figures = fire(seed, plan)
    told(figures)
    assert figures.counts["kills"] >= KILLS
    for fault in EVERY_ROUND:
        assert figures.counts[fault] >= 1, fault
    assert not plan.cut or figures.counts["replies dropped"] >= 1
    assert plan.kind != "fork" or figures.counts["horses killed"] >= 1
    assert plan.kind == "ours" or figures.counts["timer services killed"] >= 1
    assert plan.kind != "ours" or figures.samples[QUIET]
    expect_quick_recovery(figures)


def test_thousands_of_steps_are_committed_once_while_workers_die():
    figures = march(20, seconds=4, runs=5)
    told(figures)
    assert figures.counts["steps committed"] >= 1_000
    assert figures.counts["kills"] >= LEAST_KILLS


def told(figures: Figures) -> None:
    print("\n" + ", ".join(f"{count} {name}" for name, count in sorted(figures.counts.items())))
    print(f"recovered within {figures.percentile(QUIET, 50)} ms (p50), {figures.percentile(QUIET, 99)} ms (p99)")
