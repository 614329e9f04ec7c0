"""Hostile input, the bounded part: at least 100,000 inputs through every door there is."""

from __future__ import annotations

import ast
import base64
import os
import pickle
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from rq import Queue
from rq.serializers import JSONSerializer

import yieldflow
from tests import guard
from tests.deep import hostile, hostile_cli, hostile_rq, hostile_stores
from tests.deep.hostile_inputs import CODEC
from tests.deep.rounds import Figures
from tests.servers import Server, valkey
from yieldflow import App
from yieldflow.codec.packing import unpack
from yieldflow.core.failures import to_exception
from yieldflow.core.outcome import Failure
from yieldflow.errors import Undecodable, UnknownToken, YieldflowError

LEAST = 100_000
PACKAGE = Path(yieldflow.__file__).parent
PLACES = {"memory": hostile_stores.memory, "SQLite": hostile_stores.sqlite}


@pytest.fixture(params=[*PLACES, "Redis"])
def place(request: pytest.FixtureRequest) -> Iterator[hostile_stores.Place]:
    if request.param in PLACES:
        with PLACES[request.param]() as place:
            yield place
    else:
        with valkey() as server, hostile_stores.on_server(server) as place:
            yield place


def test_a_hundred_thousand_hostile_inputs_are_refused_in_a_sentence_or_understood():
    figures = Figures()
    hostile.cheap_doors(1, LEAST, figures)
    hostile.stores(1, 600, figures)
    hostile.command_line(1, 500, figures)
    counts = figures.counts
    assert counts["hostile inputs"] >= LEAST + 3_000
    assert counts["refused"] > LEAST // 2
    assert counts["taken, for they were valid by chance"] > LEAST // 20, "a fuzzer that only makes noise proves little"
    doors = {name for name in counts if name.startswith("inputs, ")}
    assert len(doors) >= 18
    assert all(counts[door] >= 50 for door in doors)


def test_an_input_of_a_hundred_megabytes_is_refused_in_the_memory_that_it_takes_anyway():
    figures = Figures()
    hostile.large(figures)
    assert figures.counts["inputs, large ones"] == len(hostile.LARGE)
    assert figures.percentile("bytes of a large input", 50) >= hostile.SIZE


def test_arguments_that_are_no_text_are_one_sentence_of_a_real_process_too():
    with hostile_cli.shell() as here:
        before = here.dump()
        for args in (
            (b"start", hostile_cli.WAITS.encode(), b'"\xff\xfe"'),
            (b"send", b"\xff", b"\xed\xa0\x80", b"1"),
            (b"inspect", b"\x1b[31m\xff\n"),
            (b"start", hostile_cli.WAITS.encode(), b"[" * 100_000),
        ):
            code, said = here.process(*args)
            hostile_cli.expect_clean([*args], code, said)
            assert code in (2, 3), said
        assert here.dump() == before


# --- tokens ------------------------------------------------------------------------------------------------------


def test_unknown_used_and_malformed_tokens_get_the_same_answer(place: hostile_stores.Place):
    app = place.app
    handles = [app.start(hostile_stores.waits("kept"), run_id=run_id) for run_id in ("ends", "fails", "waits")]
    for handle in handles:
        app.runtime.tend(handle.run_id)
    ended, forced, _ = (app.hooks(handle.run_id)[0].token for handle in handles)
    app.resume_hook(ended, "the secret word")
    app.runtime.tend("ends")
    app.terminate("fails")
    before = place.dump()
    unknown = base64.urlsafe_b64encode(bytes(32)).rstrip(b"=").decode()
    malformed: list[Any] = [
        "",
        "x",
        "é" * 43,
        "\ud800",
        "\0" * 43,
        ended + "=",
        ended[:-1],
        "x" * 10_000,
        None,
        5,
        b"x",
        [],
    ]
    answers = {_answer(app, token) for token in (unknown, ended, forced, *malformed)}
    assert len(answers) == 1
    assert place.dump() == before


