"""The geometry of the time line, and which lines of a function are shown."""

import linecache

from hypothesis import given
from hypothesis import strategies as st

from yieldflow.core.commands import CallStep, Receive, Respond, SetData, Sleep, StepOptions
from yieldflow.core.events import (
    AttemptFailed,
    CommandAbandoned,
    CommandIssued,
    CommandResolved,
    HookReceived,
    RunStarted,
)
from yieldflow.core.outcome import Err, Failure, Ok, Taken
from yieldflow.core.times import After
from yieldflow.inspection.branches import Line
from yieldflow.inspection.timeline import Timeline
from yieldflow.ports import Claimed, Free
from yieldflow.web.page.run.chart import Axis, even, stretches
from yieldflow.web.page.run.listing import WHOLE, Frame, listings

STARTED = RunStarted(0, "r", "shop:checkout", b"[[],{}]", b"0" * 16)
CALL = CallStep("shop:charge", b"[[],{}]", StepOptions(attempts=5))
FAILURE = Failure(("shop:CardTimeout",), "no answer")


def kinds(*events, now=1_000, claim=None):
    timeline = Timeline()
    for event in (STARTED, *events):
        timeline.add(event)
    found = stretches(timeline.items[(1,)], claim, now)
    return [(one.kind, one.start, one.end) for one in found]


def test_an_attempt_that_failed_waits_for_the_next_one():
    found = kinds(
        CommandIssued(0, (1,), CALL),
        AttemptFailed(50, (1,), 1, FAILURE, 200, worker="w", started_at=10),
        CommandResolved(300, (1,), Ok(b"1"), 2, "w", 250),
    )
    assert found == [("waits", 0, 10), ("failed", 10, 50), ("pause", 50, 250), ("done", 250, 300)]


def test_a_lost_worker_and_one_that_runs():
    held = Claimed(Free((1,), "q", 2, 2, 10_000), "token", "w", 700, 10_700)
    lost = AttemptFailed(500, (1,), 1, FAILURE, 500, "lost", worker="w", started_at=100)
    assert kinds(CommandIssued(0, (1,), CALL), lost, claim=held) == [
        ("waits", 0, 100),
        ("lost", 100, 500),
        ("pause", 500, 700),
        ("runs", 700, 1_000),
    ]


def test_what_is_open_goes_up_to_now_and_what_was_let_go_up_to_then():
    assert kinds(CommandIssued(0, (1,), CALL)) == [("waits", 0, 1_000)]
    assert kinds(CommandIssued(0, (1,), Sleep(After(9_000)))) == [("sleep", 0, 1_000)]
    gone = kinds(CommandIssued(0, (1,), Sleep(After(9_000))), CommandAbandoned(400, (1,)))
    assert gone == [("sleep", 0, 400), ("gone", 400, 400)]
    failed = kinds(CommandIssued(0, (1,), CALL), CommandResolved(300, (1,), Err(FAILURE), 1, "w", 250))
    assert failed == [("waits", 0, 250), ("failed", 250, 300)]


def test_what_takes_no_time_is_a_dot():
    assert kinds(CommandIssued(7, (1,), SetData("stage", b"1"))) == [("mark", 7, 7)]
    asked = (
        CommandIssued(1, (1,), Receive("pay")),
        HookReceived(2, "pay", b"1", "k"),
        CommandResolved(3, (1,), Taken(3)),
    )
    timeline = Timeline()
    for event in (STARTED, *asked, CommandIssued(4, (2,), Respond("pay", 3, b"2"))):
        timeline.add(event)
    assert [(one.kind, one.start, one.end) for one in stretches(timeline.items[(2,)], None, 900)] == [("mark", 4, 4)]


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=30), st.integers(0, 10**13))
def test_every_moment_has_a_place_on_both_axes_and_later_ones_are_not_before_earlier_ones(times, at):
    ordered = sorted(times)
    for axis in (Axis(ordered[0], ordered[-1]), even(ordered[0], times, ordered[-1])):
        places = [axis.place(moment) for moment in sorted([*times, at])]
        assert places == sorted(places)
        assert all(0 <= place <= 100 for place in places)
        ticks = list(axis.ticks())
        assert len(ticks) <= 6
        assert all(0 <= place <= 100 for place, _ in ticks)


def written(tmp_path, text):
    file = tmp_path / "flow.py"
    file.write_text(text)
    linecache.checkcache(str(file))
    return str(file)


def test_a_short_function_is_shown_whole_with_its_decorators_and_nothing_of_the_next(tmp_path):
    file = written(tmp_path, "x = 1\n\n@workflow\ndef one(a):\n    b = 2\n\n    yield b\n\n\ndef two():\n    pass\n")
    (found,) = listings([Frame("the workflow", Line(file, 7, "one"), here=True)])
    assert [line for line in found.lines if line] == [
        (3, "@workflow"),
        (4, "def one(a):"),
        (5, "    b = 2"),
        (6, ""),
        (7, "    yield b"),
    ]
    assert set(found.arrows) == {7}


def test_branches_in_one_function_share_its_listing_and_those_of_a_name_do_not(tmp_path):
    file = written(tmp_path, "def one():\n    yield 1\n    yield 2\n\nclass A:\n    def one(self):\n        yield 3\n")
    frames = [Frame(f"branch {line}", Line(file, line, "one"), here=True) for line in (2, 3, 7)]
    found = listings(frames)
    assert [sorted(listing.arrows) for listing in found] == [[2, 3], [7]]


def test_of_a_long_function_the_lines_around_its_arrows_are_shown(tmp_path):
    file = written(tmp_path, "def one():\n" + "".join(f"    yield {number}\n" for number in range(300)))
    (found,) = listings([Frame("b", Line(file, line, "one"), here=True) for line in (100, 200)])
    assert len(found.lines) <= WHOLE + 4
    assert None in found.lines
    assert {1, 100, 200} <= {line[0] for line in found.lines if line}


@given(st.text(max_size=200), st.integers(1, 50), st.text(max_size=20))
def test_whatever_a_file_holds_it_is_listed(text, number, function):
    linecache.cache["<strange>"] = (len(text), None, text.splitlines(keepends=True), "<strange>")
    found = listings([Frame("b", Line("<strange>", number, function), here=True)])
    assert len(found) == 1


def test_a_file_that_is_not_there_leaves_the_number():
    (found,) = listings([Frame("b", Line("/nowhere.py", 7, "one"), here=True)])
    assert found.lines == ()
    assert set(found.arrows) == {7}
