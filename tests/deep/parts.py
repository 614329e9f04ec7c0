"""The parts of a deep run. Each is a module with a `one_round(seed)` that CI also plays, with fewer seeds."""

from __future__ import annotations

import time

from tests.deep import simulation
from tests.deep.rounds import Figures, Part

PARTS = (Part("simulation", simulation.one_round, {"runs": 20_000}),)


def play(name: str, seed: int) -> tuple[Figures, float]:
    """A round, and the seconds it took."""
    (part,) = [part for part in PARTS if part.name == name]
    began = time.monotonic()
    return part.one_round(seed), time.monotonic() - began
