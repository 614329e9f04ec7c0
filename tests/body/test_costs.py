"""What surrounds a body costs so many calls, and no more: counted, for time is not asserted."""

import sys
from collections.abc import Callable

from yieldflow import App, Flow, step, workflow
from yieldflow.body import Bodies
from yieldflow.engine.requests import Execute, Returned

MOST = 50  # calls of functions, Python's and others; 41 when this was written


@step(retry=1)
def nothing(number: int) -> int:
    return number


@workflow
def once() -> Flow[int]:
    return (yield nothing(7))


def calls(counted: Callable[[], object]) -> int:
    count, before = 0, sys.getprofile()

    def profile(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        counted()
    finally:
        sys.setprofile(before)
    return count


def test_a_body_that_does_nothing_costs_few_calls_beside_those_of_the_codec(app: App, monkeypatch):
    requests = []

    def noting(self: Bodies, request: Execute):
        requests.append(request)
        return execute(self, request)

    execute = Bodies.execute
    monkeypatch.setattr(Bodies, "execute", noting)
    app.run(once())
    (request,) = requests
    bodies = app.runtime._bodies()

    def plain() -> bytes:
        arguments = app.codec.decode_arguments(request.call.arguments, request.step.parameters)
        return app.codec.encode(request.step.fn(*arguments.args, **arguments.kwargs), request.step.returns)

    answers = []
    both = min(calls(lambda: answers.append(execute(bodies, request))) for _ in range(5))  # some wake who renews
    assert [answer.value for answer in answers if isinstance(answer, Returned)] == [plain()] * 5
    assert both - calls(plain) <= MOST
    bodies.close()
