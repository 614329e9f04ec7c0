"""What people copy: retry, and what is done undone in reverse."""

import pytest
from order import order

from yieldflow import App, FatalError, RunCancelled, RunFailed
from yieldflow.core.events import AttemptFailed


def test_an_order_is_charged_once_after_two_refusals(capsys):
    app = App("memory:")
    assert app.run(order("book", 4200), run_id="order-1") == "parcel with book"
    assert capsys.readouterr().out.splitlines() == [
        "reserve book",
        "charge 42.00 for book, attempt 3, key order-1/2.1",
        "ship book",
    ]
    refused = [event for event in app.get("order-1").history() if isinstance(event, AttemptFailed)]
    assert [(event.path, event.attempt) for event in refused] == [((2, 1), 1), ((2, 1), 2)]


def test_what_cannot_be_shipped_is_undone_the_last_thing_first(capsys):
    with pytest.raises(RunFailed) as failed:
        App("memory:").run(order("piano", 99900), run_id="order-2")
    assert isinstance(failed.value.__cause__, FatalError)
    assert str(failed.value.__cause__) == "no carrier takes a piano"
    assert capsys.readouterr().out.splitlines() == [
        "reserve piano",
        "charge 999.00 for piano, attempt 3, key order-2/2.1",
        "refund payment for piano",
        "release reservation of piano",
    ]


def test_an_order_that_is_cancelled_at_once_knows_what_to_undo(capsys):
    app = App("memory:")
    run = app.start(order("book", 4200))
    run.cancel("changed my mind")
    with pytest.raises(RunCancelled):
        run.result(timeout=30)
    assert capsys.readouterr().out.splitlines() == ["reserve book", "release reservation of book"]
