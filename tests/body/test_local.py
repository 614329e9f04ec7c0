"""`ExecuteLocal`: a body without a claim."""

import time

import pytest

from yieldflow import App, current_step, step
from yieldflow.body import Bodies
from yieldflow.core.commands import CallStep
from yieldflow.core.values import Arguments
from yieldflow.engine.requests import ExecuteLocal, Returned, Threw


def carried_out(app: App, body):
    runtime = app.runtime
    bodies = Bodies(runtime.heart, runtime.watch, app.codec, runtime.clock.now, runtime.pool.replace)
    arguments = app.codec.encode_arguments(Arguments(), body.definition.parameters)
    call = CallStep(body.definition.name, arguments, body.recorded)
    return bodies.execute(ExecuteLocal("run~2", (3,), call, body.definition, {"shop": "1"}, "run"))


def test_a_local_body_knows_its_call_and_holds_nothing(app: App):
    @step(retry=1)
    def looks() -> str:
        me = current_step()
        me.heartbeat("heard by nobody")
        assert (me.run_id, me.path, me.attempt, me.deadline, me.last_heartbeat) == ("run~2", "3", 1, None, None)
        assert me.tags == {"shop": "1"}
        assert not me.cancelled
        assert app.runtime.heart._held == {}
        return me.idempotency_key

    body = carried_out(app, looks)
    assert isinstance(body, Returned)
    assert body.value == b'"run/3"'


def test_a_local_body_is_bounded_by_its_own_timeout_and_outlasts_a_stop(app: App):
    @step(retry=1, timeout="200ms")
    def sleeps() -> None:
        app.runtime.watch.stop_all()
        time.sleep(10)

    begun = time.monotonic()
    body = carried_out(app, sleeps)
    assert 0.05 < time.monotonic() - begun < 2
    assert isinstance(body, Threw)
    assert body.failure.message.endswith("sleeps took longer than its timeout on attempt 1")


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(2)])
def test_what_a_local_body_raises_is_its_outcome(app: App, error: BaseException):
    @step(retry=1)
    def raises() -> None:
        raise error

    body = carried_out(app, raises)
    assert isinstance(body, Threw)
    assert body.failure.names[0] == f"builtins:{type(error).__name__}"
