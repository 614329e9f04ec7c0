"""Hostile input through every door: a clean refusal or an honest answer, in bounded memory; nothing else changes."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from tests.deep import hostile_cli, hostile_rq, hostile_stores
from tests.deep.hostile_doors import CODEC, DOORS, refused, through
from tests.deep.hostile_inputs import Inputs
from tests.deep.rounds import Figures
from tests.servers import valkey
from yieldflow import App
from yieldflow.codec.packing import unpack
from yieldflow.core.times import duration
from yieldflow.engine.outside import check_hook, check_run_id, check_tags
from yieldflow.errors import Undecodable, UnknownRun, UnknownToken, UsageError, YieldflowError
from yieldflow.given import parse

CHEAP = 120_000  # inputs a round through the doors that need no store
SIZE = 100_000_000
MOST_TIMES = 4  # of the input's own size, at any moment
MOST_BESIDES = 100 << 20  # bytes
MOST_SECONDS = 20.0  # for one input of that size

STATUS = Path("/proc/self/status")


def one_round(seed: int) -> Figures:
    figures = Figures()
    cheap_doors(seed, CHEAP, figures)
    stores(seed, 150, figures)
    command_line(seed, 100, figures)
    large(figures, only=seed % len(LARGE))
    return figures


def cheap_doors(seed: int, number: int, figures: Figures) -> None:
    inputs = Inputs(Random(seed))
    names = [name for name, (_, often) in DOORS.items() for _ in range(often)]
    clean, seen = Counter[str](), Counter[str]()
    for count in range(number):
        name = inputs.one_of(names)
        seen[name] += 1
        clean[name] += through(name, inputs, seed, count)
    for name in seen:
        _count(figures, name, clean[name], seen[name] - clean[name])


def stores(seed: int, calls: int, figures: Figures) -> None:
    """On each store; the two that need a server or a file are asked less, for they take longer."""
    places = (("memory", hostile_stores.memory, 1), ("SQLite", hostile_stores.sqlite, 2))
    for name, opened, share in places:
        with opened() as place:
            _count(
                figures,
                f"calls of an app on {name}",
                *hostile_stores.visit(place, Inputs(Random(seed)), calls // share),
            )
        with opened() as place:
            _count(
                figures, f"damaged logs on {name}", *hostile_rq.damaged_logs(place, Inputs(Random(seed)), calls // 3)
            )
    with valkey() as server:
        with hostile_stores.on_server(server) as place:
            _count(figures, "calls of an app on Redis", *hostile_stores.visit(place, Inputs(Random(seed)), calls // 2))
        with hostile_stores.on_server(server) as place:
            _count(figures, "damaged logs on Redis", *hostile_rq.damaged_logs(place, Inputs(Random(seed)), calls // 3))
        with hostile_stores.on_server(server) as place:
            _count(figures, "jobs for our worker", hostile_rq.forged_jobs(place.app, Inputs(Random(seed)), calls), 0)
            stock = hostile_rq.forged_jobs_for_stock_rq(place.app, Inputs(Random(seed)), calls // 3)
            _count(figures, "jobs for a stock worker", stock, 0)


def command_line(seed: int, calls: int, figures: Figures) -> None:
    with hostile_cli.shell() as here:
        _count(figures, "command lines", *hostile_cli.visit(here, Inputs(Random(seed)), calls))
        _count(figures, "exported histories", hostile_cli.check_histories(here, Inputs(Random(seed)), calls), 0)


def _count(figures: Figures, door: str, clean: int, taken: int) -> None:
    figures.counts["hostile inputs"] += clean + taken
    figures.counts["refused"] += clean
    figures.counts["taken, for they were valid by chance"] += taken
    figures.counts[f"inputs, {door}"] += clean + taken


# --- a few that are large --------------------------------------------------------------------------------------


def large(figures: Figures, only: int | None = None) -> None:
    """Time, and memory by what the kernel counts: a library's own buffers are in it."""
    for name in [*LARGE] if only is None else [[*LARGE][only]]:
        given, door, errors = LARGE[name]
        one = given()
        began = time.monotonic()
        with _peak() as peak:
            assert refused(lambda door=door, one=one: door(one), *errors), f"{name} was taken"  # type: ignore[misc]
        assert time.monotonic() - began < MOST_SECONDS, f"{name} took {time.monotonic() - began:.0f} s"
        assert peak[0] <= MOST_TIMES * len(one) + MOST_BESIDES, f"{name} took {peak[0] >> 20} MiB for {len(one) >> 20}"
        figures.samples.setdefault("bytes of a large input", []).append(len(one))
        figures.samples.setdefault("memory for a large input, MiB", []).append(peak[0] >> 20)
        _count(figures, "large ones", 1, 0)


@contextmanager
def _peak() -> Iterator[list[int]]:
    """Bytes above what the process held before."""
    Path("/proc/self/clear_refs").write_text("5")  # the kernel begins to count anew
    before, peak = _bytes("VmRSS"), [0]
    yield peak
    peak[0] = max(0, _bytes("VmHWM") - before)


def _bytes(name: str) -> int:
    (line,) = [line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1]) << 10


def _app_call(call: Callable[[App, Any], Any]) -> Callable[[Any], Any]:
    def door(given: Any) -> None:
        app = App("memory:")
        app.start(hostile_stores.waits("kept"), run_id="victim")
        store: Any = app.store
        before = repr(store._runs)
        try:
            call(app, given)
        finally:
            assert repr(store._runs) == before, "nothing is stored"
            app.close()

    return door


def _text() -> str:
    return "x" * SIZE


LARGE: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], tuple[type[Exception], ...]]] = {
    "a text for an int": (lambda: b'"' + b"x" * SIZE + b'"', lambda data: CODEC.decode(data, int), (Undecodable,)),
    "brackets only": (lambda: b"[" * SIZE, lambda data: CODEC.decode(data, Any), (Undecodable,)),
    "digits only": (lambda: b"9" * SIZE, lambda data: CODEC.decode(data, Any), (Undecodable,)),
    "digits on the command line": (lambda: "9" * SIZE, lambda text: parse("an argument", text), (UsageError,)),
    "brackets on the command line": (lambda: "[" * SIZE, lambda text: parse("an argument", text), (UsageError,)),
    "a word on the command line": (_text, lambda text: parse("an argument", text), (UsageError,)),
    "an event of one text": (lambda: json.dumps({"e": "x" * SIZE}).encode(), unpack, (Undecodable,)),
    "an event that is none": (lambda: b"\xff" * SIZE, unpack, (Undecodable,)),
    "a payload": (_text, _app_call(lambda app, text: app.send("victim", "word", text)), (YieldflowError,)),
    "an argument": (_text, _app_call(lambda app, text: app.start(hostile_stores.waits(text))), (YieldflowError,)),
    "a tag": (_text, lambda text: check_tags({"tag": text}), (UsageError,)),
    "a run id": (_text, check_run_id, (UsageError,)),
    "a run id that is looked up": (_text, _app_call(lambda app, text: app.get(text)), (UnknownRun,)),
    "the name of a hook": (_text, check_hook, (UsageError,)),
    "a token": (_text, _app_call(lambda app, text: app.resume_hook(text, 1)), (UnknownToken,)),
    "a duration": (lambda: "1s" * (SIZE // 2), duration, (ValueError,)),
}