def _answer(app: App, token: Any) -> tuple[Any, ...]:
    with pytest.raises(YieldflowError) as refusal:
        app.resume_hook(token, 1)
    error = refusal.value
    assert error.__cause__ is None
    return type(error), str(error), error.args, repr(error), tuple(vars(error).items())


def test_a_token_opens_nothing_any_more_when_its_run_failed_and_may_be_retried(place: hostile_stores.Place):
    app = place.app
    app.start(hostile_stores.fails_after_a_hook(), run_id="fails")
    app.runtime.tend("fails")
    (hook,) = app.hooks("fails")
    app.send("fails", "word", "go on")
    app.runtime.tend("fails")
    assert app.get("fails").status() == "failed"
    with pytest.raises(UnknownToken):
        app.resume_hook(hook.token, 1)


def test_a_token_is_shown_to_those_only_who_ask_for_it():
    with hostile_cli.shell() as here:
        app = App(here.url)
        (hook,) = app.hooks("victim")
        shown = repr(app.get("victim")) + repr(app.get("victim").history()) + repr(app.runs())
        app.close()
        assert hook.token not in shown
        for words in (
            ("inspect", "victim"),
            ("inspect", "victim", "--json", "--events", "--payloads"),
            ("ls", "--json"),
        ):
            assert hook.token not in here.told(*words)
        assert hook.token in here.told("inspect", "victim", "--tokens")


# --- nothing is unpickled, nothing imported by name -----------------------------------------------------------------


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("bomb",)


BOMB = pickle.dumps(Bomb())


def test_the_guard_sees_every_way_to_unpickle():
    for way in (pickle.loads, pickle._loads):  # type: ignore[attr-defined]  # the one in Python
        with pytest.raises(AssertionError, match="nothing stored is ever unpickled"):
            way(BOMB)
    with pytest.raises(AssertionError, match="nothing stored is ever unpickled"):
        pickle.Unpickler(zlib)  # type: ignore[arg-type]
    guard.refused.clear()


def test_what_would_be_dangerous_under_pickle_or_import_by_name_does_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    text = base64.b64encode(BOMB).decode()
    for data in (
        BOMB,
        b'"%s"' % text.encode(),
        b'{"$":"os:mkdir","v":["bomb"]}',
        b'{"py/reduce":["os.mkdir",["bomb"]]}',
    ):
        for annotation in (Any, bytes, Path, dict[str, Any]):
            with suppress(Undecodable):
                CODEC.decode(data, annotation)
        with pytest.raises(Undecodable):
            unpack(data)
    error = to_exception(Failure(("os:mkdir", "builtins:Exception"), "m", args=b'["bomb"]'), CODEC, lambda _: None)
    assert isinstance(error, Exception)
    with hostile_stores.on_server(server) as place:
        _expect_jobs_to_do_nothing(place.app)
    assert not [*tmp_path.iterdir()]


def _expect_jobs_to_do_nothing(app: App) -> None:
    """Whatever a job is packed as, a worker of ours reads JSON."""
    queue = Queue("yieldflow", connection=app.client, serializer=JSONSerializer)
    for job_id, data in (
        ("a", BOMB),
        ("b", zlib.compress(BOMB)),
        ("c", pickle.dumps(["os.mkdir", None, ("bomb",), {}])),
    ):
        app.client.hset(
            f"rq:job:{job_id}", mapping={"data": data, "origin": "yieldflow", "created_at": "2026-01-01T00:00:00Z"}
        )
        app.client.rpush(queue.key, job_id)
    hostile_rq.work_off(app)
    assert app.client.llen(queue.key) == 0


def test_nothing_that_reads_stored_data_can_import_or_evaluate():
    """But at the top of a file; the guard of the suite sees `import_module`."""
    files = [
        file
        for place in guard.READS_DATA
        for file in ([Path(place)] if place.endswith(".py") else Path(place).rglob("*.py"))
    ]
    assert len(files) > 50
    for file in files:
        tree = ast.parse(file.read_text())
        named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert named.isdisjoint({"__import__", "eval", "exec", "compile", "import_module", "pickle", "marshal"}), file
        assert PACKAGE in file.parents
