"""Rulings 7, 8, 9, 34: ends are counted from the log, only what is committed counts, due timers have an order."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.core.harness import Life, begun
from tests.rulings.steps import Declined, a_charge
from yieldflow import gather, hook, now, race, sleep
from yieldflow.core.agenda import due, wakes_at
from yieldflow.core.events import CommandIssued, RunPaused, RunResumed
from yieldflow.core.outcome import Expired, Ok
from yieldflow.core.times import moment


def naps():
    yield gather(sleep("10s"), sleep("5s"), hook("h", timeout="5s", default=None), sleep("1h"))
    return (yield now())


def test_7_decisions_that_are_not_in_the_log_wake_nobody():
    life = Life(naps).start()
    assert len(life.execution.decide()) == 4
    assert wakes_at(life.run, life.now) is None
    assert due(life.run, life.now + 10**9) == ()
    life.commit()
    assert wakes_at(life.run, life.now) == life.now + 5_000


def test_8_a_command_keeps_what_was_asked_so_that_two_deciders_write_the_same():
    one, two = Life(naps, now=1_000).start(), Life(naps, now=1_000).start()
    two.now = 9_000
    assert one.execution.decide() == two.execution.decide()
    two.commit()
    assert one.replay(two.log).decide() == ()  # who decided at another moment raises no alarm
    assert wakes_at(two.run, 9_000) == 14_000


def test_9_time_does_not_run_backwards():
    seen = []

    def program():
        for _ in range(3):
            yield sleep("1s")
            seen.append((yield now()))

    life = begun(program)
    for at in (5_000_000, 4_000_000, 6_000_000):  # the clock of the second reporter was behind
        life.commit()
        life.now = at
        path = f"{len(seen) + 1}"
        life.append(*(event for event in [resolved(life, path, at)]))
    assert seen == [moment(5_000_000), moment(5_000_000), moment(6_000_000)]


def resolved(life, path, at):
    (event,) = due(life.run, 10**9)
    assert ".".join(map(str, event.path)) == path
    return type(event)(at, event.path, event.outcome)


def test_9_decisions_do_not_move_the_time():
    def program():
        yield sleep("1s")
        yield sleep("1s")
        return (yield now())

    life = begun(program)
    life.now += 1_000
    life.append(*due(life.run, life.now))
    fact = life.now
    life.now += 7_000
    life.commit()
    assert life.run.time == fact


def test_34_due_timers_come_in_the_order_of_their_ends_then_of_their_paths():
    def program():
        yield gather(*[sleep("5s")] * 9, hook("h", timeout="5s", default=None), sleep("1s"))

    life = begun(program)
    facts = due(life.run, life.now + 5_000)
    assert [fact.path for fact in facts] == [(1, 11), *((1, number) for number in range(1, 11))]  # 2 before 10
    assert [type(fact.outcome) for fact in facts] == [Ok] * 10 + [Expired]
    assert {fact.at for fact in facts} == {life.now + 5_000}
    assert due(life.run, life.now + 5_000) == facts  # looking takes nothing away


def test_34_log_order_decides_a_report_beats_a_sleep_that_nobody_has_rung():
    def program():
        return (yield race(a_charge(), sleep("30s")))

    life = begun(program)
    life.now += 45_000
    life.answer("1.1", 5)
    life.commit()
    assert life.result == (0, 5)


def test_a_payload_that_came_first_is_the_answer_though_the_time_is_over():
    def program():
        return (yield hook("h", timeout="5s", default="nothing"))

    life = begun(program)
    life.send("h", "something")
    life.now += 60_000
    life.ring()
    life.commit()
    assert life.result == "something"


def test_a_closed_wait_wakes_nobody_and_a_retry_that_may_begin_is_no_longer_the_clocks():
    def program():
        yield race(a_charge(), sleep("30s"))
        yield a_charge("again")

    life = begun(program)
    life.try_in_vain("1.1", Declined("no"), delay=4_000)
    assert wakes_at(life.run, life.now) == life.now + 4_000
    assert wakes_at(life.run, life.now, closing={(1, 1)}) == life.now + 30_000
    assert wakes_at(life.run, life.now) == life.now + 4_000
    assert wakes_at(life.run, life.now + 4_000) == life.now + 30_000
    assert due(life.run, life.now + 4_000) == ()
    life.answer("1.1", 5)
    life.commit()
    assert wakes_at(life.run, life.now) is None


def test_a_paused_and_an_ended_run_are_owed_nothing_by_the_clock():
    life = begun(naps)
    life.append(RunPaused(life.now))
    assert wakes_at(life.run, life.now) is None
    assert due(life.run, life.now + 10**9) == ()
    assert life.execution.decide() == ()
    life.append(RunResumed(life.now))
    assert wakes_at(life.run, life.now) == life.now + 5_000
    life.cancel()
    life.commit()
    assert wakes_at(life.run, life.now) is None
    assert due(life.run, life.now + 10**9) == ()


@pytest.mark.parametrize("when", ["1h30m", 5_400, timedelta(minutes=90), datetime.fromtimestamp(6_400, UTC)])
def test_a_sleep_ends_at_its_instant_however_it_was_said(when):
    def program():
        yield sleep(when)

    life = begun(program)
    (issued,) = [event for event in life.log if isinstance(event, CommandIssued)]
    assert issued.at == 1_000_000
    assert wakes_at(life.run, 0) == 6_400_000
