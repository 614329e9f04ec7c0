"""The simulation of the engine, a hundred seeds a round, every third of them with several runs."""

from __future__ import annotations

from tests.deep.rounds import Figures
from tests.engine.simulation import Simulation

SEEDS = 100


def one_round(seed: int) -> Figures:
    figures = Figures()
    for number in range(seed * SEEDS, (seed + 1) * SEEDS):
        figures.counts.update(Simulation(number, families=number % 3 == 0).run())
    return figures
