"""`simulate`: virtual time, fakes, and what a test may look at and do."""

from datetime import UTC, datetime, timedelta

import pytest

from yieldflow import (
    Cancelled,
    Flow,
    Retry,
    RunCancelled,
    continue_as_new,
    current_step,
    detach,
    gather,
    hook,
    now,
    send,
    set_data,
    sleep,
    step,
    workflow,
)
from yieldflow.errors import BadPayload, NonDeterminism, StepTimeout, UsageError
from yieldflow.testing import StillWaiting, outcomes, real, simulate, takes


@step(retry=Retry(attempts=3, delay="10s", jitter=0))
def charge(order: str, cents: int) -> str:
    return f"charged {cents} for {order}, attempt {current_step().attempt}"


@step(timeout="5s", retry=Retry(attempts=1))
def ship(order: str) -> str:
    return f"shipped {order}"


@step(local=True)
def price(order: str) -> int:
    return len(order)


@workflow
def order(name: str) -> Flow[str]:
    receipt = yield charge(name, 5)
    approved = yield hook("approval", bool, timeout="3d", default=False)
    yield set_data("approved", approved)
    return f"{receipt}; approved {approved}"


@workflow
def month(name: str) -> Flow[str]:
    yield sleep("30d")
    return (yield ship(name))


@workflow
def forever() -> Flow[int]:
    return (yield hook("never", int))


@workflow
def leaf(number: int) -> Flow[int]:
    yield sleep("1d")
    return number * 2


@workflow
def family() -> Flow[int]:
    one, two = yield gather(leaf(1), leaf(2))
    return one + two


def test_thirty_days_pass_at_once():
    sim = simulate(month("a"), steps={ship: lambda name: f"sent {name}"})
    assert sim.result == "sent a"
    assert sim.elapsed == sim.slept == timedelta(days=30)
    assert sim.now == datetime(2026, 1, 31, tzinfo=UTC)


def test_it_starts_when_it_is_told_to():
    @workflow
    def says() -> Flow[str]:
        return (yield now()).isoformat()

    assert simulate(says(), at=datetime(2030, 5, 1, 12, tzinfo=UTC)).result == "2030-05-01T12:00:00+00:00"


def test_nothing_happens_until_it_is_asked_for():
    sim = simulate(order("a"), steps={charge: outcomes("paid")})
    assert sim.status == "running"
    assert sim.calls(charge) == []
    assert sim.waiting[0].startswith("charge('a', 5), asked at ")


def test_outcomes_are_taken_in_their_order_and_the_last_one_stays():
    sim = simulate(order("a"), steps={charge: outcomes(ConnectionError("busy"), KeyError, "paid")})
    assert sim.result == "paid; approved False"
    assert [call.attempt for call in sim.calls(charge)] == [1, 2, 3]
    assert [call.state for call in sim.calls(charge)] == ["raised", "raised", "answered"]
    assert sim.elapsed == timedelta(days=3, seconds=10 + 20)


def test_a_step_that_fails_for_good_raises_what_its_fake_raised():
    sim = simulate(order("a"), steps={charge: outcomes(ConnectionError("busy"))})
    with pytest.raises(ConnectionError, match="busy"):
        _ = sim.result
    assert sim.status == "failed"
    assert isinstance(sim.error, ConnectionError)


def test_what_takes_longer_than_its_timeout_is_out_of_time():
    sim = simulate(month("a"), steps={ship: takes("6s", "sent")})
    with pytest.raises(StepTimeout):
        _ = sim.result
    assert sim.elapsed == timedelta(days=30, seconds=5)
    assert [call.state for call in sim.calls(ship)] == ["timed out"]
    assert simulate(month("a"), steps={ship: takes("5s", "sent")}).result == "sent"


def test_a_fake_knows_its_call_as_a_body_does():
    sim = simulate(order("a"), steps={charge: lambda name, cents: current_step().idempotency_key}, run_id="run-7")
    assert sim.result == "run-7/1; approved False"


def test_real_steps_are_called():
    assert simulate(month("a"), steps=real).result == "shipped a"
    assert simulate(month("a"), steps={ship: real}).result == "shipped a"


def test_a_local_step_has_a_fake_too():
    @workflow
    def asks() -> Flow[int]:
        return (yield price("four"))

    assert simulate(asks(), steps={price: outcomes(7)}).result == 7
    assert simulate(asks(), steps=real).result == 4


