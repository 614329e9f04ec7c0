"""`inspect` as it is typed: moments of the past, files, masks, what does not go together, and JSON."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import evolve
from rich.text import Text

from tests.cli.schema import problems
from tests.cli.shop import asks
from yieldflow import App
from yieldflow.cli.keys import keys_of
from yieldflow.cli.layout import indented, packed
from yieldflow.cli.moments import moment_of
from yieldflow.cli.picture import picture
from yieldflow.cli.stepping import Place
from yieldflow.cli.view import fitting
from yieldflow.core.times import moment

SHOP = "tests.cli.shop"
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "inspect.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def history(checkout):
    app = App(checkout.url)
    try:
        return app.get("o1").history()
    finally:
        app.close()


@pytest.fixture
def file(checkout):
    (checkout.home / "o1.jsonl").write_text(checkout("export", "o1").stdout)
    return checkout


def document(shell, *words):
    found = json.loads(shell("inspect", *words, "--json").stdout)
    assert problems(found, SCHEMA, SCHEMA) == []
    return found


# --- the past -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("17", 17),
        ("-1", -1),
        ("2026-01-31T12:00:05", datetime(2026, 1, 31, 12, 0, 5, tzinfo=UTC)),
        ("2026-01-31 12:00:05 UTC", datetime(2026, 1, 31, 12, 0, 5, tzinfo=UTC)),
        ("2026-01-31T12:00:05Z", datetime(2026, 1, 31, 12, 0, 5, tzinfo=UTC)),
        ("2026-01-31T14:00:05+02:00", datetime(2026, 1, 31, 12, 0, 5, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("10m ago", timedelta(minutes=10)),
        ("1h30m", timedelta(minutes=90)),
    ],
)
def test_a_moment_is_a_position_a_time_or_so_long_ago(text, at):
    assert moment_of(text) == at


def test_what_is_no_moment_is_wrong_usage(checkout):
    result = checkout("inspect", "o1", "--at", "yesterday")
    assert result.exit_code == 2
    assert "'yesterday' is no moment: write a position such as 17, a time such as 2026-01-31T12:00" in result.stderr


def test_a_time_shows_all_that_had_happened_by_then(checkout, history):
    times = [event.at for event in history]
    for number, at in enumerate(times, 1):
        shown = document(checkout, "o1", "--at", moment(at).isoformat())
        assert shown["position"] == max(index for index, other in enumerate(times, 1) if other <= at) >= number
    assert document(checkout, "o1", "--at", "0s ago")["position"] == len(history)


def test_before_its_start_there_is_nothing_to_see(checkout):
    result = checkout("inspect", "o1", "--at", "1h ago")
    assert result.exit_code == 2
    assert re.search(r"run 'o1' had not started at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", result.stderr)


# --- a file ---------------------------------------------------------------------------------------------------------


def test_a_file_shows_what_the_store_does_but_for_what_only_a_store_knows(file):
    stored, exported = document(file, "o1", "-m", SHOP), document(file, "o1.jsonl", "-m", SHOP)
    assert (stored["exported"], exported["exported"]) == (False, True)
    for name in ("run_id", "workflow", "version", "status", "position", "timeline", "branches", "data", "code"):
        if name != "branches":
            assert exported[name] == stored[name], name
    assert [branch["frames"] for branch in exported["branches"]] == [branch["frames"] for branch in stored["branches"]]
    assert (exported["claims"], exported["next_look"], exported["free"]) == ([], None, {})


def test_a_file_needs_no_store(file):
    file.env["YIELDFLOW_URL"] = "redis://127.0.0.1:1/0"
    result = file("inspect", "o1.jsonl", "-m", SHOP, "--at", "2")
    assert (result.exit_code, result.stderr) == (0, "packing o1\n" * 0)
    assert "as it stood after event 2 of 4" in result.stdout


def test_of_several_runs_in_a_file_one_is_named(file):
    file("start", f"{SHOP}:hello", "--run-id", "o2")
    both = (file.home / "o1.jsonl").read_text() + file("export", "o2").stdout
    (file.home / "both.jsonl").write_text(both)
    assert (
        "both.jsonl holds 2 histories; name one of them, such as both.jsonl:o1" in file("inspect", "both.jsonl").stderr
    )
    assert document(file, "both.jsonl:o2")["run_id"] == "o2"
    assert file("inspect", "both.jsonl:o3").exit_code == 3


@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    [
        (None, 3, "there is no file x.jsonl; `yieldflow export RUN > RUN.jsonl` makes one"),
        ("", 1, "a history begins with the start of its run"),
        ("nonsense\n", 1, "event 1: "),
    ],
)
def test_a_file_that_is_none_is_one_sentence(checkout, content, code, sentence):
    if content is not None:
        (checkout.home / "x.jsonl").write_text(content)
    result = checkout("inspect", "x.jsonl")
    assert (result.exit_code, result.stdout) == (code, "")
    assert sentence in result.stderr


def test_where_a_run_came_from_is_told(checkout):
    app = App(checkout.url)
    app.fork("o1", at=3, new_run_id="o2")
    app.close()
    assert document(checkout, "o2")["cause"] == {"kind": "fork", "run_id": "o1", "position": 3, "replaced": []}
    assert "fork       of o1, the first 3 events" in checkout("inspect", "o2").stdout
    checkout("run", f"{SHOP}:counts_on", "1", "2", "--run-id", "c")
    assert document(checkout, "c")["cause"]["run_id"] == "c"
    assert "goes on    from c" in checkout("inspect", "c").stdout


# --- what is hidden -------------------------------------------------------------------------------------------------


def test_local_variables_are_shown_unless_they_are_masked(checkout):
    assert "order = 'o1'" in checkout("-m", SHOP, "inspect", "o1").stdout
    shown = checkout("-m", SHOP, "inspect", "o1", "--mask", "ORD*", "--payloads").stdout
    assert "order = •••" in shown


# --- what goes together ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--step"], "--step needs a terminal for its keys; --at POSITION shows one moment without"),
        (["--step", "--json"], "--step and --json do not go together"),
        (["--step", "--follow"], "--step and --follow do not go together"),
        (["--follow", "--at", "3"], "the past and a file do not move"),
    ],
)
def test_what_makes_no_sense_is_one_clear_sentence(checkout, words, sentence):
    result = checkout("inspect", "o1", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_help_has_examples(checkout):
    assert "yieldflow inspect order-42 --at '10m ago'" in checkout("inspect", "--help").stdout


def test_following_into_a_pipe_prints_each_event_once_and_ends_with_the_run(checkout):
    checkout("send", "o1", "approval", "true")
    checkout("result", "o1", "-m", SHOP)
    lines = checkout("inspect", "o1", "--follow").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [str(number) for number in range(1, 8)]
    told = [json.loads(line) for line in checkout("inspect", "o1", "--follow", "--json").stdout.splitlines()]
    assert [event["event"] for event in told][-2:] == ["wait_completed", "run_completed"]
    for event in told:
        assert problems(event, SCHEMA["$defs"]["event"], SCHEMA) == []


def test_following_goes_on_with_a_run_that_goes_on_as_new(shell):
    shell("run", f"{SHOP}:counts_on", "1", "3", "--run-id", "c")
    first = shell("inspect", "c~1", "--follow").stdout
    assert [first.count(word) for word in ("run_continued", "run_completed")] == [1, 1]


def test_on_a_redis_server_it_is_the_same(shell, server):
    shell.env["YIELDFLOW_URL"] = server.url
    app = App(server.url)
    app.start(asks("o1"), run_id="o1")
    app.runtime.tend("o1")
    assert "ok = yield from APPROVAL" in shell("inspect", "o1", "-m", SHOP).stdout
    assert document(shell, "o1", "-m", SHOP, "--at", "2")["branches"][0]["waits_for"] == "step pack"
    with ThreadPoolExecutor() as pool:
        following = pool.submit(shell.run, "inspect", "o1", "--follow")
        app.send("o1", "approval", True)
        app.runtime.tend("o1")
        code, out, _ = following.result(timeout=30)
    app.close()
    assert (code, out.count("\n"), "run_completed" in out) == (0, 7, True)


# --- walking --------------------------------------------------------------------------------------------------------


def test_keys_are_told_apart_however_many_come_at_once():
    assert keys_of("\x1b[C\x1b[D\x1bOHG x\x1b[6~\x1b[5~jk") == [
        *("on", "back", "first", "last", "on"),
        *("page down", "page up", "down", "up"),
    ]
    assert keys_of("\x1b") == ["quit"]


def test_a_walk_stays_within_the_history():
    place = Place(3, 5)
    assert [place.after(key).at for key in ("back", "on", "first", "last", "page up", "page down", "up")] == [
        *(2, 4, 1, 5, 1, 5, 3),
    ]
    assert (Place(1, 5).after("back").at, Place(5, 5).after("on").at) == (1, 5)
    assert place.after("quit") is None
    assert (place.after("down").top, place.after("up").top) == (1, 0)


# --- lines ----------------------------------------------------------------------------------------------------------


def test_a_line_is_broken_between_words_and_a_time_is_one():
    text = Text("until 2026-01-31 12:00:00 UTC (in 3 days)")
    assert [line.plain for line in indented(text, 2, 30, hang=2)] == [
        "  until",
        "    2026-01-31 12:00:00 UTC",
        "    (in 3 days)",
    ]
    assert [line.plain for line in indented(Text("x" * 70), 0, 40)] == ["x" * 40, "x" * 30]


def test_facts_are_not_broken():
    assert list(packed(["one fact", "another", "third"], 20)) == ["one fact · another", "third"]


@pytest.mark.parametrize(("ahead", "told"), [(1_001, "next look in 1 s"), (0, "next look is due"), (-9, "look is due")])
def test_when_a_blocked_run_is_looked_at_is_told_also_when_it_is_due(checkout, ahead, told):
    app = App(checkout.url)
    seen = app.get("o1").inspect()
    app.close()
    head = list(picture(evolve(seen, status="blocked", alarm=seen.now + ahead), 200, payloads=False, tokens=False))[1]
    assert head.plain.endswith(told)


def test_what_does_not_fit_a_screen_is_counted():
    lines = [Text("a\nb"), *map(Text, "cdef")]
    assert [line.plain for line in fitting(iter(lines), 6)] == list("abcdef")
    assert [line.plain for line in fitting(iter(lines), 4)] == ["a", "b", "c", "… 3 more lines"]
    assert [line.plain for line in fitting(iter(lines), 4, top=99)] == ["c", "d", "e", "f"]
