"""Tools for the authors of workflows: a test runs a program against answers, and needs no store and no clock."""

from yieldflow.testing.corpus import assert_replays, replay
from yieldflow.testing.explore import Explored, explore
from yieldflow.testing.fakes import outcomes, real, takes
from yieldflow.testing.rehearse import rehearse
from yieldflow.testing.simulate import Simulation, StillWaiting, simulate

__all__ = [
    "Explored",
    "Simulation",
    "StillWaiting",
    "assert_replays",
    "explore",
    "outcomes",
    "real",
    "rehearse",
    "replay",
    "simulate",
    "takes",
]
