import asyncio
import functools
import math
import sys
import types

import pytest

from yieldflow import BadDefinition, Flow, Retry, Step, StepCall, step, workflow
from yieldflow.authoring.registry import DEFAULT
from yieldflow.authoring.scope import inside


@step
def charge(order_id: str, cents: int = 1, *, note: str = "") -> str:
    return f"{order_id}:{cents}{note}"


io = step(retry=5, queue="io", timeout="30s", lease=20, heartbeat="5s")


@io
def upload(url: str) -> int:
    return len(url)


@io
async def download(url: str) -> bytes:
    return url.encode()


def send_invoice(order_id: str, *, queue: str = "post") -> str:
    return order_id + queue


def test_call_is_a_value_and_runs_nothing():
    assert charge("o", 5) == charge("o", 5)
    assert charge("o", 5) != charge("o", 6)
    assert repr(charge("o", 5, note="n")) == "charge('o', 5, note='n')"
    assert next(iter(charge("o"))) == charge("o")


def test_arguments_by_name_and_by_position_are_the_same_call():
    assert charge("o", 5) == charge("o", cents=5) == charge(cents=5, order_id="o")
    assert charge("o", cents=5).args == ("o", 5)
    assert charge("o", note="n").kwargs == {"note": "n"}


def test_a_gap_in_the_arguments_keeps_the_rest_by_name():
    @step
    def both(a: int = 1, b: int = 2) -> int:
        return a + b

    assert (both(b=3).args, both(b=3).kwargs) == ((), {"b": 3})


@pytest.mark.parametrize("args", [(), (1, 2, 3)])
def test_arguments_that_do_not_fit_are_refused_at_the_call(args):
    with pytest.raises(TypeError, match=r"^charge\(\): "):
        charge(*args)
    with pytest.raises(TypeError, match=r"^send_invoice\(\): "):
        step(send_invoice, 1, 2, *args)


def test_fn_is_the_function_itself():
    assert charge.fn("o", 5) == "o:5"
    assert asyncio.run(download.fn("u")) == b"u"


def test_step_is_its_own_call_without_arguments():
    def ping():
        return 1

    uncalled = step(ping)
    assert isinstance(uncalled, Step)
    assert isinstance(uncalled, StepCall)
    assert next(iter(uncalled)) is uncalled
    assert (uncalled.args, uncalled.kwargs) == ((), {})


def test_default_is_three_attempts_on_the_queue_of_the_run():
    recorded = charge("o").recorded
    assert (recorded.attempts, recorded.lost, recorded.queue, recorded.retry) == (3, 5, None, None)


@pytest.mark.parametrize("shared", [upload, download])
def test_one_decorator_with_options_serves_many_functions(shared):
    recorded = shared("u").recorded
    assert recorded.attempts == 5
    assert (recorded.queue, recorded.timeout, recorded.lease, recorded.heartbeat) == ("io", 30_000, 20_000, 5_000)


def test_options_of_a_call_change_only_what_is_given():
    call = upload("u").options(timeout="1m").options(label="up", retry=1)
    assert (call.recorded.timeout, call.recorded.queue, call.recorded.label) == (60_000, "io", "up")
    assert (call.recorded.attempts, call.recorded.retry) == (1, Retry(attempts=1))
    assert upload("u").recorded.timeout == 30_000


def test_options_of_a_step_hold_for_its_calls_and_the_step_stays():
    fast = upload.options(retry=Retry(attempts=2, lost=1), queue="fast")
    assert (fast("u").recorded.attempts, fast("u").recorded.lost, fast("u").recorded.queue) == (2, 1, "fast")
    assert fast.fn is upload.fn
    assert upload("u").recorded.queue == "io"


@pytest.mark.parametrize(
    "wrong", [{"retry": 0}, {"retry": "5"}, {"timeout": "soon"}, {"lease": 0}, {"heartbeat": -1}, {"queue": " "}]
)
def test_option_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError):
        step(**wrong)
    with pytest.raises(ValueError):
        upload.options(**wrong)


def test_unknown_option_is_refused():
    with pytest.raises(TypeError, match="retries"):
        step(retries=5)


