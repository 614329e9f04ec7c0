import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from yieldflow import BadDefinition, step
from yieldflow.authoring.registry import DEFAULT, Registry
from yieldflow.authoring.signatures import default_name, step_shape, workflow_shape
from yieldflow.core.asks import StepDefinition, WorkflowDefinition

SCRIPT = """
from yieldflow import step, workflow, sleep

@step
def pay(): return 1

@workflow
def shop():
    yield sleep(1)
"""


def pay():
    return 1


def ship():
    return 2


def a_step(fn, name, *also_known_as):
    return StepDefinition(name, fn, step_shape(fn), also_known_as=also_known_as)


@pytest.fixture
def registry():
    return Registry()


@pytest.fixture
def modules(monkeypatch):
    """What a test imports is forgotten afterwards."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_unknown_names_are_none(registry):
    assert registry.step("shop:pay") is None
    assert registry.workflow("shop:pay") is None


def test_steps_and_workflows_have_names_of_their_own(registry):
    registry.add_step(one := a_step(pay, "shop:pay"))
    registry.add_workflow(other := WorkflowDefinition("shop:pay", ship, workflow_shape(ship)))
    assert registry.step("shop:pay") is one
    assert registry.workflow("shop:pay") is other


def test_two_functions_of_one_name_are_refused_and_the_first_stays(registry):
    registry.add_step(first := a_step(pay, "shop:pay"))
    with pytest.raises(BadDefinition, match=f"'shop:pay' is defined twice, by {default_name(pay)} and by"):
        registry.add_step(a_step(ship, "shop:pay"))
    with pytest.raises(BadDefinition, match="twice"):
        registry.add_step(a_step(ship, "shop:ship", "shop:pay"))
    assert registry.step("shop:pay") is first
    assert registry.step("shop:ship") is None


def test_a_function_defined_again_replaces_the_former_with_all_its_names(registry):
    registry.add_step(a_step(pay, "shop:pay", "old:pay"))
    registry.add_step(again := a_step(pay, "shop:pay", "older:pay"))
    assert registry.step("shop:pay") is registry.step("older:pay") is again
    assert registry.step("old:pay") is None
    registry.add_step(a_step(ship, "shop:ship", "old:pay"))


def test_a_cell_that_is_run_again_replaces():
    for _ in range(2):

        @step
        def cell():
            return 1

    assert DEFAULT.step(cell.definition.name) is cell.definition


def test_modules_are_loaded_by_dotted_name_and_by_path(tmp_path, modules, monkeypatch, registry):
    (tmp_path / "shop_beside.py").write_text("RATE = 5\n")
    (tmp_path / "shop_by_path.py").write_text("import shop_beside\n" + SCRIPT)
    (tmp_path / "shop_package").mkdir()
    (tmp_path / "shop_package" / "flows.py").write_text(SCRIPT)
    monkeypatch.chdir(tmp_path)
    registry.load(["shop_by_path.py", str(tmp_path / "shop_by_path.py"), "shop_package.flows"])
    for module in ("shop_by_path", "shop_package.flows"):
        assert DEFAULT.step(f"{module}:pay") is not None
        assert DEFAULT.workflow(f"{module}:shop") is not None


def test_file_whose_name_is_taken_is_refused(tmp_path, registry):
    (tmp_path / "json.py").write_text(SCRIPT)
    with pytest.raises(BadDefinition, match="rename the file"):
        registry.load([str(tmp_path / "json.py")])


def test_file_that_fails_leaves_nothing_behind(tmp_path, modules, registry):
    (tmp_path / "shop_broken.py").write_text("1 / 0\n")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            registry.load([str(tmp_path / "shop_broken.py")])
    with pytest.raises(FileNotFoundError):
        registry.load([str(tmp_path / "shop_missing.py")])


def test_script_that_names_its_own_file_is_not_run_twice(tmp_path):
    script = tmp_path / "shop_script.py"
    script.write_text(
        SCRIPT
        + textwrap.dedent("""
        from yieldflow.authoring.registry import DEFAULT
        DEFAULT.load([__file__])
        print(shop.definition.name, DEFAULT.step("shop_script:pay") is pay.definition)
        """)
    )
    known = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, env=known, timeout=60)
    assert done.stdout.split() == ["shop_script:shop", "True"]
