"""A file that is no history is refused in one sentence that names the event, and nothing is imported of it."""

from __future__ import annotations

import json

import pytest

from tests.test_histories import exported, parcel
from yieldflow import App
from yieldflow.histories import BrokenHistory, read


@pytest.fixture
def lines() -> list[bytes]:
    app = App("memory:")
    app.start(parcel("o"), run_id="r")
    app.runtime.tend("r")
    history = exported(app, "r")
    app.close()
    return [*history.packed]


@pytest.mark.parametrize(
    ("broken", "event", "said"),
    [
        (lambda lines: [], 1, "is missing"),
        (lambda lines: lines[1:], 1, "cannot come there (a run starts once, at first)"),
        (lambda lines: [lines[0], lines[1][:-9]], 2, "cannot be read (JSONDecodeError"),
        (lambda lines: [*lines, lines[-1]], 5, "cannot come there (that path was issued before)"),
        (lambda lines: [lines[0], *lines[2:]], 2, "cannot come there (that path is not open)"),
        (lambda lines: [lines[0].replace(b'"r"', b'"a\\nb"', 1)], 1, "has a run id that no run can have"),
        (lambda lines: [b'{"e":"from the future","at":1}'], 1, "cannot be read"),
    ],
    ids=["empty", "without its start", "torn", "doubled", "with a gap", "of no run", "of another version"],
)
def test_a_broken_history_is_told_with_its_event_in_one_sentence(lines, broken, event, said):
    with pytest.raises(BrokenHistory) as refused:
        read(broken(lines), "o.jsonl")
    assert refused.value.event == event
    assert str(refused.value).startswith(f"o.jsonl is no whole history: event {event} {said}")
    assert str(refused.value).endswith("; nothing was changed")
    assert "\n" not in str(refused.value)


def test_empty_lines_and_those_of_windows_are_no_matter(lines):
    assert read([line + b"\r" for line in [b"", *lines, b""]]).packed == tuple(lines)
    assert json.loads(lines[0])["run"] == "r"
