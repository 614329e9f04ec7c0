"""Hooks with tokens of one's own, and what whoever delivers is told: on each store."""

from __future__ import annotations

import pytest

from tests.features.moments import SOON, eventually
from tests.features.shop import GO
from yieldflow import (
    App,
    Flow,
    HookTokenTaken,
    RunFailed,
    continue_as_new,
    gather,
    hook,
    open_hook,
    race,
    set_data,
    sleep,
    step,
    uuid4,
    workflow,
)
from yieldflow.core.commands import Respond
from yieldflow.core.events import CommandIssued, CommandResolved, HookReceived
from yieldflow.core.outcome import Err, Ok
from yieldflow.errors import UnknownToken
from yieldflow.histories import import_histories, kept


@workflow
def paid(token: str) -> Flow[list[object]]:
    mine = yield from open_hook("paid", int, token=token)
    yield set_data("link", [mine.token, mine.url])
    return [(yield from mine), (yield from mine.receive())]


@workflow
def patient(token: str) -> Flow[str]:
    """Tries again until it has the token."""
    while True:
        try:
            mine = yield from open_hook("paid", str, token=token)
            return (yield from mine)
        except HookTokenTaken as error:
            yield set_data("refused", str(error))
            yield GO


def taken(app: App, run_id: str) -> str:
    return app.get(run_id).data("refused", str, timeout=SOON)


def test_33_whoever_knows_a_token_answers_and_the_run_may_be_of_any_name(app: App):
    handle = app.start(paid("order 42/ä"))
    assert handle.data("link", timeout=SOON) == ["order 42/ä", None]
    for n in (1, 2):
        app.resume_hook("order 42/ä", n)
    assert handle.result(timeout=SOON) == [1, 2]
    with pytest.raises(UnknownToken):
        app.resume_hook("order 42/ä", 3)


def test_33_the_link_of_a_token_is_one_part_of_a_path(url: str):
    app = App(url, base_url="https://shop.example/")
    with app.worker(threads=1):
        link = app.start(paid("order 42/ä?#")).data("link", timeout=SOON)
    assert link == ["order 42/ä?#", "https://shop.example/hooks/order%2042%2F%C3%A4%3F%23"]
    app.close()


def test_33_the_second_is_told_at_its_line_and_has_it_once_the_first_has_ended(app: App):
    first = app.start(paid("order-42"), run_id="first")
    first.data("link", timeout=SOON)
    second = app.start(patient("order-42"), run_id="second")
    assert "'paid' is in use by another hook" in taken(app, "second")
    assert "order-42" not in taken(app, "second")  # it is a secret
    for n in (1, 2):
        app.resume_hook("order-42", n)
    assert first.result(timeout=SOON) == [1, 2]  # nothing came to the wrong run
    second.send(GO, "on")
    eventually(lambda: app.store.resolve(_hash("order-42")) == ("second", "paid"))
    app.resume_hook("order-42", "mine")
    assert second.result(timeout=SOON) == "mine"


def _hash(token: str) -> str:
    from yieldflow.core.answers import token_hash

    return token_hash(token)


def test_33_of_many_that_want_a_token_at_once_one_has_it(app: App):
    runs = [app.start(patient("one for all"), run_id=f"r{number}") for number in range(6)]

    def losers() -> int:
        return sum(isinstance(event, CommandResolved) and isinstance(event.outcome, Err) for event in _events(runs))

    eventually(lambda: losers() == 5)
    had = [event for event in _events(runs) if isinstance(event, CommandResolved) and isinstance(event.outcome, Ok)]
    assert len(had) == 1
    app.resume_hook("one for all", "won")
    eventually(lambda: sum(run.status() == "completed" for run in runs) == 1)


def _events(runs: list) -> list:
    return [event for run in runs for event in run.history()]


@workflow
def failing(token: str) -> Flow[int]:
    mine = yield from open_hook("paid", int, token=token)
    return (yield from mine)


def test_33_a_run_that_cannot_have_it_fails_there_and_is_retried_there(app: App):
    first = app.start(paid("t"), run_id="first")
    first.data("link", timeout=SOON)
    second = app.start(failing("t"), run_id="second")
    with pytest.raises(RunFailed) as caught:
        second.result(timeout=SOON)
    assert isinstance(caught.value.__cause__, HookTokenTaken)
    first.terminate()
    app.retry("second")
    eventually(lambda: app.store.resolve(_hash("t")) == ("second", "paid"))
    app.resume_hook("t", 7)
    assert app.get("second").result(timeout=SOON) == 7


