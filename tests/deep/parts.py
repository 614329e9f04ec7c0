"""The parts of a deep run. Each is a module with a `one_round(seed)` that CI also plays, with fewer seeds."""

from __future__ import annotations

import time

from tests.deep import (
    chaos,
    crashes,
    deliveries,
    detection,
    hostile,
    programs,
    redis_prefixes,
    redis_settings,
    simulation,
    sqlite_kills,
    stores,
)
from tests.deep.rounds import Figures, Part

PARTS = (
    Part("chaos", chaos.one_round, {"kills": 2_000, "steps committed": 500_000}),
    Part("crashes", crashes.one_round, {"engine crash points": 25_000}),
    Part("deliveries", deliveries.one_round, {"deliveries": 200_000}),
    Part("detection", detection.one_round, {"mutants": 200_000}),
    Part("hostile", hostile.one_round, {"hostile inputs": 3_000_000}),
    Part("programs", programs.one_round, {"crash points": 10_000_000}),
    Part("redis_prefixes", redis_prefixes.one_round, {"prefixes": 3_000}),
    Part("redis_settings", redis_settings.one_round, {}, once=True),
    Part("simulation", simulation.one_round, {"runs": 3_000}),
    Part("sqlite_kills", sqlite_kills.one_round, {"kills": 5_000}),
    Part("stores", stores.one_round, {"calls": 200_000}),
)


def play(name: str, seed: int) -> tuple[Figures, float]:
    """A round, and the seconds it took."""
    (part,) = [part for part in PARTS if part.name == name]
    began = time.monotonic()
    return part.one_round(seed), time.monotonic() - began
