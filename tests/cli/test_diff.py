"""`diff`: two runs, or a run and the code at hand, as people and programs are told of it. Nothing is changed."""

import json

import pytest

from tests.cli.shop import asks, checkout
from tests.cli.test_check import changed
from yieldflow import App

SHOP = "tests.cli.shop"


@pytest.fixture
def two(shell):
    """A shell with `o1` and `o2`, which were charged different amounts, and `a`, which waits."""
    app = App(shell.url)
    for run_id, cents in (("o1", 500), ("o2", 600)):
        app.run(checkout("o", cents), run_id=run_id)
    app.start(asks("o"), run_id="a")
    app.runtime.tend("a")
    app.close()
    return shell


def test_two_runs_part_at_the_call_that_differs(two):
    before = two.histories()
    result = two("diff", "o1", "o2", "-m", SHOP)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[:9] == [
        "o1 and o2 were started with checkout('o', 500) and checkout('o', 600)",
        "o1 and o2 share 1 command, and part at path 2",
        "",
        "  1  pack('o')  → 'o packed'",
        "",
        "  o1: charge('o', 500)  (event 4)",
        "  o2: charge('o', 600)  (event 4)",
        "        cents: 500 and 600",
        "",
    ]
    assert lines[9].startswith("  ")
    assert "shop.py:" in lines[9]
    assert lines[10:] == ["    paid = yield from charge(order, cents)"]
    assert two.histories() == before


def test_files_are_compared_without_a_store(two):
    for run in ("o1", "o2"):
        (two.home / f"{run}.jsonl").write_bytes(two("export", run).stdout_bytes)
    (two.home / "shop.db").unlink()
    code, out, err = two.run("diff", "o1.jsonl", "o2.jsonl", "--json")
    document = json.loads(out)
    assert (code, err) == (1, "")
    assert document["one"] == {"name": "o1.jsonl", "run_id": "o1", "version": None, "events": 7}
    assert (document["other"]["run_id"], document["finding"]) == ("o2", None)
    parting = document["parting"]
    assert (parting["what"], parting["path"], parting["positions"]) == ("asked", "2", [4, 4])
    assert (parting["file"], parting["line"]) == (None, None)
    assert document["shared"] == [{"path": "1", "asked": "pack('o')", "answer": "'o packed'"}]
    assert not (two.home / "shop.db").exists()


def test_a_run_and_a_file_of_it_do_not_part(two):
    (two.home / "o1.jsonl").write_bytes(b"".join(two("export", "o1").stdout_bytes.splitlines(keepends=True)[:4]))
    result = two("diff", "o1.jsonl", "o1")
    assert result.exit_code == 0
    assert result.stdout == "o1.jsonl and o1 do not part: they share 2 commands; o1 has come 3 events further\n"


def test_a_run_and_the_code_that_started_it_do_not_part(two):
    result = two("diff", "a", "-m", SHOP)
    assert (result.exit_code, result.stdout) == (0, "a and the code at hand do not part: they share 2 commands\n")


def test_a_run_and_changed_code_part_where_check_says_it(two):
    text = two("export", "a").stdout.replace(f"{SHOP}:", "flows:")
    (two.home / "a.jsonl").write_text(text)
    changed(two, ("ok = yield from APPROVAL", 'ok = yield from hook("approved", bool)'))
    code, out, err = two.run("diff", "a.jsonl", "-m", "flows.py")
    assert (code, err) == (1, "")
    assert out.startswith(
        "a.jsonl and the code at hand share 1 command, and part at path 2\n\n  1  pack('o')  → 'o packed'\n"
    )
    assert "  at path 2 its log holds another command than is asked\n    recorded: hook('approval')\n" in out
    assert 'ok = yield from hook("approved", bool)' in out
    code, out, err = two.run("diff", "a.jsonl", "-m", "flows.py", "--json")
    document = json.loads(out)
    assert document["finding"]["text"].startswith("workflow flows:asks has changed")
    assert document["parting"]["one"] == "hook('approval')"
    assert document["other"] is None


def test_code_that_does_not_know_the_workflow_is_said(two):
    (two.home / "a.jsonl").write_text(two("export", "a").stdout.replace(f"{SHOP}:", "gone:"))
    result = two("diff", "a.jsonl")
    assert result.exit_code == 1
    assert result.stdout.startswith("a.jsonl and the code at hand do not fit: workflow 'gone:asks' is not known here")


def test_wrong_calls_are_one_sentence(two):
    for args, code, sentence in (
        (["diff", "gone"], 3, "there is no run 'gone'"),
        (["diff", "gone.jsonl"], 3, "there is no file or folder gone.jsonl"),
        (["diff", "o1", "a"], 2, "these are runs of two workflows, tests.cli.shop:checkout and tests.cli.shop:asks"),
        (["diff"], 2, "missing argument 'RUN'"),
    ):
        result = two(*args)
        assert (result.exit_code, result.stdout) == (code, ""), args
        assert sentence in result.stderr
        assert len(result.stderr.splitlines()) == 1
