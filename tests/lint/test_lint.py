"""The lint: what it finds, what it leaves alone, and what excuses a line."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

from tests.lint import right, wrong, wrong_sagas
from yieldflow import Workflow
from yieldflow.authoring.registry import DEFAULT
from yieldflow.lint import findings, reach

MARK = re.compile(r"# (found|in (?P<file>\S+)): (?P<says>.*)$", re.MULTILINE)
HELPERS = {"charge", "child", "fetch", "helper", "measured", "numbers"}
WITH_WORKFLOWS = {
    *("tests.cli.scenes", "tests.cli.shop", "tests.core.programs", "tests.deep.chaos_flows", "tests.deep.programs"),
    *("tests.doctor.flows", "tests.e2e.families", "tests.e2e.flows", "tests.engine.families", "tests.engine.programs"),
    *(
        "tests.features.shop",
        "tests.features.test_at_once",
        "tests.features.test_children",
        "tests.features.test_hooks",
    ),
    *("tests.golden.flows", "tests.rulings.test_combinators", "tests.rulings.test_tasks"),
}
JOURNAL = ("os.environ", "os.getpid()", "os.kill()", "time.time_ns()")  # tells which process ran what
MEANT = {("journal.py", first) for first in JOURNAL}


def programs(module):
    own = {name: value for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__}
    return {name: fn for name, fn in own.items() if inspect.isgeneratorfunction(fn) and name not in HELPERS}


MISTAKEN = {**programs(wrong), **programs(wrong_sagas)}


@pytest.mark.parametrize("name", MISTAKEN)
def test_each_mistake_is_found_once_at_its_line(name):
    fn = MISTAKEN[name]
    lines, first = inspect.getsourcelines(fn)
    ((number, mark),) = [(first + at, mark) for at, line in enumerate(lines) if (mark := MARK.search(line))]
    (finding,) = findings([fn])
    assert mark["says"] in finding.message
    if mark["file"]:
        assert Path(finding.file).name == mark["file"]
    else:
        assert (finding.file, finding.line) == (fn.__code__.co_filename, number)


def test_there_are_many_of_them():
    assert len(MISTAKEN) >= 50


@pytest.mark.parametrize("name", programs(right))
def test_what_is_in_order_is_left_alone(name):
    assert findings([programs(right)[name]]) == []


def test_methods_of_a_workflow_that_is_a_class_are_followed():
    assert findings([right.Greeting._workflow.fn]) == []
    (finding,) = findings([wrong.Greeting._workflow.fn])
    assert finding.message == "time.time() in a workflow: `yield from now()` instead"


def test_helpers_are_followed_once_and_what_is_installed_is_not(monkeypatch):
    looked_at = []
    plain = reach.read
    monkeypatch.setattr(reach, "read", lambda fn: looked_at.append(fn.__name__) or plain(fn))
    assert findings([right.a_generator_that_asks_nothing, right.calls_the_library]) == []
    assert sorted(looked_at[:4]) == ["a_generator_that_asks_nothing", "counts_down", "numbers", "total"]
    assert looked_at[4:] == ["calls_the_library"]


def test_no_more_than_so_many_functions_are_looked_at(monkeypatch):
    monkeypatch.setattr(reach, "MOST_FUNCTIONS", 1)
    assert findings([wrong.calls_a_helper_elsewhere]) == []


def test_one_finding_a_line_in_the_order_of_the_lines():
    found = findings([*programs(wrong).values(), *programs(wrong).values()])
    places = [(finding.file, finding.line) for finding in found]
    assert places == sorted(set(places))


def test_all_examples_are_in_order(monkeypatch):
    examples = Path(__file__).parents[2] / "examples"
    monkeypatch.syspath_prepend(str(examples))
    for file in examples.glob("*.py"):
        module = importlib.import_module(file.stem)
        workflows = [value.fn for value in vars(module).values() if isinstance(value, Workflow)]
        assert findings(workflows) == []


def test_workflows_of_other_tests_are_in_order_but_for_those_that_are_meant_to_be_wrong():
    """Real programs of many kinds; whoever adds one that is wrong on purpose names it here."""
    for name in WITH_WORKFLOWS:
        importlib.import_module(name)
    known = [found.fn for found in DEFAULT.workflows() if found.fn.__module__ in WITH_WORKFLOWS]
    assert len(known) > 100
    found = {(Path(finding.file).name, finding.message.partition(" ")[0]) for finding in findings(known)}
    assert found == MEANT
