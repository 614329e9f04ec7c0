"""What a schedule starts is what `App.start` would have started: the same bytes, whatever they are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from attrs import frozen

from tests.features.moments import eventually
from yieldflow import App, Flow, sleep, workflow
from yieldflow.core.values import Arguments
from yieldflow.errors import BadArguments, UsageError
from yieldflow.schedules.asking import target_of


@frozen
class Card:
    number: str


@frozen
class Cash:
    cents: int


@workflow
def pays(with_: Card | Cash, at: datetime, *rest: Any, note: Any = None, **more: int) -> Flow[str]:
    yield sleep("1ms")
    return f"{with_!r} {at:%H:%M} {rest!r} {note!r} {more!r}"


@workflow
def plain(given) -> Flow[Any]:
    yield sleep("1ms")
    return given


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CALLS = [
    pays(Card("4242"), NOON),
    pays(Cash(5), NOON, 1, {"$": "set"}, note={"a", "b"}, most=3),
    plain({"$": {"$": [1, 1.0, None, True, (1, 2), b"x"]}}),
    plain("ä\u2028"),
]


class Backwards:
    def encode(self, data: bytes) -> bytes:
        return data[::-1]

    decode = encode


@pytest.mark.parametrize("call", CALLS, ids=range(len(CALLS)))
def test_the_stored_call_has_the_bytes_of_a_start(call):
    codec = App("memory:").codec.plain
    target = target_of(call, codec)
    again = codec.decode(codec.encode(target, type(target)), type(target)).call("x")
    ours = codec.encode_arguments(Arguments(again.args, again.kwargs), again.definition.parameters)
    assert ours == codec.encode_arguments(Arguments(call.args, call.kwargs), call.definition.parameters)


@pytest.mark.parametrize("codec", [None, Backwards()])
@pytest.mark.parametrize("call", CALLS, ids=range(len(CALLS)))
def test_an_occurrence_answers_what_a_start_answers(call, codec):
    app = App("memory:", payload_codec=codec)
    with app.worker():
        schedule = app.schedule(call, every="1d", schedule_id="daily")
        run_id = schedule.trigger()
        eventually(lambda: schedule.show().recent)
        assert app.get(run_id).result(timeout=20) == app.start(call).result(timeout=20)
    app.close()


def test_arguments_that_do_not_fit_are_said_when_the_schedule_is_made():
    with pytest.raises(BadArguments):
        App("memory:").schedule(pays("cash", NOON), every="1h")


def test_the_tag_that_says_whose_a_run_is_cannot_be_another():
    with pytest.raises(UsageError, match="the tag 'schedule'"):
        App("memory:").schedule(plain(1).options(tags={"schedule": "x"}), every="1h")


def test_the_code_of_what_is_started_need_not_be_where_the_schedule_is_tended():
    app = App("memory:")

    @workflow(name="gone:report")
    def report() -> Flow[None]:
        yield sleep("1ms")

    schedule = app.schedule(report(), every="1d", schedule_id="daily")
    run_id = schedule.trigger()
    app.registry._workflows.pop("gone:report")
    with app.worker():
        eventually(lambda: schedule.show().recent)
        eventually(lambda: app.get(run_id).status() == "blocked")
        assert app.get("daily").status() == "running"
    app.close()
