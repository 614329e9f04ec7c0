"""Several things at once in one run: gather and race."""

from __future__ import annotations

from threading import Event

from tests.features.moments import SOON, failure, until_it_waits
from tests.features.shop import GO, PaymentDeclined, Receipt, add, charge, decline, note
from yieldflow import App, Cancelled, Flow, gather, hook, race, sleep, step, workflow

NEVER = hook("never")
GOING_ON = Event()


@workflow
def gathered() -> Flow[list[object]]:
    def branch(n: int) -> Flow[int]:
        first = yield from add(n, 1)
        return (yield from add(first, 10))

    several = yield from gather(add(1, 2), branch(1), sleep("1ms"), gather(branch(2), branch(3)))
    none = yield gather()
    return [type(several).__name__, *several[:3], list(several[3]), list(none)]


def test_gather_answers_a_tuple_in_order_of_asking(app: App):
    assert app.start(gathered()).result(timeout=SOON) == ["tuple", 3, 12, None, [13, 14], []]


@workflow
def limited() -> Flow[list[object]]:
    inside, most = [0], [0]

    def branch(n: int) -> Flow[int]:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        yield add(n, n)
        yield sleep("1ms")
        inside[0] -= 1
        return n

    answers = yield from gather(*[branch(n) for n in range(7)], limit=2)
    return [list(answers), most[0]]


def test_gather_keeps_to_its_limit(app: App):
    assert app.start(limited()).result(timeout=SOON) == [[0, 1, 2, 3, 4, 5, 6], 2]


@workflow
def fails_in_one_branch() -> Flow[list[object]]:
    told = []

    def waits() -> Flow[None]:
        try:
            yield NEVER
        finally:
            told.append((yield note("cleaned up")))

    def fails() -> Flow[None]:
        yield GO
        yield decline("o", 5)

    try:
        yield gather(waits(), fails(), sleep("1h"))
    except PaymentDeclined as error:
        told.append([*error.args, error.code])
    return told


def test_the_first_failure_is_raised_when_the_others_have_cleaned_up(app: App):
    handle = app.start(fails_in_one_branch())
    until_it_waits(handle, "never")
    handle.send(GO, "on")
    assert handle.result(timeout=SOON) == ["cleaned up", ["o", 5, "too-poor"]]


@workflow
def takes_failures_as_answers() -> Flow[list[str]]:
    answers = yield from gather(decline("o", 5), charge("p", 6), decline("q", 7), return_exceptions=True)
    return [f"{type(answer).__name__} {getattr(answer, 'args', answer)}" for answer in answers]


def test_failures_stand_in_the_tuple_where_that_is_asked(app: App):
    assert app.start(takes_failures_as_answers()).result(timeout=SOON) == [
        "PaymentDeclined ('o', 5)",
        f"Receipt {Receipt('p', 6)}",
        "PaymentDeclined ('q', 7)",
    ]


@workflow
def raced() -> Flow[list[object]]:
    told = []

    def loses() -> Flow[str]:
        try:
            return (yield from hook("never", str))
        except Cancelled:
            told.append((yield note("cleaned up")))
            raise

    match (yield from race(loses(), add(20, 3), sleep("1h"))):
        case (0, text):
            return [text]
        case (1, total):
            return [*told, total]
        case other:
            return [other]


def test_the_losers_of_a_race_have_cleaned_up_when_it_is_answered(app: App):
    assert app.start(raced()).result(timeout=SOON) == ["cleaned up", 23]


@workflow
def a_race_is_lost_by_failing() -> Flow[None]:
    yield race(decline("o", 5), NEVER)


def test_who_fails_first_has_finished_first(app: App):
    error = failure(app.start(a_race_is_lost_by_failing()))
    assert isinstance(error, PaymentDeclined)
    assert error.code == "too-poor"


@workflow
def shares_variables() -> Flow[list[int]]:
    stock = [3]

    def buyer() -> Flow[bool]:
        yield add(1, 1)
        if stock[0] == 0:
            return False
        stock[0] -= 1
        return True

    bought = yield from gather(*[buyer() for _ in range(5)])
    return [sum(bought), stock[0]]


def test_branches_share_variables(app: App):
    assert app.start(shares_variables()).result(timeout=SOON) == [3, 0]


def test_a_late_answer_to_a_loser_changes_nothing(app: App):
    ran = []

    @step
    def slow() -> str:
        began.send("slow", "began")
        ran.append(GOING_ON.wait(SOON))
        return "too late"

    @workflow
    def lost() -> Flow[list[object]]:
        return list((yield from race(slow(), hook("slow"))))

    GOING_ON.clear()
    began = app.start(lost())
    assert began.result(timeout=SOON) == [1, "began"]
    log = began.history()
    GOING_ON.set()
    app.runtime.pool.stop()  # its report is over
    assert ran == [True]
    assert began.history() == log
