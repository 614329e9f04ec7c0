"""Rulings 31 and 33 in the core: a token of one's own is waited for, and a response answers what came last."""

import pytest
from attrs import evolve

from tests.core.harness import begun
from yieldflow import HookTokenTaken, gather, hook, open_hook, race, sleep
from yieldflow.core.answers import token_hash
from yieldflow.core.commands import OpenHook, Respond
from yieldflow.core.events import CommandIssued, ForkOf, HookReceived, Issue
from yieldflow.core.path import Path
from yieldflow.core.questions import hook_hashes, hook_token
from yieldflow.core.run import fold
from yieldflow.errors import NonDeterminism


def one(token="order 42"):
    mine = yield open_hook("paid", int, token=token)
    return mine.token, mine.url, (yield mine)


def tokens(life) -> dict[Path, OpenHook]:
    return {
        event.path: event.command
        for event in life.log
        if isinstance(event, CommandIssued) and isinstance(event.command, OpenHook)
    }


def test_33_it_is_asked_first_and_had_when_it_is_there():
    life = begun(one, base_url="https://shop.example/")
    assert tokens(life) == {(1,): OpenHook("paid", "order 42")}
    assert (hook_hashes(life.run), life.run.work, list(life.run.local)) == ({}, 0, [(1,)])
    life.answer("1")
    assert list(hook_hashes(life.run).values()) == ["paid"]
    assert hook_token(life.run, "paid") == "order 42"
    life.send("paid", 5)
    life.commit()
    assert life.result == ("order 42", "https://shop.example/hooks/order%2042", 5)


def again(name="paid"):
    try:
        yield open_hook(name, token="t")
    except HookTokenTaken as error:
        said = type(error.__cause__).__name__, str(error.__cause__)
        mine = yield open_hook(name, token="another")
        return said, mine.token


def test_33_whoever_is_refused_may_try_another_one():
    life = begun(again)
    life.fail("1", HookTokenTaken("paid"))
    life.commit()
    assert life.run.hooks == {}
    life.answer("2")
    life.commit()
    (kind, said), token = life.result
    assert (kind, token) == ("StepFailed", "another")
    assert "open_hook('paid')" in said
    assert "'t'" not in said  # it is a secret


def test_33_a_wait_for_a_token_is_let_go_like_any_other():
    def program():
        first = yield race(sleep("1s"), open_hook("paid", token="t"))
        other = yield open_hook("paid", token="u")
        return first, other.token

    life = begun(program)
    life.ring()
    life.commit()
    (path,) = life.open()
    life.answer(path)
    life.commit()
    assert life.result == ((0, None), "u")


@pytest.mark.parametrize("second", [open_hook("paid", int, token="u"), open_hook("paid", int)])
def test_31_another_token_is_a_mistake_at_that_line(second):
    def program():
        mine = yield open_hook("paid", int, token="t")
        try:
            yield second
        except ValueError as error:
            return mine.token, str(error)

    life = begun(program)
    life.answer("1")
    life.commit()
    assert life.result == ("t", "hook 'paid' was opened with another token, and has that one to its end")


def test_31_a_hook_that_was_waited_for_has_the_derived_token():
    def program():
        try:
            yield gather(hook("paid"), open_hook("paid", token="t"))
        except ValueError as error:
            return str(error)

    assert begun(program).result.startswith("hook 'paid' was opened with another token")


def test_33_code_that_asks_for_another_token_is_another_program():
    life = begun(one)
    life.answer("1")
    with pytest.raises(NonDeterminism, match=r"open_hook\('paid', token=…\)"):
        life.replay(fn=lambda: one("order 43"))


@pytest.mark.parametrize(("position", "own"), [(3, False), (2, False), (1, True)])
def test_33_what_was_asked_for_before_the_cut_of_a_fork_is_not_the_forks(position, own):
    life = begun(one)
    life.answer("1")
    started, *rest = life.log
    cause = ForkOf("run", position, started.seed)
    run = fold([evolve(started, run_id="fork", seed=bytes(16), cause=cause), *rest])
    assert (hook_token(run, "paid") == "order 42") is own
    assert list(run.hooks) == ["paid"]


def twice():
    one = yield open_hook("paid", int, token="t")
    two = yield open_hook("paid", int, token="t")
    return one.token, two.token


def test_31_a_hook_of_a_fork_that_is_opened_again_keeps_the_link_it_has():
    life = begun(twice)
    for path in ("1", "2"):
        life.answer(path)
        life.commit()
    started, *rest = life.log
    cause = ForkOf("run", 2, started.seed)
    run = fold([evolve(started, run_id="fork", seed=bytes(16), cause=cause), *rest])
    assert run.left == {"paid"}
    assert hook_token(run, "paid") != "t"
    assert life.result == ("t", "t")


def tried_twice():
    ends = yield gather(*[open_hook("paid", token="t")] * 2, return_exceptions=True)
    try:
        yield open_hook("paid", token="u")
    except ValueError:
        return [type(end).__name__ for end in ends]


def test_31_an_opening_that_fails_frees_nothing_that_another_has():
    life = begun(tried_twice)
    first, second = life.open()
    life.fail(first, HookTokenTaken("paid"))
    life.answer(second)
    life.commit()
    assert life.result == ["HookTokenTaken", "Hook"]


def test_33_what_an_earlier_generation_has_reserved_is_known_from_the_start():
    def program():
        mine = yield open_hook("paid", int)
        return mine.token

    life = begun(program, tokens={"paid": "t"})
    assert life.result == "t"
    assert hook_hashes(life.run) == {token_hash("t"): "paid"}


# --- responses --------------------------------------------------------------------------------------------------------


def talks():
    asked = yield open_hook("asked", int, response=["static", 1], respond_within="1.5s")
    said = []
    for _ in range(2):
        try:
            yield asked.respond("nobody is there")
        except ValueError as error:
            said.append(str(error))
        number = yield asked
        assert repr(asked.respond(number)) == f"asked.respond({number})"
        said.append((yield asked.respond(number)))
    return said


def test_a_response_is_written_with_the_place_of_the_payload_that_it_answers():
    life = begun(talks)
    assert tokens(life) == {(1,): OpenHook("asked", None, b'["static",1]', 1_500)}
    for number in (7, 8):
        life.send("asked", number)
        life.commit()
    nobody = "hook 'asked' has received nothing that still wants a response"
    assert life.result == [nobody, None, nobody, None]
    places = {position for position, event in enumerate(life.log, 1) if isinstance(event, HookReceived)}
    responses = [event.command for event in life.log if isinstance(event, CommandIssued)]
    responses = [command for command in responses if isinstance(command, Respond)]
    assert [one.value for one in responses] == [b"7", b"8"]
    assert {one.position for one in responses} == places


def answers_with(value):
    asked = yield open_hook("asked", int)
    yield asked
    yield asked.respond(value)
    yield sleep("1h")


def test_a_response_is_compared_like_data():
    life = begun(lambda: answers_with({"ok": True}))
    life.send("asked", 1)
    assert any(isinstance(one, Issue) and isinstance(one.command, Respond) for one in life.commit())
    life.replay()
    with pytest.raises(NonDeterminism, match=r"asked\.respond\({'ok': True}\)"):
        life.replay(fn=lambda: answers_with({"ok": False}))
