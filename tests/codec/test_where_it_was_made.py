"""What cannot be stored fails where it was made, naming who made it, the place in the value and its type or size."""

from typing import Any

import pytest
from attrs import frozen

from yieldflow import App, FatalError, Flow, RunBlocked, RunFailed, hook, step, workflow
from yieldflow.errors import BadArguments, BadPayload, UsageError

LIMIT = 1_000


@frozen
class Line:
    price: int
    note: str = ""


@frozen
class Order:
    lines: list[Line]


WRONG, LARGE = Order([Line(1), Line("2")]), Order([Line(1, "x" * LIMIT)])
ORDER = hook("order", Order)
LOG: list[str] = []


@step
def keep(order: Order, copies: int = 1) -> None:
    LOG.append("kept")


@step
def make(kind: str) -> Order:
    LOG.append("made")
    return WRONG if kind == "wrong" else LARGE


@workflow
def keeps(kind: str) -> Flow[None]:
    yield keep(WRONG if kind == "wrong" else LARGE, 2)


@workflow
def makes(kind: str) -> Flow[Order]:
    return (yield from make(kind))


@workflow
def answers(kind: str) -> Flow[Order]:
    return WRONG if kind == "wrong" else LARGE
    yield


@workflow
def waits(order: Order | None = None) -> Flow[Order]:
    return (yield from ORDER)


@pytest.fixture
def app():
    LOG.clear()
    app = App("memory:", payload_limit=LIMIT)
    yield app
    app.close()


def reason(app: App, call: Any) -> str:
    with pytest.raises(RunBlocked) as blocked:
        app.run(call, run_id="r")
    assert "RunFinished" not in str(app.get("r").history())  # a fixed deploy goes on
    return blocked.value.reason


def test_the_arguments_of_a_step(app: App):
    said = reason(app, keeps("wrong"))
    assert "test_where_it_was_made.py:" in said
    assert "in the call of tests.codec.test_where_it_was_made:keep, order.lines[1].price is a str" in said
    assert LOG == []


def test_large_arguments_of_a_step(app: App):
    said = reason(app, keeps("large"))
    assert "in the call of tests.codec.test_where_it_was_made:keep, order is an Order and cannot be stored" in said
    assert "the arguments take 1,042 bytes, 1,033 of them this one, of at most 1,000" in said
    assert "App(payload_limit=…)" in said


def test_the_answer_of_a_step_fails_it_for_good_for_its_effect_has_happened(app: App):
    for kind, said in [
        ("wrong", "value.lines[1].price is a str and cannot be stored: it is annotated as int"),
        ("large", "value is an Order and cannot be stored: it takes 1,033 bytes of at most 1,000"),
    ]:
        LOG.clear()
        with pytest.raises(RunFailed) as failed:
            app.run(makes(kind))
        error = failed.value.__cause__
        assert isinstance(error, FatalError)
        assert str(error).startswith(f"the answer of tests.codec.test_where_it_was_made:make, {said}")
        assert LOG == ["made"]


def test_the_payload_of_a_hook(app: App):
    app.start(waits(), run_id="r")
    with pytest.raises(BadPayload, match=r"hook 'order': value\.lines\[1\]\.price is a str"):
        app.send("r", ORDER, WRONG)
    with pytest.raises(BadPayload, match=r"hook 'order': value is an Order .*it takes 1,033 bytes of at most 1,000"):
        app.send("r", ORDER, LARGE)
    assert len(app.get("r").history()) == 1


def test_the_arguments_of_a_workflow(app: App):
    name = "tests.codec.test_where_it_was_made:waits"
    with pytest.raises(BadArguments, match=rf"do not fit {name}: order\.lines\[1\]\.price is a str"):
        app.start(waits(WRONG))
    with pytest.raises(BadArguments, match=rf"do not fit {name}: order is an Order .*1,033 of them .*at most 1,000"):
        app.start(waits(order=LARGE))
    assert app.runs().runs == ()


def test_the_result_of_a_workflow(app: App):
    said = reason(app, answers("wrong"))
    assert said.startswith("the result of tests.codec.test_where_it_was_made:answers, value.lines[1].price is a str")


def test_a_large_result_of_a_workflow(app: App):
    said = reason(app, answers("large"))
    assert said.startswith("the result of tests.codec.test_where_it_was_made:answers, value is an Order")
    assert "it takes 1,033 bytes of at most 1,000" in said


def test_just_under_the_limit_is_taken_everywhere(app: App):
    order = Order([Line(1, "x" * (LIMIT - 50))])
    run = app.start(waits(order), run_id="r")
    run.send(ORDER, order)
    assert run.result(timeout=10) == order


def test_the_limit_is_a_mebibyte_unless_a_setting_says_otherwise(monkeypatch):
    app = App("memory:")
    with pytest.raises(BadArguments, match="1,048,609 of them this one, of at most 1,048,576"):
        app.start(waits(Order([Line(1, "x" * (1 << 20))])))
    monkeypatch.setenv("YIELDFLOW_PAYLOAD_LIMIT", "100")
    with pytest.raises(BadArguments, match="of at most 100"):
        App("memory:").start(waits(LARGE))
    App("memory:", payload_limit=5_000).start(waits(LARGE))


@pytest.mark.parametrize("limit", [0, -1, "1MiB", 1.5])
def test_a_limit_is_a_whole_number_of_bytes(limit):
    with pytest.raises(UsageError, match="must be a whole number of bytes"):
        App("memory:", payload_limit=limit)
