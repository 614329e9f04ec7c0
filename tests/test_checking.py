"""Deploys as their authors live through them: what is checked before, what blocks, and how the run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import evolve
from cattrs import Converter

from tests.core.harness import Life
from yieldflow import App, Flow, NonDeterminism, RunBlocked, gather, hook, patched, sleep, step, workflow
from yieldflow.authoring.registry import Registry
from yieldflow.checking import FailsAtOnce, check_history, read_history
from yieldflow.codec import JsonCodec, pack
from yieldflow.errors import ImpossibleEvent, Undecodable, UnknownWorkflow, UnreadableLog

BODIES: list[str] = []


@step
def charge(order: str, cents: int) -> int:
    BODIES.append(f"charge {cents}")
    return cents


@step(name="shop:pack")
def pack_it(order: str) -> str:
    BODIES.append("pack")
    return "packed"


RENAMED = evolve(pack_it, definition=evolve(pack_it.definition, name="shop:wrap", also_known_as=("shop:pack",)))


@step(name="shop:bag")
def bag(order: str) -> str:
    BODIES.append("bag")
    return "bagged"


@step
def thank(order: str) -> None:
    BODIES.append("thank")


@workflow(version="1")
def shop(order: str) -> Flow[int]:
    paid = yield from charge(order, 500)
    yield pack_it(order)
    yield hook("go")
    return paid


def with_another_argument(order: str) -> Flow[int]:
    paid = yield from charge(order, 600)
    yield pack_it(order)
    yield hook("go")
    return paid


def without_a_step(order: str) -> Flow[int]:
    paid = yield from charge(order, 500)
    yield hook("go")
    return paid


def in_another_order(order: str) -> Flow[int]:
    yield pack_it(order)
    paid = yield from charge(order, 500)
    yield hook("go")
    return paid


def with_an_added_step(order: str) -> Flow[int]:
    paid = yield from charge(order, 500)
    yield thank(order)
    yield pack_it(order)
    yield hook("go")
    return paid


def with_a_step_of_another_name(order: str) -> Flow[int]:
    paid = yield from charge(order, 500)
    yield bag(order)
    yield hook("go")
    return paid


def in_branches(order: str) -> Flow[int]:
    paid, _ = yield from gather(charge(order, 500), pack_it(order))
    yield hook("go")
    return paid


def that_raises(order: str) -> Flow[int]:
    paid = yield from charge(order, 500)
    yield pack_it(orders)  # type: ignore[name-defined]  # noqa: F821 - the mistake is what is tested
    yield hook("go")
    return paid


def with_a_patch(order: str) -> Flow[int]:
    paid = yield from charge(order, 500)
    if (yield from patched("thanks")):
        yield thank(order)
    yield pack_it(order)
    yield hook("go")
    return paid


def with_a_renamed_step(order: str) -> Flow[int]:
    paid = yield from charge(order, 500)
    yield RENAMED(order)
    yield hook("go")
    return paid


def with_other_options(order: str) -> Flow[int]:
    paid = yield from charge(order, 500).options(retry=9, timeout="9s", queue="cards", label="pay", lease="9s")
    yield pack_it(order).options(retry=1, heartbeat="1m")
    yield from hook("go", timeout="3d", default=None)
    return paid


BLOCKING = {  # path, what is said
    with_another_argument: ("1", "cents: recorded 500, asked 600"),
    without_a_step: ("2", "asked:    hook('go')"),
    in_another_order: ("1", "recorded: charge('o', 500)\n  asked:    pack('o')"),
    with_an_added_step: ("2", "asked:    thank('o')"),
    with_a_step_of_another_name: ("2", "recorded: pack('o')\n  asked:    bag('o')"),
    in_branches: ("1", "it is no longer asked, but charge('o', 500) at path 1.1"),
    that_raises: ("2", "for the program raises NameError: name 'orders' is not defined"),
}
FITTING = (with_a_patch, with_a_renamed_step, with_other_options, shop.fn)


def code(fn: Callable[..., Any] | None, version: str | None = "2") -> Registry:
    """What a process knows in which the workflow is *fn*; None: it has none."""
    found = Registry()
    for known in (charge, RENAMED if fn is with_a_renamed_step else pack_it, bag, thank):
        found.add_step(known.definition)
    if fn is not None:
        found.add_workflow(evolve(shop.definition, fn=fn, version=version))
    return found


@pytest.fixture
def app() -> Iterator[App]:
    """Run `r` waits for its hook, started by the former code."""
    BODIES.clear()
    app = App("memory:", registry=code(shop.fn, "1"))
    app.start(shop("o"), run_id="r")
    app.runtime.tend("r")
    yield app
    app.close()


def deployed(app: App, registry: Registry) -> App:
    """Another process with the new code, on the same store."""
    after = App("memory:", registry=registry)
    after.store = app.store
    return after


@pytest.mark.parametrize("fn", BLOCKING, ids=lambda fn: fn.__name__)
def test_parity_15_changed_code_is_detected_and_carries_nothing_out(app: App, fn):
    path, said = BLOCKING[fn]
    before, done = app.get("r").history(), [*BODIES]
    finding = check_history(code(fn), before)
    after = deployed(app, code(fn))
    after.send("r", "go", None)
    with pytest.raises(RunBlocked) as blocked:
        after.run(shop("o"), run_id="r")
    assert isinstance(finding.problem, NonDeterminism)
    assert (finding.run_id, finding.workflow, finding.would) == ("r", shop.definition.name, "block")
    assert finding.problem.path == path
    assert said in str(finding.problem)
    assert str(finding.problem) in str(blocked.value)
    assert "the run was started by version 1, this code is version 2" in str(blocked.value)
    assert after.get("r").status() == "blocked"
    assert after.get("r").history()[:-1] == before
    assert done == BODIES


@pytest.mark.parametrize("fn", BLOCKING, ids=lambda fn: fn.__name__)
def test_a_blocked_run_goes_on_after_the_fix(app: App, fn):
    app.send("r", "go", None)
    after = deployed(app, code(fn))
    assert after.runtime.tend("r").state == "blocked"
    fixed = deployed(app, code(shop.fn, "3"))
    assert fixed.run(shop("o"), run_id="r") == 500
    assert fixed.get("r").status() == "completed"
    assert BODIES == ["charge 500", "pack"]


@pytest.mark.parametrize("fn", FITTING, ids=lambda fn: fn.__name__)
def test_what_is_no_change_goes_on(app: App, fn):
    assert check_history(code(fn), app.get("r").history()) is None
    after = deployed(app, code(fn))
    after.send("r", "go", None)
    assert after.run(shop("o"), run_id="r") == 500
    assert BODIES == ["charge 500", "pack"]


def test_a_patch_is_taken_by_new_runs_and_not_by_old_ones(app: App):
    after = deployed(app, code(with_a_patch))
    for run_id in ("r", "new"):
        after.send(after.start(shop("o"), run_id=run_id).run_id, "go", None)
        assert after.run(shop("o"), run_id=run_id) == 500
    assert BODIES == ["charge 500", "pack", "charge 500", "thank", "pack"]
    for run_id in ("r", "new"):
        assert check_history(code(with_a_patch), after.get(run_id).history()) is None
    assert check_history(code(shop.fn), after.get("r").history()) is None
    assert check_history(code(shop.fn), after.get("new").history()) is not None


def test_the_version_is_recorded_when_a_run_starts_and_shown(app: App):
    after = deployed(app, code(with_a_patch, "2"))
    after.start(evolve(shop("p"), definition=evolve(shop.definition, version="2")), run_id="new")
    assert [after.get(run_id).inspect().version for run_id in ("r", "new")] == ["1", "2"]
    assert [after.get(run_id).history()[0].version for run_id in ("r", "new")] == ["1", "2"]


# --- what is found without a changed program ------------------------------------------------------------------------


def test_a_workflow_that_nobody_defines_is_found(app: App):
    finding = check_history(code(None), app.get("r").history())
    assert isinstance(finding.problem, UnknownWorkflow)


def test_arguments_of_the_run_that_no_longer_decode_are_found(app: App):
    def numbered(order: int) -> Flow[int]:
        yield sleep("1s")
        return order

    changed = workflow(name="checking:numbered")(numbered).definition
    finding = check_history(evolve(changed, name=shop.definition.name), app.get("r").history())
    assert isinstance(finding.problem, Undecodable)
    assert "order cannot be read as int" in str(finding.problem)


class Coupon(str):
    __slots__ = ()


WITHDRAWN: set[str] = set()


def read_coupon(text: str, _: type) -> Coupon:
    if text in WITHDRAWN:
        raise ValueError(f"{text} is withdrawn")
    return Coupon(text)


@step(name="checking:apply", queue="elsewhere")
def apply(coupon: Coupon) -> None: ...


@workflow(name="checking:couponed")
def couponed() -> Flow[None]:
    yield apply(Coupon("x"))


def test_arguments_of_an_open_step_that_its_worker_could_not_read_are_found(monkeypatch):
    """The program asks what it asked; only whoever reads the value finds that it is refused now."""
    converter = Converter()
    converter.register_unstructure_hook(Coupon, str)
    converter.register_structure_hook(Coupon, read_coupon)
    codec = JsonCodec(converter=converter)
    life = Life(couponed.fn, codec).start()
    life.commit()
    definition = life.execution.workflow
    assert check_history(definition, life.log, codec) is None
    monkeypatch.setitem(globals(), "WITHDRAWN", {"x"})
    finding = check_history(definition, life.log, codec)
    assert isinstance(finding.problem, Undecodable)
    assert "in the call of checking:apply at path 1, coupon" in str(finding.problem)
    life.execution.close()


def test_a_program_that_would_fail_at_once_is_found_too(app: App):
    """No code error: the deploy would end the run for good."""

    events = app.get("r").history()[:3]  # nobody has decided what comes after the charge

    def raises(order: str) -> Flow[int]:
        yield charge(order, 500)
        raise LookupError(order)

    finding = check_history(code(raises), events)
    assert finding.would == "fail"
    assert isinstance(finding.problem, FailsAtOnce)
    assert "raises LookupError: o, which is not in the log" in str(finding.problem)
    assert "raise LookupError(order)" in str(finding.problem)
    assert check_history(code(shop.fn), events) is None


@pytest.mark.parametrize("cut", [0, 1])
def test_a_log_without_its_beginning_is_no_log(app: App, cut: int):
    events = app.get("r").history()
    finding = check_history(code(shop.fn), events[1:] if cut else ())
    assert isinstance(finding.problem, ImpossibleEvent)


def test_a_log_that_none_may_be_is_found(app: App):
    events = app.get("r").history()
    finding = check_history(code(shop.fn), (*events, events[-1]))
    assert isinstance(finding.problem, ImpossibleEvent)


def test_a_history_is_read_back_as_it_was_written(app: App):
    events = app.get("r").history()
    assert read_history([*map(pack, events), b"", b"\n"]) == events


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"e":"from the future","at":1}'])
def test_an_event_that_cannot_be_read_is_told_with_its_number(app: App, line: bytes):
    with pytest.raises(UnreadableLog, match="event 2: "):
        read_history([pack(app.get("r").history()[0]), line])


def test_checking_changes_nothing_and_carries_nothing_out(app: App):
    before, done = app.store.read("r"), [*BODIES]
    for fn in (*BLOCKING, *FITTING):
        check_history(code(fn), app.get("r").history())
    after = app.store.read("r")
    assert (before.head, before.alarm, before.summary) == (after.head, after.alarm, after.summary)
    assert done == BODIES
