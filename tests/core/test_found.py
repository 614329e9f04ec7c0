"""Found while reviewing the core: each test here fails until that is mended. Then it moves to `test_regressions`."""

import gc

from tests.core.harness import begun
from tests.core.programs import number
from yieldflow import step


def test_a_helper_that_asks_twice_while_it_is_closed_is_let_go_without_noise(monkeypatch):
    """Ruling 63, one level down: `close` of the outer generator ends it and drops the inner one, which is still
    suspended in its clean-up. Its deletion complains to `sys.unraisablehook`. Let go of the innermost first."""
    complaints = []
    monkeypatch.setattr("sys.unraisablehook", lambda complaint: complaints.append(str(complaint.exc_value)))

    def helper():
        try:
            yield step(number, 1, "")
        finally:
            try:
                yield step(number, 2, "")
            finally:
                yield step(number, 3, "")

    def program():
        yield from helper()

    begun(program).execution.close()
    gc.collect()
    assert complaints == []
