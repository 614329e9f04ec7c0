"""Rulings 4, 10, 14, 46 and 47 on a real log: other processes, other modules loaded, other code than before."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from attrs import evolve

from tests.engine.world import World
from yieldflow import App, Flow, StepFailed, gather, hook, step, workflow
from yieldflow.authoring.registry import DEFAULT, Registry
from yieldflow.core.events import CommandResolved
from yieldflow.core.outcome import Ok

# --- 4 ----------------------------------------------------------------------------------------------------------------


@workflow
def charged() -> Flow[str]:
    yield note("charge")
    yield note("invoice")
    yield note("thank")
    yield hook("go")
    return "all of it"


def shorter() -> Flow[str]:
    yield note("charge")
    return "done early"


def later() -> Flow[str]:
    yield note("charge")
    yield gather(note("invoice"), note("thank"))
    return "in branches"


@pytest.mark.parametrize("changed", [shorter, later])
def test_4_a_step_that_was_dropped_is_missed_before_anything_is_decided(changed):
    world = World(lambda request: request.call.name)
    world.start(charged())
    world.worker("w1").tend().to_end()
    before = world.events()
    deployed_code = Registry()
    deployed_code.add_workflow(evolve(charged.definition, fn=changed))
    tending = world.worker("w2", registry=deployed_code).tend()
    assert tending.to_end().state == "blocked"
    assert "at path 2 its log holds" in tending.tended.reason
    assert "it is no longer asked" in tending.tended.reason
    assert world.events() == before


# --- 10 ---------------------------------------------------------------------------------------------------------------


@step(retry=1)
def pay() -> int:
    """Its library is imported when it is needed, so by this process and no other."""
    library = ModuleType("lazy_payments")
    sys.modules["lazy_payments"] = library
    library.CardError = type("CardError", (ValueError,), {"__module__": "lazy_payments"})
    raise library.CardError("card 4242 declined")


@step(retry=1)
def note(text: str) -> str:
    return text


@workflow
def paid() -> Flow[str]:
    try:
        yield pay()
    except StepFailed:
        told = "what was raised is not known here"
    except ValueError as error:
        told = f"{type(error).__module__}.{type(error).__qualname__}: {error}, {type(error.__cause__).__name__}"
    yield note(told)  # recorded: if a replay saw another class, it would ask something else
    yield hook("go")
    return told


def test_10_what_is_thrown_does_not_depend_on_what_is_loaded(tmp_path: Path):
    raising = App(f"sqlite:///{tmp_path}/runs.db")
    raising.start(paid(), run_id="r")
    raising.runtime.tend("r")
    raising.close()
    assert sys.modules.pop("lazy_payments").CardError
    replaying = App(f"sqlite:///{tmp_path}/runs.db")
    replaying.send("r", "go", None)
    assert replaying.run(paid(), run_id="r") == "lazy_payments.CardError: card 4242 declined, StepFailed"
    replaying.close()
    assert "lazy_payments" not in sys.modules


# --- 14 ---------------------------------------------------------------------------------------------------------------

SHOP = """
import sys
from dataclasses import dataclass
from yieldflow import App, Flow, hook, step, workflow

@dataclass
class Order:
    id: str
    {field}

@step(retry={retry})
def pack(order: Order, tags: set[str], labels: dict[str, int]) -> str:
    return order.id

@workflow
def shipped() -> Flow[str]:
    packed = yield pack(Order("o"), {{"ale", "bun", "cod", "dip", "egg", "fig"}}, {labels})
    yield hook("go")
    return packed

app = App("sqlite:///runs.db")
if sys.argv[1] == "start":
    app.start(shipped(), run_id="r")
    app.runtime.tend("r")
else:
    app.send("r", "go", None)
    print(app.run(shipped(), run_id="r"), len(app.get("r").history()))
"""


def deployed(folder: Path, hash_seed: str, verb: str, **code: str) -> str:
    (folder / "shop.py").write_text(SHOP.format(**code))
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "shop.py", verb], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_14_a_deploy_with_another_order_of_sets_and_keys_a_new_default_and_other_options_blocks_no_run(tmp_path: Path):
    deployed(tmp_path, "1", "start", field="", retry="1", labels='{"x": 1, "y": 2}')
    told = deployed(tmp_path, "2", "go on", field="gift: bool = False", retry="9", labels='{"y": 2, "x": 1}')
    assert told == "o 7\n"


# --- 46 and 47 --------------------------------------------------------------------------------------------------------


def plain(n: int) -> int:
    return n + 1


@workflow
def mixed() -> Flow[int]:
    return (yield step(plain, 1))


def test_46_a_plain_function_is_run_only_by_who_replays_the_program():
    world = World(lambda request: request.step.fn(1))
    world.start(mixed(), step_queue="steps")
    world.worker("own").tend().to_end()
    stranger = world.worker("steps only", "steps", registry=DEFAULT).tend()
    stranger.to_end()
    assert world.bodies == []  # the name in the log is no way to a function
    world.clock.at += 2_000
    world.worker("both", "yieldflow", "steps").tend().to_end()
    assert world.outcome() == Ok(b"2")


def test_47_a_renamed_workflow_goes_on_with_the_logs_of_its_former_name():
    world = World(lambda request: "packed")
    world.start(evolve(asked(), definition=evolve(asked.definition, name="old:asked")))
    world.send("go", 5)
    renamed = Registry()
    renamed.add_workflow(evolve(asked.definition, name="new:asked", also_known_as=("old:asked",)))
    world.worker("w1", registry=renamed).tend().to_end()
    assert world.outcome() == Ok(b"5")
    assert not any(isinstance(event, CommandResolved) and event.worker for event in world.events())


@workflow
def asked() -> Flow[int]:
    return (yield hook("go", int))