def test_a_step_without_a_fake_is_named():
    with pytest.raises(AssertionError, match=r"step .*:charge has no fake: give steps={charge: ...}, or steps=real"):
        simulate(order("a"), steps={ship: real}).run()


@pytest.mark.parametrize(
    ("steps", "said"), [({charge: "paid"}, "the fake of .*:charge is 'paid'"), ({7: real}, "no step")]
)
def test_what_is_no_fake_is_refused(steps, said):
    with pytest.raises(UsageError, match=said):
        simulate(order("a"), steps=steps)


def test_what_only_the_outside_can_help_names_hook_and_line():
    with pytest.raises(
        StillWaiting, match=r"(?s)forever\(\) waits .* hook\('never'\), asked at .*test_simulate.py:\d+"
    ):
        _ = simulate(forever()).result


def test_a_payload_is_checked_and_counts_once():
    sim = simulate(order("a"), steps={charge: outcomes("paid")})
    with pytest.raises(BadPayload):
        sim.send(hook("approval", bool), "yes")
    sim.send("approval", True, key="mail").send("approval", False, key="mail")
    assert sim.result == "paid; approved True"


def test_time_passes_as_far_as_it_is_told():
    sim = simulate(order("a"), steps={charge: takes("1h", "paid")})
    assert sim.advance("59m").calls(charge) == []
    assert len(sim.advance("1m").calls(charge)) == 1
    assert sim.elapsed == timedelta(hours=1)
    assert "hook('approval'" in sim.waiting[0]
    assert sim.send("approval", True).result == "paid; approved True"
    assert dict(sim.data) == {"approved": True}


def test_a_crash_changes_nothing():
    sim = simulate(order("a"), steps={charge: outcomes("paid")}).crash().advance("1d")
    assert sim.crash().result == "paid; approved False"


def test_a_crash_finds_what_a_replay_does_otherwise():
    calls: list[int] = []

    def grows() -> int:
        calls.append(1)
        return len(calls)

    @workflow
    def remembers() -> Flow[str]:
        return (yield charge("a", grows()))

    with pytest.raises(NonDeterminism):
        simulate(remembers(), steps={charge: outcomes("paid")}).crash()


def test_a_cancelled_run_raises_and_cleans_up():
    @workflow
    def careful() -> Flow[None]:
        try:
            yield sleep("1d")
        except Cancelled:
            yield ship("back")
            raise

    sim = simulate(careful(), steps={ship: outcomes("sent")}).cancel("enough")
    with pytest.raises(RunCancelled, match="enough"):
        _ = sim.result
    assert [call.args for call in sim.calls(ship)] == [("back",)]
    assert sim.status == "cancelled"


def test_a_second_cancellation_counts_only_if_it_says_so():
    @workflow
    def careful() -> Flow[None]:
        try:
            yield sleep("1d")
        finally:
            yield ship("back")

    for again, sent in ((False, 1), (True, 0)):
        sim = simulate(careful(), steps={ship: takes("2s", "sent")}).cancel().advance("1s").cancel(again=again).run()
        assert (sim.status, len(sim.calls(ship))) == ("cancelled", sent)


def test_children_are_played_too():
    sim = simulate(family())
    assert sim.advance("1h").children == {"simulation~1.1.1": "running", "simulation~1.1.2": "running"}
    assert sim.result == 6
    assert set(sim.children.values()) == {"completed"}


def test_a_child_that_nobody_wants_is_cancelled():
    sim = simulate(family()).advance("1h").cancel().run()
    assert set(sim.children.values()) == {"cancelled"}
    assert sim.status == "cancelled"


def test_a_payload_reaches_another_run():
    @workflow
    def tells() -> Flow[int]:
        child = yield detach(forever())
        yield send(child, "never", 5)
        return 1

    sim = simulate(tells())
    assert sim.result == 1
    assert set(sim.run().children.values()) == {"completed"}


def test_a_payload_to_nobody_fails():
    @workflow
    def tells() -> Flow[int]:
        yield send("nobody", "never", 5)
        return 1

    with pytest.raises(Exception, match="nobody"):
        _ = simulate(tells()).result


def test_it_goes_on_as_new():
    @workflow
    def counts(left: int) -> Flow[str]:
        yield sleep("1d")
        if left:
            yield continue_as_new(counts(left - 1))
        return "done"

    sim = simulate(counts(3))
    assert sim.result == "done"
    assert sim.elapsed == timedelta(days=4)