def test_keywords_beside_a_function_are_the_functions_own():
    assert step(send_invoice, "o", queue="q").kwargs == {"queue": "q"}
    with pytest.raises(TypeError, match="unexpected keyword argument 'retry'"):
        step(send_invoice, "o", retry=5)


def test_plain_function_is_never_found_by_name():
    for call in (step(send_invoice, "o"), step(send_invoice)("o")):
        assert call.definition.plain
        assert DEFAULT.step(call.definition.name) is None
    assert step(lambda: 1).definition.plain
    assert not charge.definition.plain


def test_function_called_as_a_step_while_a_workflow_runs_is_plain():
    def local():
        return 1

    token = inside.set("workflow")
    call = step(local)
    inside.reset(token)
    assert call.definition.plain


def test_queue_of_a_plain_function_needs_step():
    with pytest.raises(BadDefinition, match="queue= needs @step"):
        step(send_invoice, "o").options(queue="q")
    assert step(send_invoice, "o").options(timeout=1).recorded.timeout == 1_000


def test_functions_written_in_c_are_steps_too():
    assert step(math.sqrt, 4).args == (4,)
    assert step(max, 4, 5).definition.name == "builtins:max"  # it has no signature to bind to


def test_names_come_from_module_and_qualname_or_are_pinned():
    @step(name="shop:charge", also_known_as="old:charge")
    def pinned():
        return 1

    assert charge.definition.name == f"{__name__}:charge"
    assert DEFAULT.step("shop:charge") is DEFAULT.step("old:charge") is pinned.definition


@pytest.mark.parametrize(
    ("spec", "file", "name"),
    [(None, "/somewhere/shop.py", "shop"), ("shop.flows", "/shop/flows.py", "shop.flows"), (None, None, "__main__")],
)
def test_names_from_a_script_are_those_of_its_module(monkeypatch, spec, file, name):
    main = types.ModuleType("__main__")
    main.__spec__ = spec and types.SimpleNamespace(name=spec)
    if file:
        main.__file__ = file

    def pay():
        return 1

    pay.__module__ = "__main__"
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert step(pay).definition.name == f"{name}:{pay.__qualname__}"


class Shop:
    def sell(self):
        return 1

    @classmethod
    def of(cls):
        return cls()

    @staticmethod
    def tax(cents):
        return cents // 5


@pytest.mark.parametrize("method", [Shop.sell, Shop().sell, Shop.of, vars(Shop)["of"], vars(Shop)["tax"]], ids=range(5))
def test_methods_are_refused(method):
    with pytest.raises(BadDefinition, match="method"):
        step(method)
    with pytest.raises(BadDefinition, match="method"):
        step(retry=1)(method)


def test_function_in_the_namespace_of_a_class_is_no_method():
    assert step(Shop.tax, 5).args == (5,)


@pytest.mark.parametrize("thing", [Shop, 3, "charge", functools.partial(send_invoice, "o"), "".upper], ids=range(5))
def test_what_is_no_function_is_refused(thing):
    with pytest.raises(BadDefinition, match="not a function"):
        step(thing)


def test_generators_are_refused():
    def sync():
        yield 1

    async def unsync():
        yield 1

    for fn in (sync, unsync):
        with pytest.raises(BadDefinition, match="is a generator"):
            step(fn)
        with pytest.raises(BadDefinition, match="is a generator"):
            step(fn, 1)


def test_steps_and_workflows_are_not_made_steps():
    @workflow
    def flow() -> Flow[int]:
        return (yield charge("o"))

    with pytest.raises(BadDefinition, match="a step already"):
        step(charge)
    with pytest.raises(BadDefinition, match="a workflow, not a step"):
        step(flow)


def test_inside_a_step_calls_are_refused_with_what_to_write():
    @workflow
    def flow() -> Flow[int]:
        return (yield charge("o"))

    token = inside.set("step")
    try:
        with pytest.raises(TypeError, match=r"^inside a step call charge\.fn\(\.\.\.\)$"):
            charge("o")
        with pytest.raises(TypeError, match=r"^inside a step call send_invoice\(\.\.\.\)$"):
            step(send_invoice, "o")
        with pytest.raises(TypeError, match=r"flow\.fn\(\.\.\.\)$"):
            flow()
        step(retry=2)(lambda: 1)  # a module that a body imports may define steps
    finally:
        inside.reset(token)
