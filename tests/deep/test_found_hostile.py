"""What hostile input has found, in its smallest form."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from tests.deep.hostile_inputs import CODEC, TEXTS, Left, Right
from tests.deep.hostile_stores import waits
from yieldflow import App, Flow, YieldflowError, gather, sleep, step, workflow
from yieldflow.codec.packing import unpack
from yieldflow.core.chain import chain_of
from yieldflow.core.path import parse as parse_path
from yieldflow.core.times import LATEST, duration, instant, moment
from yieldflow.engine.outside import check_hook, check_run_id
from yieldflow.errors import (
    BadPayload,
    BadRunId,
    ImpossibleEvent,
    RunBlocked,
    Undecodable,
    UnknownRun,
    UsageError,
)
from yieldflow.given import parse
from yieldflow.ports import Commit, Head
from yieldflow.rq.inbox import run_of
from yieldflow.rq.queue import TEND_RUN


@workflow
def gathers_a_list() -> Flow[None]:
    yield gather([sleep(1), sleep(2)])  # type: ignore[list-item]


@workflow
def counts(n: int) -> Flow[int]:
    yield sleep(n)
    return n


STARTED = {"e": "started", "at": 1, "run": "r", "workflow": "m:w", "arguments": [[], {}], "seed": "00"}


@pytest.mark.parametrize(
    "event",
    [
        {**STARTED, "tags": 5},
        {**STARTED, "tags": {"a": 1}},
        {**STARTED, "queue": None},
        {**STARTED, "limits": {"lease": "soon"}},
        {**STARTED, "anew": ["x"]},
        {**STARTED, "parent": {"run": 5, "path": "1"}},
        {"e": "abandoned", "at": "now", "path": "1"},
        {"e": "abandoned", "at": True, "path": "1"},
        {"e": "abandoned", "at": 2**62, "path": "1"},
        {"e": "abandoned", "at": 1, "path": "4294967296"},
        {"e": "received", "at": 1, "hook": ["word"], "payload": 1, "key": "k"},
        {"e": "received", "at": 1, "hook": "word", "payload": 1, "key": {}},
        {"e": "resolved", "at": 1, "path": "1", "is": "taken", "position": "1"},
        {"e": "resolved", "at": 1, "path": "1", "is": "error", "failure": {"names": [5], "message": "m"}},
        {"e": "attempt", "at": 1, "path": "1", "attempt": 1, "failure": {"names": [], "message": 5}, "retry_at": 2},
        {"e": "issued", "at": 1, "path": "1", "command": {"do": "sleep", "for": None}},
        {"e": "issued", "at": 1, "path": "1", "command": {"do": "child", "workflow": 5, "arguments": []}},
    ],
)
def test_a_stored_event_with_another_kind_of_value_is_undecodable(event: dict[str, Any]):
    with pytest.raises(Undecodable):
        unpack(json.dumps(event).encode())


def test_a_damaged_log_blocks_its_run_and_the_reason_is_short():
    app = App("memory:")
    app.start(waits("kept"), run_id="damaged")
    log = app.store.read("damaged")
    assert log is not None
    stranger = json.dumps({"e": "received", "at": 1, "hook": "word", "payload": "x" * 500_000, "key": "k"}).encode()
    app.store.commit((Commit("damaged", "forged", Head(log.head), events=(stranger, stranger)),))
    tended = app.runtime.tend("damaged")
    assert tended.state == "blocked"
    assert len(tended.reason) < 2_000
    with pytest.raises(RunBlocked):
        app.run(waits("kept"), run_id="damaged")


def test_an_impossible_event_is_told_in_short():
    assert len(str(ImpossibleEvent("x" * 1_000_000, "the run has ended"))) < 1_000


@pytest.mark.parametrize(
    "data",
    [
        5,
        None,
        {},
        [TEND_RUN],
        [1, 2, 3, 4],
        [TEND_RUN, None, 5, {}],
        [TEND_RUN, None, [], {}],
        [TEND_RUN, None, [5], {}],
    ],
)
def test_a_forged_job_is_no_hint_and_no_error_of_the_worker(data: Any):
    assert run_of(zlib.compress(json.dumps(data).encode())) is None


def test_a_job_that_is_nested_too_deep_is_no_hint():
    assert run_of(zlib.compress(b"[" * 9_000)) is None


def test_a_union_within_unions_is_tried_once_a_part_not_twice_a_level():
    data = b'{"child":' * 100 + b"5" + b',"number":"x"}' * 100
    with pytest.raises(Undecodable):
        CODEC.decode(data, Left | Right)
    good = b'{"child":' * 100 + b"null" + b',"number":1}' * 100
    found, depth = CODEC.decode(good, Left | Right), 0
    while isinstance(found, Left):
        found, depth = found.child, depth + 1
    assert (found, depth) == (None, 100)


@pytest.mark.parametrize(
    "run_id", [text for text in TEXTS if not text.isprintable()] + ["", None, 5, [], 10**5_000], ids=count()
)
@pytest.mark.parametrize("url", ["memory:", "sqlite:///{}/shop.db"])
def test_what_no_run_is_ever_called_is_an_unknown_run(run_id: Any, url: str, tmp_path: Any):
    app = App(url.format(tmp_path))
    for verb in (app.get, app.hooks, app.cancel, app.pause, app.resume, app.terminate, app.retry, app.fork):
        with pytest.raises(UnknownRun):
            verb(run_id)
    with pytest.raises(UnknownRun):
        app.send(run_id, "word", 1)
    app.close()


def test_ids_of_all_kinds_are_refused_in_a_sentence():
    for given in (10**5_000, "x" * 10**6, [[]] * 10**6, "\ud800"):
        with pytest.raises(BadRunId) as refused:
            check_run_id(given)  # type: ignore[arg-type]
        assert len(str(refused.value)) < 300
        with pytest.raises(BadPayload):
            check_hook(given)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", [["a"], {}, 5, "", "\ud800", "x" * 201])
def test_what_is_no_key_of_data_is_refused_in_a_sentence(key: Any):
    app = App("memory:")
    handle = app.start(counts(1), run_id="one")
    with pytest.raises(UsageError, match="cannot be a key"):
        handle.data(key, timeout=0)
    app.close()


def test_the_number_of_a_generation_is_one_that_stores_can_keep():
    assert chain_of("a~2") == ("a", 2)
    for strange in ("a~" + "9" * 5_000, "a~0", "a~02", "a~٣", "a~"):
        assert chain_of(strange) == (strange, 1)


def test_the_numbers_of_a_path_are_bounded():
    assert parse_path("4294967295") == (2**32 - 1,)
    for strange in ("4294967296", "9" * 5_000, "٣", "1.", "+1", "1_0"):
        with pytest.raises(ValueError, match="path"):
            parse_path(strange)


@pytest.mark.parametrize("given", [10**5_000, "1s" * 10**6, "9" * 10**6 + "s", [1] * 10**6], ids=count())
def test_a_duration_is_refused_in_a_short_sentence_at_once(given: Any):
    with pytest.raises(ValueError, match="is not a duration") as refused:
        duration(given)
    assert len(str(refused.value)) < 300


def test_the_last_moment_there_is_can_be_slept_until():
    assert instant(datetime.max.replace(tzinfo=UTC)) == LATEST
    assert moment(LATEST + 5) == moment(LATEST)
    assert moment(-(10**18)).year == 1


@pytest.mark.parametrize(
    "tags", [{"\ud800": "x"}, {"x": "\ud800"}, {"a\nb": "x"}, {"": "x"}, {"x": 5}, {"x": "y" * 2_000}, 5, ["x"]]
)
def test_tags_that_cannot_be_kept_are_a_usage_error(tags: Any):
    app = App("memory:")
    with pytest.raises(UsageError):
        app.start(waits("x"), tags=tags)
    with pytest.raises((TypeError, ValueError)):
        waits("x").options(tags=tags)
    assert app.runs().runs == ()


@pytest.mark.parametrize(
    "asked",
    [
        lambda app: app.send("r", "word", 1, key="\ud800"),
        lambda app: app.send("r", "word", 1, key=5),
        lambda app: app.cancel("r", "\ud800"),
        lambda app: app.cancel("r", 5),
        lambda app: app.pause("r", "x" * 10_000),
        lambda app: app.terminate("r", "\x1b[31m"),
        lambda app: app.fork("r", at="x"),
        lambda app: app.runs(status="odd"),
        lambda app: app.runs(limit=0),
        lambda app: app.runs(since=datetime(2026, 1, 1)),  # noqa: DTZ001 - that is the point
        lambda app: app.runs(workflow="\ud800"),
        lambda app: app.get("r").inspect("x"),
        lambda app: app.get("r").history("x"),
    ],
)
def test_what_is_said_to_a_run_is_checked_before_anything_is_written(asked: Any):
    app = App("memory:")
    app.start(waits("kept"), run_id="r")
    before = repr(app.store._runs)  # type: ignore[attr-defined]
    with pytest.raises(UsageError):
        asked(app)
    assert repr(app.store._runs) == before  # type: ignore[attr-defined]


@pytest.mark.parametrize("cursor", ["x", "5", "\ud800", "5 \ud800", "9" * 5_000 + " r", 5], ids=count())
def test_a_cursor_of_ones_own_making_is_refused(cursor: Any):
    app = App("memory:")
    app.start(waits("kept"), run_id="r")
    with pytest.raises(UsageError, match="is no cursor"):
        app.runs(cursor=cursor)


@pytest.mark.parametrize("text", ["1" * 30, "-" + "1" * 20, "[" * 100_000, "9" * 5_000, "x" * 10**6], ids=count())
def test_json_of_the_command_line_is_never_rounded_or_given_back_whole(text: str):
    with pytest.raises(UsageError) as refused:
        parse("argument 1", text)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("url", ["redis://[", "sqlite:///a%00b", "x" * 5_000, "\x1b[31m:"], ids=count())
def test_a_url_that_cannot_be_one_is_an_error_of_ours(url: str):
    with pytest.raises(YieldflowError):
        App(url).start(waits("x"))


def test_an_unknown_option_of_a_step_names_the_nearest():
    with pytest.raises(TypeError, match=r"step\(\) has no option 'retries'; did you mean retry=\?"):
        step(retries=5)  # type: ignore[call-overload]


def test_a_list_that_was_meant_to_be_asked_at_once_is_told_how():
    app = App("memory:")
    with pytest.raises(RunBlocked, match=r"`yield gather\(\*asks\)`, with the star"):
        app.run(gathers_a_list())


def test_what_does_not_fit_its_annotation_is_not_said_to_be_no_json():
    with pytest.raises(YieldflowError, match="n is a str and cannot be stored: it is annotated as int"):
        App("memory:").start(counts("x"))  # type: ignore[arg-type]
