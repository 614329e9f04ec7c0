"""`check` and `export`: before a deploy, from a store or from files, and nothing is changed by it."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.shop import asks
from yieldflow import App

SHOP = "tests.cli.shop"


def changed(shell, *edits):
    """Deploy `flows.py` with other texts in it."""
    text = Path(__file__).with_name("shop.py").read_text()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (shell.home / "flows.py").write_text(text)


@pytest.fixture
def exported(checkout):
    (checkout.home / "histories").mkdir()
    (checkout.home / "histories" / "o1.jsonl").write_bytes(checkout("export", "o1").stdout_bytes)
    return checkout


@pytest.fixture
def five(exported):
    """A shell with the histories of five runs of `flows:asks` that wait for their hook."""
    text = (exported.home / "histories" / "o1.jsonl").read_text().replace("tests.cli.shop:", "flows:")
    for number in range(1, 6):
        (exported.home / "histories" / f"o{number}.jsonl").write_text(text.replace('"o1', f'"o{number}'))
    return exported


def test_the_runs_of_a_store_fit_the_code_that_started_them(checkout):
    before = checkout.histories()
    result = checkout("check", SHOP)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "1 history replayed: 1 go on\n"
    assert checkout.histories() == before


def test_a_run_that_the_code_would_block_is_told_with_its_line(checkout, monkeypatch):
    monkeypatch.setitem(asks.fn.__globals__, "APPROVAL", asks.fn.__globals__["pack"]("another"))
    before = checkout.histories()
    result = checkout("check", SHOP)
    assert (result.exit_code, result.stderr) == (1, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "o1"
    assert lines[1:5] == [
        "  workflow tests.cli.shop:asks has changed under a running run:",
        "  at path 2 its log holds another command than is asked",
        "    recorded: hook('approval')",
        "    asked:    pack('another')",
    ]
    assert "ok = yield from APPROVAL" in result.stdout
    assert lines[-1] == "1 history replayed: 0 go on, 1 would be blocked"
    assert all(len(line) <= 100 for line in lines if "shop.py" not in line)
    assert checkout.histories() == before


def test_exported_histories_are_replayed_without_a_store(exported, monkeypatch):
    (exported.home / "shop.db").unlink()
    for place in ("histories", "histories/o1.jsonl"):
        result = exported("check", SHOP, place)
        assert (result.exit_code, result.stdout) == (0, "1 history replayed: 1 go on\n")
    assert not (exported.home / "shop.db").exists()
    monkeypatch.setitem(asks.fn.__globals__, "APPROVAL", asks.fn.__globals__["pack"]("another"))
    result = exported("check", SHOP, "histories")
    assert result.exit_code == 1
    assert result.stdout.startswith("histories/o1.jsonl\n  workflow")


def test_runs_and_histories_together(exported):
    result = exported("check", SHOP, "--runs", "histories")
    assert result.stdout == "2 histories replayed: 2 go on\n"


def test_one_json_document(exported, monkeypatch):
    monkeypatch.setitem(asks.fn.__globals__, "APPROVAL", asks.fn.__globals__["pack"]("another"))
    result = exported("check", SHOP, "histories", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["replayed"], document["source"]) == (1, [])
    (found,) = document["findings"]
    text = found.pop("text")
    file, line = found.pop("file"), found.pop("line")
    assert file.endswith("tests/cli/shop.py")
    assert line > asks.fn.__code__.co_firstlineno
    assert "has changed under a running run" in text
    assert found == {
        "history": "histories/o1.jsonl",
        "run_id": "o1",
        "workflow": "tests.cli.shop:asks",
        "would": "block",
        "error": "NonDeterminism",
        "path": "2",
        "recorded": "hook('approval')",
        "asked": "pack('another')",
        "details": [],
        "change": "other",
    }


def test_a_deploy_that_blocks_many_runs_alike_is_told_once(five):
    changed(five, ("ok = yield from APPROVAL", 'ok = yield from hook("approved", bool)'))
    code, out, err = five.run("check", "flows.py", "histories")
    assert (code, err) == (1, "")
    assert out.splitlines()[0] == "histories/o1.jsonl, histories/o2.jsonl, histories/o3.jsonl and 2 others"
    assert out.count("has changed under") == 1
    assert out.endswith("\n5 histories replayed: 0 go on, 5 would be blocked\n")


def test_a_deploy_that_would_fail_runs_is_told_with_the_line_that_raises(five):
    started = five.home / "histories" / "o1.jsonl"
    started.write_text(started.read_text().splitlines()[0])  # nobody has begun it
    changed(five, ("yield from pack(order)\n    ok", "yield from pack(oder)\n    ok"))
    code, out, _ = five.run("check", "flows.py", "histories")
    assert code == 1
    assert "raises NameError: name 'oder' is not defined, which is not in the log" in out
    assert "it is no longer asked, for the program raises NameError" in out
    assert out.count("yield from pack(oder)") == 2
    assert out.endswith("\n5 histories replayed: 0 go on, 4 would be blocked, 1 would fail\n")


ENDLESS = ("yield from pack(order)\n    ok", "yield from pack(order)\n    while order:\n        pass\n    ok")


def test_a_replay_that_would_never_end_is_found_and_the_others_go_on(five):
    """For a worker it would be a run that takes it for good."""
    changed(five, ENDLESS, ("while order:", 'while order in ("o2", "o4"):'))
    code, out, err = five.run("check", "flows.py", "histories", "--timeout", "0.2s", "-j1")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[0] == "histories/o2.jsonl, histories/o4.jsonl"
    assert lines[1] == "  workflow flows:asks neither asks nor ends: its replay was stopped after 0.2 s"
    assert re.fullmatch(r"    at:       .*/flows\.py:\d+ in asks", lines[2])
    assert lines[-1] == "5 histories replayed: 3 go on, 2 would be blocked"


def test_what_catches_everything_is_stopped_too(five):
    catches = "    try:\n        while order: pass\n    except BaseException:\n        yield from pack(order)\n"
    changed(five, ("    yield from pack(order)\n    ok", f"{catches}    ok"))
    code, out, err = five.run("check", "flows.py", "histories/o1.jsonl", "--timeout", "0.1s", "--json")
    assert (code, err) == (1, "")
    (found,) = json.loads(out)["findings"]
    assert (found["error"], found["would"], found["run_id"]) == ("ReplayEndless", "block", "o1")


def test_the_source_of_the_workflows_is_checked_too(exported):
    """A name that is bound after its workflow is judged only now."""
    (exported.home / "late.py").write_text(
        "from yieldflow import sleep, workflow\n\n"
        "@workflow\ndef late():\n    helper()\n    yield sleep(1)\n\n"
        "def helper():\n    yield sleep(2)\n"
    )
    result = exported("check", SHOP, "late.py", "histories")
    assert result.exit_code == 1
    assert "late.py:5: helper(...) is never yielded: write `yield from helper(...)`" in result.stdout
    assert result.stdout.endswith("1 history replayed: 1 go on\n")
    document = json.loads(exported("check", SHOP, "late.py", "histories", "--json").stdout)
    assert [found["line"] for found in document["source"]] == [5]


def test_a_workflow_that_no_module_defines_is_found(exported):
    (exported.home / "empty_flows.py").touch()
    text = (exported.home / "histories" / "o1.jsonl").read_text().replace("shop:asks", "shop:gone")
    (exported.home / "histories" / "o2.jsonl").write_text(text)
    result = exported("check", "empty_flows.py", "histories/o2.jsonl")
    assert result.exit_code == 1
    assert "workflow 'tests.cli.shop:gone' is not known here" in result.stdout


def test_a_history_that_cannot_be_read_is_found(exported):
    (exported.home / "histories" / "torn.jsonl").write_text('{"e":"started"')
    result = exported("check", SHOP, "histories")
    assert result.exit_code == 1
    assert result.stdout.startswith("histories/torn.jsonl\n  the log holds an event that")
    assert result.stdout.endswith("2 histories replayed: 1 go on, 1 would be blocked\n")


def test_only_the_runs_of_one_workflow(exported):
    for place in ((), ("histories",)):
        assert exported("check", SHOP, *place, "--workflow", f"{SHOP}:asks").exit_code == 0
        result = exported("check", SHOP, *place, "--workflow", f"{SHOP}:hello")
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"of workflow {SHOP}:hello; say --allow-empty" in result.stderr


def test_an_empty_corpus_is_an_error_unless_it_is_allowed(exported):
    (exported.home / "nothing").mkdir()
    result = exported("check", SHOP, "nothing")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is nothing to replay in nothing; say --allow-empty" in result.stderr
    result = exported("check", SHOP, "nothing", "--allow-empty")
    assert (result.exit_code, result.stdout) == (0, "0 histories replayed: 0 go on\n")


def test_a_limit_that_was_reached_is_said(exported):
    result = exported("check", SHOP, "--limit", "1")
    assert result.exit_code == 0
    assert "these were the newest 1; --limit takes more" in result.stderr
    assert exported("check", SHOP, "histories", "--limit", "1").stderr == ""


def test_a_program_that_prints_does_not_spoil_the_output(exported, monkeypatch):
    monkeypatch.setitem(asks.fn.__globals__, "pack", lambda order, pack=asks.fn.__globals__["pack"]: said(pack(order)))
    result = exported("check", SHOP, "histories", "--json")
    assert json.loads(result.stdout)["findings"] == []
    assert "said" in result.stderr


def said(command):
    print("said")
    return command


def test_wrong_calls_are_one_sentence(exported):
    for args, code, sentence in (
        (["check", SHOP, "gone.jsonl"], 3, "there is no file or folder gone.jsonl"),
        (["check", "nowhere"], 3, "nowhere cannot be loaded"),
        (["check", SHOP, "--limit", "0"], 2, "0 is not in the range"),
        (["export", "gone"], 3, "there is no run 'gone'"),
    ):
        result = exported(*args)
        assert (result.exit_code, result.stdout) == (code, "")
        assert sentence in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_an_export_is_the_log_as_the_store_keeps_it(exported):
    app = App(exported.url)
    kept = app.store.read("o1").events
    app.close()
    assert (exported.home / "histories" / "o1.jsonl").read_bytes().splitlines() == list(kept)


def test_inspect_shows_the_version_that_started_the_run(shell):
    changed(shell, ("@workflow\ndef asks", '@workflow(version="7")\ndef asks'))
    assert shell.run("start", "flows.py:asks", '"o1"', "--run-id", "o1")[0] == 0
    result = shell("inspect", "o1")
    assert result.stdout.startswith("o1  flows:asks, version 7  running\n")
    assert json.loads(shell("inspect", "o1", "--json").stdout)["version"] == "7"
