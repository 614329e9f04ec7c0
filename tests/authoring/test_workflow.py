import pytest

from yieldflow import BadDefinition, Flow, Workflow, WorkflowCall, sleep, step, workflow
from yieldflow.authoring.registry import DEFAULT


@workflow
def nap(seconds: float, times: int = 1) -> Flow[int]:
    yield sleep(seconds)
    return times


def test_call_is_a_value_and_runs_nothing():
    assert isinstance(nap, Workflow)
    assert isinstance(nap(1), WorkflowCall)
    assert nap(1, 2) == nap(1, times=2) != nap(1)
    assert repr(nap(1, times=2)) == "nap(1, 2)"


def test_fn_is_the_generator_function():
    program = nap.fn(3)
    assert next(program) == sleep(3)
    with pytest.raises(StopIteration) as ended:
        program.send(None)
    assert ended.value.value == 1


def test_an_argument_may_be_called_self():
    @workflow
    def told(**given: int) -> Flow[int]:
        yield sleep(1)
        return given["self"]

    @step
    def tell(**given: int) -> int:
        return given["self"]

    assert dict(told(self=1).kwargs) == dict(tell(self=1).kwargs) == {"self": 1}


def test_arguments_that_do_not_fit_are_refused_at_the_call():
    with pytest.raises(TypeError, match=r"^nap\(\): missing"):
        nap()


def test_options_of_a_workflow():
    @workflow(name="shop:checkout", version="7", also_known_as=("old:checkout", "older:checkout"))
    def checkout() -> Flow[None]:
        yield sleep(1)

    assert checkout.definition.version == "7"
    for name in ("shop:checkout", "old:checkout", "older:checkout"):
        assert DEFAULT.workflow(name) is checkout.definition
    assert DEFAULT.workflow(f"{__name__}:nap") is nap.definition


def test_function_without_a_yield_is_told_to_yield():
    with pytest.raises(BadDefinition, match="a workflow must yield"):

        @workflow
        def silent():
            return 1


def test_async_functions_are_refused():
    async def coroutine():
        return 1

    async def generator():
        yield 1

    for fn in (coroutine, generator):
        with pytest.raises(BadDefinition, match="is async"):
            workflow(fn)


class Shop:
    def sell(self):
        yield sleep(1)


@pytest.mark.parametrize("method", [Shop.sell, Shop().sell, staticmethod(Shop.sell)], ids=range(3))
def test_methods_are_refused(method):
    with pytest.raises(BadDefinition, match="method"):
        workflow(method)


def test_what_is_a_step_or_a_workflow_already_is_refused():
    for defined in (nap, step(lambda: 1)):
        with pytest.raises(BadDefinition, match="already"):
            workflow(defined)


def test_what_its_source_shows_to_be_a_mistake_is_refused_with_the_line():
    with pytest.raises(
        BadDefinition, match=r"test_workflow\.py:\d+: sleep\(\.\.\.\) is never yielded: write `yield sl"
    ):

        @workflow
        def forgetful() -> Flow[None]:
            sleep(1)
            yield sleep(1)


def test_a_refused_workflow_is_not_registered():
    def forgetful() -> Flow[None]:
        sleep(1)
        yield sleep(1)

    with pytest.raises(BadDefinition):
        workflow(name="shop:refused")(forgetful)
    assert DEFAULT.workflow("shop:refused") is None
