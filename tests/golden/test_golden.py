"""Golden logs: what any version has written is read by this one, means the same, and is written to the same bytes.

A file here is never changed or removed. See `python -m tests.golden` for adding one.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, get_args

import attrs
import pytest

from tests.golden import flows
from tests.golden.__main__ import main
from tests.golden.situations import SITUATIONS
from yieldflow.authoring.loaded import loaded
from yieldflow.codec import JsonCodec, pack, unpack
from yieldflow.codec.upcasts import UPCASTS
from yieldflow.core.commands import Recorded
from yieldflow.core.events import Cause, Event, Parent, RunStarted
from yieldflow.core.interpreter import Execution
from yieldflow.core.outcome import Answer, Ending, Failure
from yieldflow.core.run import Run, fold
from yieldflow.core.times import End

HERE = Path(__file__).parent
FILES = {file.stem: file.read_bytes().splitlines() for file in sorted(HERE.glob("*.jsonl"))}
UPCAST: set[str] = set()  # files in a former form: they are read, and written as today
HOW_MANY_FILES, HOW_MANY_EVENTS = 43, 188
ENDS = {  # of every log that has a start: what its fold says without the program
    "started": "goes on",
    "started-with-everything": "goes on, unread 0, unread -1",
    "started-as-a-later-generation": "goes on",
    "started-by-a-retry": "goes on",
    "started-by-a-fork": "goes on",
    "started-by-a-fork-with-other-answers": "goes on",
    "started-by-a-retry-of-a-fork": "goes on",
    "started-by-a-fork-of-a-fork": "goes on",
    "log-of-steps": "Ok",
    "log-of-hooks": "goes on, open 4, unread 8",
    "log-of-a-cancellation": "Cancelled",
    "log-of-other-runs": "Err",
    "log-of-data": "ContinuedAs",
    "log-that-is-paused": "goes on, open 1, paused",
    "own-tokens": "goes on",
    "started-with-tokens": "goes on",
    "flow-order": "Ok",
    "flow-approved": "Ok",
    "flow-together": "Ok",
    "flow-undone": "Err",
    "flow-waits": "Cancelled",
}


def events(name: str) -> list[Event]:
    return list(map(unpack, FILES[name]))


def end(run: Run) -> str:
    if run.outcome is not None:
        return type(run.outcome).__name__
    still = [f"open {'.'.join(map(str, path))}" for path in run.open] + [f"unread {place}" for place in run.unread]
    return ", ".join(["goes on", *still, *(["paused"] if run.paused else [])])


def test_none_is_lost():
    assert (len(FILES), sum(map(len, FILES.values()))) == (HOW_MANY_FILES, HOW_MANY_EVENTS)
    assert set(FILES) == {*SITUATIONS, *flows.RECIPES}
    assert set(ENDS) == {name for name in FILES if isinstance(events(name)[0], RunStarted)}


@pytest.mark.parametrize("name", FILES)
def test_each_is_written_again_to_the_same_bytes(name):
    if name not in UPCAST:
        assert list(map(pack, events(name))) == FILES[name]


@pytest.mark.parametrize("name", SITUATIONS)
def test_each_still_means_what_it_meant(name):
    assert events(name) == SITUATIONS[name]


@pytest.mark.parametrize("name", ENDS)
def test_the_fold_takes_each_log_and_its_end_is_as_noted(name):
    assert end(fold(events(name))) == ENDS[name]


@pytest.mark.parametrize("name", flows.RECIPES)
def test_each_real_log_is_replayed_by_its_workflow_which_decides_nothing_new(name):
    log = events(name)
    workflow = getattr(flows, name.removeprefix("flow-")).definition
    for length in range(1, len(log) + 1):
        execution = Execution(workflow, JsonCodec(), loaded)
        execution.feed(log[:length])
        decided = execution.decide()
        execution.close()
    assert decided == ()


def test_nothing_is_missing_and_what_is_there_is_left_alone(tmp_path: Path):
    assert main(tmp_path) == [f"{name}.jsonl" for name in (*SITUATIONS, *flows.RECIPES)]
    for name, text in [("started", "kept"), ("flow-order", "")]:
        (tmp_path / f"{name}.jsonl").write_text(text)
    (tmp_path / "waits.jsonl").unlink()
    assert main(tmp_path) == ["waits.jsonl"]
    assert (tmp_path / "waits.jsonl").read_bytes() == (HERE / "waits.jsonl").read_bytes()
    assert (tmp_path / "started.jsonl").read_text() == "kept"
    recorded = (tmp_path / "flow-undone.jsonl").read_text()
    assert '"worker":"worker-1"' in recorded
    assert str(HERE.parents[1]) not in recorded


# --- everything that a log can say is in one of them ------------------------------------------------------------


def classes(union: Any) -> set[type]:
    return set(get_args(union))


SAID = classes(Event) | classes(Recorded) | classes(Answer) | classes(Ending) | classes(Cause) | classes(End)


def values(value: object) -> list[object]:
    """All attrs values in an event, itself first."""
    if not attrs.has(type(value)):
        return []
    inner = [getattr(value, field.name) for field in attrs.fields(type(value))]
    return [value, *(one for member in inner for one in values(member))]


def defaults(cls: Any) -> list[tuple[str, object]]:
    made = [(field.name, field.default) for field in attrs.fields(cls)]
    return [(name, default.factory() if isinstance(default, attrs.Factory) else default) for name, default in made]


def test_every_class_and_every_field_of_one_is_somewhere_not_at_its_default():
    seen: dict[type, set[str]] = defaultdict(set)
    for name in FILES:
        for value in (one for event in events(name) for one in values(event)):
            seen[type(value)] |= {name for name, default in defaults(type(value)) if default != getattr(value, name)}
    assert set(seen) >= SAID | {Parent, Failure}
    absent = {
        f"{cls.__name__}.{field.name}"
        for cls, names in seen.items()
        for field in attrs.fields(cls)
        if field.name not in names
    }
    assert absent == set()


def test_every_former_form_has_a_golden_log():
    tags = {line.split(b'"')[3].decode() for name in UPCAST for line in FILES[name]}
    assert set(UPCASTS) == tags
