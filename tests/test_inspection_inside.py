"""What `inspect` sees inside a run: local variables, the line that failed, its children; and what it costs."""

import pytest

from tests.test_inspection import tended
from yieldflow import (
    App,
    Flow,
    Retry,
    continue_as_new,
    detach,
    gather,
    hook,
    open_hook,
    set_data,
    sleep,
    step,
    workflow,
)
from yieldflow.core.run import Run
from yieldflow.inspection import inspect
from yieldflow.inspection.family import MOST_CHILDREN
from yieldflow.inspection.variables import MASKED, Veil
from yieldflow.stores.memory import MemoryStore


@pytest.fixture
def app():
    app = App("memory:")
    yield app
    app.close()


@step(retry=Retry(attempts=5, delay="1h"))
def flaky(number: int) -> int:
    raise OSError(f"no {number}")


def inner(number: int) -> Flow[int]:
    got = yield from flaky(number)
    return got


def paid(number: int) -> Flow[int]:
    tries, api_key = 5, "sk-1"
    return (yield from inner(number + tries + len(api_key)))


@workflow
def nested(order: str) -> Flow[int]:
    return (yield from paid(len(order)))


def named(line):
    return {variable.name: variable.text for variable in line.variables}


def test_each_frame_of_a_nested_generator_shows_its_local_variables_outermost_first(app):
    (waiting,) = tended(app, nested("abc")).inspect().branches
    assert [(line.function, named(line)) for line in waiting.lines] == [
        ("nested", {"order": "'abc'"}),
        ("paid", {"number": "3", "tries": "5", "api_key": MASKED}),
        ("inner", {"number": "12"}),
    ]


def test_local_variables_of_the_past_are_those_of_then(app):
    @workflow
    def counts() -> Flow[None]:
        for number in range(3):
            yield sleep(0)
            seen = [number]
        yield hook("go")
        del seen

    handle = tended(app, counts())
    texts = [handle.inspect(at=at).branches[0].lines[-1].variables for at in range(1, len(handle.history()) + 1)]
    assert [{one.name: one.text for one in variables} for variables in (texts[0], texts[2], texts[-1])] == [
        {"number": "0"},
        {"number": "1", "seen": "[0]"},
        {"number": "2", "seen": "[2]"},
    ]


@step(retry=Retry(attempts=3, delay=0))
def breaks(number: int) -> int:
    raise OSError(f"no {number}")


@workflow
def broken(number: int) -> Flow[int]:
    tries = number + 1
    return (yield from breaks(tries))


def test_a_failed_run_shows_the_line_that_its_error_passed_and_each_attempt(app):
    seen = tended(app, broken(1)).inspect()
    assert seen.status == "failed"
    assert [(line.function, named(line)) for line in seen.raised] == [("broken", {"number": "1", "tries": "2"})]
    (item,) = seen.items
    assert [(one.number, one.failure.message, one.lost) for one in item.failed] == [
        (1, "no 2", False),
        (2, "no 2", False),
    ]
    assert (item.state, item.tries, item.error.message) == ("failed", 3, "no 2")


def test_a_token_is_not_in_a_local_variable_unless_it_was_asked_for(app):
    @workflow
    def mails() -> Flow[object]:
        opened = yield from open_hook("link")
        text = f"answer at {opened.token}"
        return (yield opened), text

    handle = tended(app, mails())
    (token,) = (hook.token for hook in handle.inspect().hooks)
    shown = named(handle.inspect().branches[0].lines[0])
    assert shown == {"opened": "hook('link')", "text": f"'answer at {MASKED}'"}
    open_ = inspect(app, "r", veil=Veil(hooks=True)).branches[0].lines[0]
    assert token in named(open_)["text"]


# --- its children ---------------------------------------------------------------------------------------------------


@workflow
def leaf(number: int) -> Flow[int]:
    if number > 1:
        yield hook("go")
    elif number:
        return (yield from continue_as_new(leaf(2)))
    return number


@workflow
def middle() -> Flow[object]:
    return (yield from gather(leaf(0), leaf(1)))


@workflow
def top() -> Flow[object]:
    yield detach(leaf(2))
    return (yield from middle())


def test_children_are_a_tree_each_with_its_own_status(app):
    handle = app.start(top(), run_id="r")
    for run_id in ("r", "r~1.2", "r~1.2~1.1.1", "r~1.2~1.1.2", "r~1.2~1.1.2", "r~1.2", "r~1.1"):
        app.runtime.tend(run_id)
    detached, child = handle.inspect().children.children
    assert (detached.run_id, detached.status, detached.state, detached.item.detached) == (
        *("r~1.1", "running", "completed"),
        True,
    )
    assert (child.run_id, child.status, child.state) == ("r~1.2", "running", "open")
    assert [(kin.run_id, kin.status) for kin in child.children] == [
        ("r~1.2~1.1.1", "completed"),
        ("r~1.2~1.1.2~2", "running"),
    ]


def test_of_many_children_those_that_run_are_shown_first(app):
    @workflow
    def many() -> Flow[object]:
        return (yield from gather(leaf(2), *[leaf(0) for _ in range(20)]))

    handle = tended(app, many())
    for number in range(1, 22):
        app.runtime.tend(f"r~1.1.{number}")
    app.runtime.tend("r")
    family = handle.inspect().children
    assert (len(family.children), family.more) == (MOST_CHILDREN, 21 - MOST_CHILDREN)
    assert [kin.run_id for kin in family.children] == ["r~1.1.1", *[f"r~1.1.{number}" for number in range(13, 22)]]


def test_the_past_shows_children_as_their_parent_saw_them(app):
    handle = app.start(middle(), run_id="r")
    for run_id in ("r", "r~1.1.1", "r"):
        app.runtime.tend(run_id)
    (now, _), (then, _) = handle.inspect().children.children, handle.inspect(at=3).children.children
    assert ((now.state, now.status), (then.state, then.status)) == (("completed", "completed"), ("open", None))


@workflow
def after_a_child() -> Flow[int]:
    yield leaf(0)
    return (yield from breaks(1))


def test_what_a_retry_or_a_fork_has_copied_are_the_children_of_the_run_it_was_copied_from(app):
    handle = app.start(after_a_child(), run_id="r")
    for run_id in ("r", "r~1.1", "r"):
        app.runtime.tend(run_id)
    assert handle.status() == "failed"
    for again in (app.fork("r", new_run_id="f"), app.retry("r")):
        (child,) = again.inspect().children.children
        assert (child.run_id, child.status) == ("r~1.1", "completed")


# --- what it costs --------------------------------------------------------------------------------------------------


class Counting(MemoryStore):
    """The store, and how often it was read."""

    def __init__(self):
        super().__init__()
        self.reads = 0

    def read_each(self, looks):
        self.reads += len(looks)
        return super().read_each(looks)

    def read(self, run_id, after=None, **options):
        self.reads += 1
        return super().read(run_id, after, **options)


def test_a_long_log_is_read_once_and_folded_twice(app, monkeypatch):
    @workflow
    def many() -> Flow[None]:
        for number in range(2_000):
            yield set_data("n", number)
        yield hook("go")

    app.store = Counting()
    handle = tended(app, many())
    app.store.reads, folded = 0, []
    add = Run.add
    monkeypatch.setattr(Run, "add", lambda run, event: folded.append(1) or add(run, event))
    seen = handle.inspect()
    assert seen.length == 2_002
    assert app.store.reads == 3
    assert len(folded) == 2 * seen.length
    at = app.store.reads
    inspect(app, "r", at=2)
    assert app.store.reads == at + 3