@workflow
def ends_badly(token: str) -> Flow[None]:
    mine = yield from open_hook("paid", int, token=token)
    yield set_data("link", mine.token)
    yield from mine
    raise ValueError("after the answer")


def test_33_a_retry_wants_its_token_back_and_is_refused_if_another_has_it(app: App):
    first = app.start(ends_badly("t"), run_id="first")
    first.data("link", timeout=SOON)
    app.resume_hook("t", 1)
    with pytest.raises(RunFailed):
        first.result(timeout=SOON)
    other = app.start(paid("t"), run_id="other")
    other.data("link", timeout=SOON)
    with pytest.raises(HookTokenTaken, match="'paid'"):
        app.retry("first")
    assert first.status() == "failed"


def test_33_a_fork_leaves_the_token_to_the_run_it_comes_from(app: App):
    handle = app.start(paid("t"), run_id="first")
    handle.data("link", timeout=SOON)
    app.fork("first", new_run_id="fork")
    (mine,) = app.hooks("fork")
    assert mine.token != "t"
    app.resume_hook(mine.token, 5)
    app.resume_hook("t", 1)
    assert [event.payload for event in app.get("fork").history() if isinstance(event, HookReceived)] == [b"5"]
    assert [event.payload for event in handle.history() if isinstance(event, HookReceived)] == [b"1"]


@workflow
def rounds(left: int) -> Flow[str]:
    mine = yield from open_hook("paid", str, token="the same")
    said = yield from mine
    if left:
        yield from continue_as_new(rounds(left - 1))
    return said


def test_33_a_token_goes_with_the_run_and_not_with_a_generation(app: App):
    handle = app.start(rounds(1), run_id="r")
    eventually(lambda: app.store.resolve(_hash("the same")) is not None)
    app.resume_hook("the same", "one")
    eventually(lambda: app.store.newest("r") == "r~2")
    app.resume_hook("the same", "two")
    assert handle.result(timeout=SOON) == "two"


@workflow
def twins() -> Flow[object]:
    one, two = yield from gather(open_hook("paid", token="t"), open_hook("paid", token="t"))
    return [one == two, one.token]


@workflow
def two_names() -> Flow[object]:
    yield open_hook("one", token="t")
    try:
        yield open_hook("two", token="t")
    except HookTokenTaken as error:
        return error.hook


@workflow
def other_token() -> Flow[object]:
    said = []
    yield open_hook("paid", token="t")
    for again in (open_hook("paid", token="u"), open_hook("paid")):
        try:
            yield again
        except ValueError as error:
            said.append(str(error))
    return said


def test_31_a_hook_is_opened_twice_under_one_token_and_never_under_two(app: App):
    assert app.start(twins()).result(timeout=SOON) == [True, "t"]
    assert app.start(two_names()).result(timeout=SOON) == "two"
    assert (
        app.start(other_token()).result(timeout=SOON)
        == ["hook 'paid' was opened with another token, and has that one to its end"] * 2
    )


@workflow
def given_up(token: str) -> Flow[object]:
    index, _ = yield from race(sleep("0s"), open_hook("paid", token=token))
    return index


def test_33_a_wait_for_a_token_that_is_let_go_leaves_nothing(app: App):
    assert app.start(given_up("t"), run_id="r").result(timeout=SOON) in (0, 1)
    assert app.start(paid("t")).data("link", timeout=SOON) == ["t", None]


# --- responses --------------------------------------------------------------------------------------------------------


@workflow
def calculator() -> Flow[int]:
    asked = yield from open_hook("double", int, respond_within="10s")
    served = 0
    while (number := (yield from asked)) >= 0:
        yield asked.respond({"doubled": 2 * number})
        served += 1
    return served


def test_a_response_names_the_payload_that_it_answers(app: App):
    handle = app.start(calculator())
    sent = [handle.send("double", number) for number in (1, 2, 3)]
    handle.send("double", -1)
    assert handle.result(timeout=SOON) == 3
    said = [event.command for event in handle.history() if isinstance(event, CommandIssued)]
    assert [(one.position, one.value) for one in said if isinstance(one, Respond)] == [
        (position, b'{"doubled":%d}' % (2 * number)) for number, position in enumerate(sent, 1)
    ]


@workflow
def talkative() -> Flow[list[str]]:
    said = []
    asked = yield from open_hook("asked")
    for _ in range(2):
        try:
            yield asked.respond("too early")
        except ValueError as error:
            said.append(str(error))
        yield asked
        yield asked.respond("once")
    try:
        yield asked.respond("twice")
    except ValueError as error:
        said.append(str(error))
    return said


