"""A log line of a workflow is written when the program comes there first, and says whose it is."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.core.harness import Life, execution
from yieldflow import App, Flow, JsonFormatter, gather, get_logger, hook, step, workflow
from yieldflow.core.events import RunPaused, RunResumed

log = get_logger()


@step(retry=1)
def weigh(n: int) -> int:
    log.info("weighing %s", n)
    return n


@workflow
def weighed() -> Flow[int]:
    log.info("begins")
    total = yield from weigh(1)
    log.info("in between", extra={"order": "o-1"})
    total += yield from weigh(2)
    log.info("ends")
    return total


def program() -> Flow[None]:
    log.info("one")
    yield hook("a")
    log.info("two")
    yield hook("b")
    log.info("three")


def branches(limit: int) -> Flow[None]:
    def branch(name: str) -> Flow[None]:
        log.info("branch %s", name)
        yield hook(name)

    yield from gather(branch("a"), branch("b"), limit=limit)


def cleans_up() -> Flow[None]:
    try:
        yield hook("a")
    finally:
        log.info("let go")


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO):
        yield caplog


def said(heard: pytest.LogCaptureFixture) -> list[str]:
    """What was said since this was last asked, by our own logger."""
    found = [record.getMessage() for record in heard.records if record.name == __name__]
    heard.clear()
    return found


def fields(record: logging.LogRecord, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(record, name, None) for name in names)


def test_a_run_says_each_line_once_and_whose_it_is(heard: pytest.LogCaptureFixture):
    app = App("memory:")
    assert app.run(weighed(), run_id="w") == 3
    app.close()
    records = [record for record in heard.records if record.name == __name__]
    name = f"{__name__}:weighed"
    assert [record.getMessage() for record in records] == ["begins", "weighing 1", "in between", "weighing 2", "ends"]
    assert [fields(record, "run_id", "workflow", "attempt") for record in records] == [
        ("w", name, None),
        ("w", None, 1),
        ("w", name, None),
        ("w", None, 1),
        ("w", name, None),
    ]
    assert fields(records[1], "step", "where") == (f"{__name__}:weigh", f"w {__name__}:weigh #1: ")
    assert fields(records[2], "order", "where", "funcName") == ("o-1", f"w {name}: ", "weighed")


def test_a_replay_is_silent_up_to_the_last_decision(heard: pytest.LogCaptureFixture):
    life = Life(program).start()
    life.commit()
    life.send("a")
    life.commit()
    life.send("b")
    assert said(heard) == ["one", "two", "three"]
    execution(program, events=life.log)
    assert said(heard) == ["three"]  # nobody has decided on this fact
    life.commit()
    execution(program, events=life.log)
    assert said(heard) == []


def test_facts_of_others_are_new_and_so_is_what_no_decision_follows(heard: pytest.LogCaptureFixture):
    life = Life(program).start()
    late = execution(program, events=life.log)
    assert said(heard) == ["one", "one"]
    life.commit()
    life.send("a")
    late.feed(life.log[1:])
    assert said(heard) == ["two", "two"]


def test_what_is_told_late_after_a_pause_is_known_if_it_was_decided_on(heard: pytest.LogCaptureFixture):
    life = Life(program).start()
    life.commit()
    life.append(RunPaused(life.now))
    life.send("a")
    assert said(heard) == ["one"]
    life.append(RunResumed(life.now))
    assert said(heard) == ["two"]
    execution(program, events=life.log)
    assert said(heard) == ["two"]
    life.commit()
    execution(program, events=life.log)
    assert said(heard) == []


def test_a_branch_that_a_decision_begins_is_known(heard: pytest.LogCaptureFixture):
    life = Life(lambda: branches(2)).start()
    life.commit()
    assert said(heard) == ["branch a", "branch b"]
    execution(lambda: branches(1), events=life.log)
    assert said(heard) == []


def test_letting_a_program_go_says_nothing(heard: pytest.LogCaptureFixture):
    life = Life(cleans_up).start()
    life.commit()
    life.execution.close()
    assert said(heard) == []


def test_to_look_at_a_run_says_nothing(heard: pytest.LogCaptureFixture):
    app = App("memory:")
    handle = app.start(weighed())
    handle.inspect()
    assert said(heard) == []
    handle.result(timeout=10)
    said(heard)
    assert handle.inspect(at=4).branches
    assert said(heard) == []
    app.close()


def test_elsewhere_it_is_a_plain_logger(heard: pytest.LogCaptureFixture):
    get_logger("shop").info("open")
    get_logger("shop").debug("not heard")
    (record,) = heard.records
    assert (record.name, record.getMessage()) == ("shop", "open")
    assert fields(record, "run_id", "where", "funcName") == (None, "", "test_elsewhere_it_is_a_plain_logger")


def test_its_name_is_that_of_the_module_that_asks():
    assert get_logger().name == __name__
    assert get_logger("shop").name == "shop"


def written(**changes: Any) -> dict[str, Any]:
    record = logging.makeLogRecord({"name": "shop", "levelname": "INFO", "msg": "a\n%s", "args": ("b",), **changes})
    line = JsonFormatter().format(record)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_record_is_one_line_of_json():
    assert written(created=0.5, run_id="r", workflow="w") == {
        "timestamp": "1970-01-01T00:00:00.500Z",
        "level": "INFO",
        "logger": "shop",
        "message": "a\nb",
        "run_id": "r",
        "generation": 1,
        "workflow": "w",
    }


def test_a_record_says_of_which_generation_it_is_and_what_its_place_adds():
    record = logging.makeLogRecord({"msg": "a", "run_id": "order-1~3", "step": "s", "attempt": 2})
    line = json.loads(JsonFormatter(place=lambda run_id: {"trace_id": run_id[::-1]}).format(record))
    assert [line[name] for name in ("run_id", "generation", "step", "attempt")] == ["order-1~3", 3, "s", 2]
    assert line["trace_id"] == "3~1-redro"


def test_what_a_call_adds_is_kept_and_changes_nothing_of_ours():
    found = written(order={1: {2}}, ratio=float("nan"), cents=5, level="mine", odd="\ud800", where="r w: ")
    assert (found["order"], found["ratio"], found["cents"], found["odd"]) == ("{1: {2}}", "nan", 5, "\ud800")
    assert (found["level"], found["message"], "where" in found) == ("INFO", "a\nb", False)


def test_an_exception_is_in_its_line():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    plain = logging.getLogger("tests.logs.exception")
    plain.addHandler(handler)
    try:
        raise KeyError("nothing")
    except KeyError:
        get_logger(plain.name).exception("failed")
    finally:
        plain.removeHandler(handler)
    found = json.loads(stream.getvalue())
    assert found["message"] == "failed"
    assert found["exception"].startswith("Traceback")
    assert found["exception"].endswith("KeyError: 'nothing'")


def test_the_prefix_is_there_for_any_format():
    form = logging.Formatter("%(where)s%(message)s", defaults={"where": ""})
    assert form.format(logging.makeLogRecord({"msg": "plain"})) == "plain"
    assert form.format(logging.makeLogRecord({"msg": "ours", "where": "r w: "})) == "r w: ours"
