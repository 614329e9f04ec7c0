"""Runs beside a model that knows what a user may expect, and nothing of the engine."""

from tests.deep.simulation_model import Act, plainly, played


def test_a_run_is_what_its_user_may_expect():
    met = played(300, 30)
    assert met["runs"] >= 300
    assert met["tends"] >= 800
    assert met["faults"] >= 80


def test_the_model_is_plain_python():
    plan = [Act("take", 1), Act("both", 2), Act("refused", 3), Act("rest", 4), Act("take", 5)]
    assert plainly(plan, [8, 9]) == [8, (20, 30), "refused", None, 9]
