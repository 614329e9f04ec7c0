"""Ruling 39: whose retry policy, what is tried again, and when."""

import pytest
from attrs import evolve

from tests.core.harness import CODEC, begun
from tests.rulings.steps import Declined, charge
from yieldflow import FatalError, Retry, RetryableError, StepTimeout, step
from yieldflow.core.commands import CallStep
from yieldflow.core.failures import from_exception
from yieldflow.core.retry import next_try, spread
from yieldflow.core.times import After, At

EXACT = Retry(attempts=None, jitter=0.0)


class Unpaid(Declined):
    pass


def delay(retry, error, tries=1, wait=None, between=0.5):
    at = next_try(retry, from_exception(error, CODEC), tries, wait, between, 10_000)
    return None if at is None else at - 10_000


@pytest.mark.parametrize(
    ("retry", "error", "again"),
    [
        (EXACT, Declined(), True),
        (EXACT, FatalError(), False),
        (EXACT, SystemExit(), False),
        (evolve(EXACT, retry_on=(Declined,)), Unpaid(), True),
        (evolve(EXACT, retry_on=(Unpaid,)), Declined(), False),
        (evolve(EXACT, retry_on="tests.rulings.test_retry:Unpaid"), Unpaid(), True),
        (evolve(EXACT, retry_on=ValueError), Declined(), False),
        (evolve(EXACT, retry_on=()), StepTimeout("slow"), True),
        (evolve(EXACT, retry_on=()), RetryableError("not yet"), True),
        (evolve(EXACT, give_up_on=Declined), Unpaid(), False),
        (evolve(EXACT, give_up_on=Unpaid), Declined(), True),
        (evolve(EXACT, give_up_on=StepTimeout), StepTimeout("slow"), False),
    ],
)
def test_39_a_policy_matches_the_names_of_what_was_raised(retry, error, again):
    assert (delay(retry, error) is not None) is again


def test_39_attempts_are_counted_in_total():
    assert [delay(Retry(), Declined(), tries) is None for tries in (1, 2, 3, 4)] == [False, False, True, True]
    assert delay(Retry(attempts=1), Declined(), 1) is None
    assert delay(EXACT, Declined(), 10**6) is not None


def test_39_the_delay_grows_up_to_its_limit():
    retry = evolve(EXACT, delay="2s", factor=3.0, max_delay="30s")
    assert [delay(retry, Declined(), tries) for tries in (1, 2, 3, 4, 500)] == [2_000, 6_000, 18_000, 30_000, 30_000]


def test_39_the_jitter_spreads_both_ways():
    retry = evolve(EXACT, delay="10s", jitter=0.1)
    assert [delay(retry, Declined(), between=between) for between in (0.0, 0.5, 0.999)] == [9_000, 10_000, 10_998]


def test_39_the_jitter_is_the_same_for_every_worker_and_another_for_every_attempt():
    assert spread("run", (1,), 1) == spread("run", (1,), 1)
    given = [spread("run", (1,), 1), spread("run", (1,), 2), spread("run", (2,), 1), spread("nur", (1,), 1)]
    assert len(set(given)) == 4
    assert all(0 <= one < 1 for one in given)


def test_39_a_retryable_error_sets_the_delay_but_not_the_count():
    error = RetryableError("not yet", retry_after="30s")
    assert delay(EXACT, error, wait=After(30_000)) == 30_000
    assert delay(EXACT, error, wait=At(15_000)) == 5_000
    assert delay(EXACT, error, wait=At(5_000)) == 0
    assert delay(Retry(attempts=1), error, wait=After(30_000)) is None


def test_39_limits_are_recorded_at_issue_and_a_policy_only_if_it_is_the_calls_own():
    own = Retry(attempts=7, lost=2, retry_on=Declined)
    io = step(retry=5, queue="io")(charged_elsewhere)

    def program():
        yield io("o")
        yield io.options(retry=own, timeout="1m")("o")

    life = begun(program)
    life.answer("1", 1)
    life.commit()
    first, second = [event.command for event in life.log if isinstance(getattr(event, "command", None), CallStep)]
    assert (first.options.attempts, first.options.lost, first.options.queue) == (5, 5, "io")
    assert first.options.retry is None
    assert (second.options.attempts, second.options.lost, second.options.timeout) == (7, 2, 60_000)
    assert second.options.retry == own
    assert own.retry_on == ("tests.rulings.steps:Declined",)


def charged_elsewhere(order: str) -> int: ...


def test_39_options_never_block_a_run():
    def recorded():
        yield step(charge)("o")

    def changed():
        yield step(charge).options(retry=9, timeout="1m", lease="1m", label="another")("o")

    assert begun(recorded).replay(fn=changed).decide() == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"attempts": True},
        {"attempts": 1.5},
        {"delay": "soon"},
        {"factor": 0.5},
        {"jitter": 2.0},
        {"jitter": -0.1},
        {"lost": 0},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError):
        Retry(**wrong)


def test_a_policy_survives_evolve():
    retry = Retry(delay="1s", max_delay="5m", retry_on=(Declined, "shop:Gone"))
    assert evolve(retry, attempts=9) == Retry(attempts=9, delay="1s", max_delay="5m", retry_on=(Declined, "shop:Gone"))
