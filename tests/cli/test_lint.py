"""`lint`: the source of workflows, told by file and line."""

import json

import pytest

FLOWS = """\
import time

from yieldflow import sleep, step, workflow


@step
def charge(cents):
    return time.time()


def is_late():
    return time.time() > 5


@workflow
def pays(cents):
    print("begin")
    if is_late():
        yield sleep("1d")
    return (yield charge(cents))


@workflow
def waits():
    time.sleep(1)
    yield sleep("1d")


@workflow
def naps():
    yield sleep("1d")
"""


@pytest.fixture
def shop(shell):
    (shell.home / "nightly.py").write_text(FLOWS)
    return shell


def test_all_findings_are_told_with_their_places_and_nothing_is_refused_before(shop):
    code, out, err = shop.run("lint", "nightly.py")
    assert (code, err) == (1, "")
    assert out == (
        "nightly.py:12: time.time() in a workflow: `yield from now()` instead\n"
        "nightly.py:17: print() in a workflow: do it in a step: it would be done again on every replay\n"
        "nightly.py:25: time.sleep() in a workflow: `yield sleep(...)` instead\n"
        "3 workflows: 3 findings\n"
    )


def test_one_workflow_of_a_file_and_what_it_calls(shop):
    assert shop.run("lint", "nightly.py:naps") == (0, "1 workflow: nothing found\n", "")
    code, out, _ = shop.run("lint", "nightly:waits", "--json")
    assert code == 1
    found = json.loads(out)
    assert found["workflows"] == 1
    ((line, message),) = [(one["line"], one["message"]) for one in found["findings"]]
    assert (line, message) == (25, "time.sleep() in a workflow: `yield sleep(...)` instead")


def test_what_can_be_no_workflow_is_a_finding_too(shell):
    (shell.home / "awaits.py").write_text(
        "from yieldflow import sleep, workflow\n\n\n@workflow\nasync def pays():\n    await sleep(1)\n"
    )
    code, out, err = shell.run("lint", "awaits.py")
    assert (code, err) == (1, "")
    assert out.startswith("awaits.py:4: pays is async: a workflow is a plain `def` that yields")
    assert out.endswith("0 workflows: 1 finding\n")


def test_modules_that_are_set_are_looked_at_by_default(shop):
    result = shop.run("lint", "-m", "nightly")
    assert result[1].endswith("3 workflows: 3 findings\n")


def test_nothing_to_look_at_is_a_mistake(shell):
    (shell.home / "empty.py").write_text("")
    assert shell.run("lint", "empty.py") == (2, "", "yieldflow: there is no workflow in empty.py\n")
    assert shell.run("lint") == (2, "", "yieldflow: name a module, such as shop.flows\n")
    assert shell.run("lint", "nowhere.py")[0] == 3
    assert not (shell.home / "shop.db").exists()
