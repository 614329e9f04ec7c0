"""What people copy: a saga, the mistake that `explore` finds in it, and its fix."""

import pytest
from explore_saga import explored
from saga import hasty_trip, trip

from yieldflow import App


@pytest.mark.parametrize("workflow", [hasty_trip, trip])
def test_a_trip_that_nothing_happens_to_is_booked_and_paid(workflow, capsys):
    assert App("memory:").run(workflow("trip-1", "oslo")) == "payment for trip-1"
    said = capsys.readouterr().out.splitlines()
    assert (said[0], sorted(said[1:3]), said[3:]) == (
        "book a flight in oslo",
        ["book a car in oslo", "book a hotel in oslo"],
        ["charge 420.00 for trip-1"],
    )


def test_the_mistake_is_found():
    with pytest.raises(AssertionError) as found:
        explored("hasty_trip")
    assert "AssertionError: charged, and no refund" in str(found.value)
    assert "charge 3.1 answers 'paid', unheard" in str(found.value)


def test_the_fix_holds():
    result = explored("trip")
    assert result.schedules == 1_000
    assert result.only_here is None
