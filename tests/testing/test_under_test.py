"""What a test runner tells `simulate` and `explore`, and what they tell it."""

from yieldflow.under_test import EXAMPLES, UnderTest


def test_nothing_is_kept_unless_somebody_watches():
    alone = UnderTest()
    alone.simulating("a stage")
    alone.telling("a stage")
    assert (list(alone.simulated), alone.broken, alone.examples) == ([], None, EXAMPLES)


def test_a_test_has_its_own_runs_and_its_own_budget():
    watched = UnderTest()
    watched.begin(7)
    for number in range(30):
        watched.simulating(number)
    watched.telling("told")
    assert (list(watched.simulated), watched.broken, watched.examples) == (list(range(10, 30)), "told", 7)
    watched.begin(8)
    assert (list(watched.simulated), watched.broken, watched.examples) == ([], None, 8)
    watched.end()
    watched.simulating(1)
    assert (list(watched.simulated), watched.examples) == ([], EXAMPLES)
