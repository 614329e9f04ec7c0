"""The progress of a run: rows of a terminal and lines of a pipe, from logs as literals."""

from io import StringIO

from rich.console import Console

from yieldflow import identity
from yieldflow.cli.lines import Lines
from yieldflow.cli.live import Drawn
from yieldflow.cli.scene import Scene, heading, rows
from yieldflow.core.commands import CallStep, Receive, StepOptions
from yieldflow.core.events import AttemptFailed, CommandIssued, CommandResolved, HookReceived, RunStarted
from yieldflow.core.outcome import Failure, Ok
from yieldflow.inspection.timeline import Timeline
from yieldflow.inspection.words import told
from yieldflow.ports import Claimed, Free

STARTED = RunStarted(0, "order-42", "shop:checkout", b"[[],{}]", b"0" * 16)


def step(number, at=0):
    return CommandIssued(at, (1, number), CallStep(f"shop:pack{number}", b"[[],{}]", StepOptions()))


def done(number, at=1_000):
    return CommandResolved(at, (1, number), Ok(b"1"), 1, "w", at - 500)


def fed(*events):
    timeline = Timeline()
    for event in (STARTED, *events):
        timeline.add(event)
    return timeline


def scene(timeline, *claims, now=10_000):
    return Scene("order-42", timeline, claims, now, 0)


def claim(number, worker=None):
    work = Free((1, number), "yieldflow", 2, 1, 10_000)
    return Claimed(work, "t", worker or identity.name(), 7_000, 20_000)


def test_what_ended_last_comes_first_then_what_runs_then_what_waits():
    failed = AttemptFailed(9_000, (1, 2), 1, Failure(("shop:CardTimeout",), "no answer"), 14_000)
    hook = CommandIssued(0, (1, 4), Receive("approval"))
    seen = scene(fed(step(1), step(2), step(3), hook, step(5), step(6), done(1), failed), claim(3))
    assert heading(seen) == "order-42 · checkout · 1 of 5 known steps done · 10 s"
    assert [(row.mark, row.label, row.text) for row in rows(seen)] == [
        ("completed", "pack1", "0.5 s"),
        ("running", "pack3", "running since 3 s"),
        ("retrying", "pack2", "attempt 2 of 3, retry in 4 s: CardTimeout: no answer"),
        ("hook", "approval", "open since 10 s, nobody has answered"),
        ("ready", "2 steps to be carried out", ""),
    ]


def test_a_wide_run_takes_few_rows():
    many = fed(*(step(n) for n in range(1, 61)), done(1), done(2))
    seen = scene(many, *(claim(n) for n in range(3, 61)))
    shown = rows(seen)
    assert len(shown) == 11
    assert shown[0].mark == "completed"
    assert shown[-1].label == "… and 49 more"


def test_it_is_redrawn_only_when_it_changes_and_fits_narrow_and_wide_terminals():
    for width in (60, 120):
        out = StringIO()
        console = Console(file=out, width=width, height=24, force_terminal=True, color_system=None)
        drawn = Drawn(lambda token: f"yieldflow hook {token}", console)
        seen = scene(fed(*(step(n) for n in range(1, 6))), claim(1, "elsewhere:boot:1:42:7"))
        drawn.begin(seen)
        once = out.getvalue()
        drawn.show(scene(seen.timeline, *seen.claims, now=10_400))  # the same second
        assert out.getvalue() == once
        drawn.show(scene(seen.timeline, *seen.claims, now=11_000))
        assert out.getvalue() != once
        drawn.end(seen)
        assert max(len(line) for line in once.splitlines()) < width + 20  # with what moves the cursor


def lines_of(events, ticks):
    """Events at their times, a reading every 100 ms."""
    written, timeline, now = [], Timeline(), [0.0]
    lines = Lines(lambda token: f"yieldflow hook {token} JSON", written.append, lambda: now[0])
    timeline.add(STARTED)
    lines.begin(scene(timeline))
    coming = list(events)
    for tick in range(ticks):
        now[0] = tick / 10
        while coming and coming[0].at <= tick * 100:
            timeline.add(coming[0])
            lines.tell(told(coming.pop(0), timeline), scene(timeline))
        lines.show(scene(timeline))
    lines.end(scene(timeline))
    return written


def test_a_narrow_run_has_a_line_for_each_step():
    written = lines_of([step(1), done(1, 1_000), step(2, 1_000), done(2, 3_000)], 40)
    assert written == ["00:00:01Z step pack1 done in 0.5 s", "00:00:03Z step pack2 done in 0.5 s"]


def test_a_wide_run_is_summed_up():
    asked = [step(n) for n in range(1, 401)]
    written = lines_of([*asked, *(done(n, 1_000 + n * 10) for n in range(1, 401))], 60)
    assert len(written) < 30
    assert sum("known steps done" in line for line in written) >= 2
    assert written[-1].endswith("… 400 of 400 known steps done")


def test_hooks_are_told_with_the_command_that_answers_them():
    (line,) = lines_of([CommandIssued(0, (1,), Receive("approval"))], 3)
    assert line.startswith("waiting for hook approval; answer it with: yieldflow hook ")
    assert len(line.split()[-2]) == 43


def test_a_hook_that_was_answered_before_it_was_asked_needs_no_answer():
    came = HookReceived(0, "approval", b"true", "k")
    assert lines_of([came, CommandIssued(0, (1,), Receive("approval"))], 3) == ["00:00:00Z hook approval was answered"]
