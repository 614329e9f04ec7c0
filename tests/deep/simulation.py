"""The simulation of the whole engine, of every kind a few seeds a round, and runs beside a model of what users see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.deep.rounds import Figures
from tests.deep.simulation_model import played
from tests.engine.simulation import Simulation

KINDS: Mapping[str, tuple[Mapping[str, Any], int]] = {  # what is simulated, and how many of a hundred
    "runs alone": ({}, 20),
    "families of runs": ({"families": True}, 20),
    "runs alone, with workers that come back and stores that fail over": ({"hard": True}, 20),
    "families of runs, with workers that come back and stores that fail over": ({"families": True, "hard": True}, 20),
    "runs under two versions of their code": ({"deploys": True}, 10),
    "runs under two versions, with workers that come back and stores that fail over": (
        {"deploys": True, "hard": True},
        10,
    ),
}
SEEDS = 100
MODELLED = 100


def one_round(seed: int) -> Figures:
    figures = Figures()
    first = seed * SEEDS
    for kind, (what, count) in KINDS.items():
        figures.counts.update(simulated(what, range(first, first + count)))
        figures.counts[kind] += count
        first += count
    beside = played(MODELLED, 30, seed)
    figures.counts["runs beside the model"] += beside["runs"]
    figures.counts["tends beside the model"] += beside["tends"]
    return figures


def simulated(what: Mapping[str, Any], seeds: range) -> Counter[str]:
    met: Counter[str] = Counter()
    for seed in seeds:
        met.update(Simulation(seed, **what).run())
    return met