def test_who_has_received_nothing_has_nobody_to_answer(app: App):
    handle = app.start(talkative())
    for _ in range(2):
        handle.send("asked", 1)
    assert handle.result(timeout=SOON) == ["hook 'asked' has received nothing that still wants a response"] * 3


# --- over generations, forks and retries ------------------------------------------------------------------------------


SWITCH = {"fails": True}


@step(retry=1)
def breaks() -> int:
    if SWITCH["fails"]:
        raise ValueError("it fails")
    return 1


@workflow
def opens_then_goes_on(generation: int) -> Flow[object]:
    if generation == 1:
        mine = yield from open_hook("x", str, token="order-42")
        yield from mine
        yield from continue_as_new(opens_then_goes_on(2))
    yield breaks()
    return (yield hook("x"))


def test_33_a_retry_wants_back_what_an_earlier_generation_has_reserved(app: App):
    SWITCH["fails"] = True
    handle = app.start(opens_then_goes_on(1), run_id="r")
    eventually(lambda: app.store.resolve(_hash("order-42")) is not None)
    app.resume_hook("order-42", "on")
    with pytest.raises(RunFailed):
        handle.result(timeout=SOON)
    assert app.store.resolve(_hash("order-42")) is None
    SWITCH["fails"] = False
    app.retry("r")
    app.resume_hook("order-42", "done")
    assert app.get("r").result(timeout=SOON) == "done"


@step
def cleans(number: int) -> int:
    return number


@workflow
def clean_up_then_id() -> Flow[list[str]]:
    try:
        yield breaks()
    except ValueError:
        for number in range(3):
            yield cleans(number)
        raise
    mine = yield from open_hook("x", token="T-1")
    return [mine.token, str((yield uuid4()))]


def test_11_the_retry_of_a_fork_has_numbers_of_its_own_though_its_cut_lies_before_the_forks(app: App):
    SWITCH["fails"] = True
    for run_id in ("r", "f"):
        handle = app.start(clean_up_then_id(), run_id="r") if run_id == "r" else app.fork("r", new_run_id="f")
        with pytest.raises(RunFailed):
            handle.result(timeout=SOON)
    SWITCH["fails"] = False
    told = []
    for run_id in ("r", "f"):
        app.retry(run_id)
        told.append(app.get(run_id).result(timeout=SOON))
    (one, first), (other, second) = told
    assert (one, other) == ("T-1", "T-1")  # the first had ended
    assert first != second


@workflow
def opens_twice() -> Flow[list[str]]:
    one = yield from open_hook("x", token="T")
    yield GO
    two = yield from open_hook("x", token="T")
    return [one.token, two.token]


def test_31_a_hook_of_a_fork_that_is_opened_again_is_the_one_it_has(app: App):
    app.start(opens_twice(), run_id="r")
    eventually(lambda: app.store.resolve(_hash("T")) is not None)
    fork = app.fork("r", new_run_id="f")
    fork.send(GO, "on")
    one, two = fork.result(timeout=SOON)
    assert one == two != "T"
    assert app.store.resolve(_hash("T")) == ("r", "x")


@workflow
def lets_one_go() -> Flow[str]:
    yield open_hook("x", token="T")
    yield race(set_data("k", 1), open_hook("x", token="T"))
    try:
        yield open_hook("x", token="U")
    except ValueError as error:
        return str(error)
    return "two tokens"


def test_31_a_second_opening_that_is_let_go_frees_nothing(app: App):
    assert "was opened with another token" in app.start(lets_one_go()).result(timeout=SOON)


def test_33_no_token_of_ones_own_looks_like_one_that_is_made_here():
    with pytest.raises(ValueError, match="must not look like those that are made here"):
        open_hook("x", token="A" * 43)
    open_hook("x", token="A" * 44)


def test_33_runs_that_want_one_token_are_not_imported_together(idle: App, tmp_path):
    events = []
    with idle.worker(threads=2):
        for run_id in ("a", "b"):
            idle.start(paid("T"), run_id=run_id)
            idle.get(run_id).data("link", timeout=SOON)
            events.append(kept(idle.store, run_id))
            idle.terminate(run_id)
    there = App(f"sqlite:///{tmp_path}/there.db")
    with pytest.raises(HookTokenTaken):
        import_histories(there, events)
    assert there.runs().runs == ()
    there.close()
