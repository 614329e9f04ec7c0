"""Whatever happens to a trip: it is either whole or nothing. `explore` tries some thousand ways to break that.

python examples/explore_saga.py hasty_trip
python examples/explore_saga.py trip

It needs Hypothesis: `pip install 'yieldflow[testing]'`.
"""

import sys

from saga import book, cancel, charge, hasty_trip, refund, trip

from yieldflow.errors import FatalError
from yieldflow.testing import Explored, Simulation, explore, outcomes

FAKES = {
    book: lambda what, place: f"{what} in {place}",
    cancel: outcomes(None),
    charge: outcomes("paid", FatalError("no money")),
    refund: outcomes(None),
}
TRIPS = {"hasty_trip": hasty_trip, "trip": trip}


def whole_or_nothing(sim: Simulation[str]) -> None:
    """`effects`: what steps have done to the world, whether the workflow has heard of it or not."""
    if sim.status != "completed":
        booked = {call.outcome for call in sim.effects(book)}
        cancelled = {call.args[0] for call in sim.effects(cancel)}
        assert booked == cancelled, f"still booked: {sorted(booked - cancelled)}"
        assert not sim.effects(charge) or sim.effects(refund), "charged, and no refund"


def explored(name: str) -> Explored:
    return explore(TRIPS[name]("trip-1", "oslo"), steps=FAKES, at_end=whole_or_nothing)


if __name__ == "__main__":
    try:
        print(explored(sys.argv[1]))
    except AssertionError as found:
        raise SystemExit(f"{found}") from None
