"""Rulings 14 and 42: a default that is spelled out and one that is left out are the same call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.harness import begun
from tests.values import CODEC
from yieldflow import App, Flow, NonDeterminism, RunExists, step, workflow
from yieldflow.authoring.signatures import bind, parameters
from yieldflow.codec import SealedCodec
from yieldflow.core.compare import same_arguments


def charge(order, retries=3, /, by="card", *more, gift=False, at=None, **tags): ...


def old(order, by="card", *, retries=3): ...


def odd(order: str, marker: object = object(), retries: int = 3): ...  # its default has no JSON


def same(fn, one, other, codec=CODEC):
    known = parameters(fn)
    mine, theirs = (codec.encode_arguments(bind(fn, args, kwargs), known) for args, kwargs in (one, other))
    return same_arguments(mine, theirs, known, codec)


def call(*args, **kwargs):
    return args, kwargs


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (call("o"), call("o", 3)),
        (call("o"), call("o", 3, "card")),
        (call("o"), call("o", 3, by="card", at=None, gift=False)),
        (call("o", 3, "card"), call("o", by="card")),
        (call("o", gift=False, tag=1), call("o", 3, tag=1)),
    ],
)
def test_a_default_that_is_spelled_out_is_the_same_call(one, other):
    assert same(charge, one, other)
    assert same(charge, other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (call("o"), call("o", 4)),
        (call("o"), call("p", 3)),
        (call("o"), call("o", gift=True)),
        (call("o"), call("o", gift=0)),
        (call("o"), call("o", 3, "card", "more")),
        (call("o", 3, "card", "more"), call("o", 3, "card", "less")),
        (call("o"), call("o", tag=None)),
        (call("o", at=1), call("o", gift=False)),
    ],
)
def test_anything_else_is_another_call(one, other):
    assert not same(charge, one, other)
    assert not same(charge, other, one)


CALLS = st.fixed_dictionaries(
    {"order": st.integers(0, 1)}, optional={"by": st.sampled_from(["card", "cash"]), "retries": st.sampled_from([3, 4])}
)


@given(CALLS, CALLS)
def test_calls_are_the_same_if_and_only_if_the_function_gets_the_same(one, other):
    defaults = {"by": "card", "retries": 3}
    alike = {**defaults, **one} == {**defaults, **other}
    assert same(old, call(**one), call(**other)) == alike
    assert same(old, call(*one.values()) if list(one) == ["order", "by"] else call(**one), call(**other)) == alike


def test_what_is_left_out_by_both_is_not_looked_at():
    assert same(odd, call("o"), call("o", retries=3))
    assert not same(odd, call("o"), call("o", retries=4))


def test_one_of_many_keywords_may_be_called_like_a_parameter_without_a_name():
    """`retries=3` is one of `**tags`; newer Pythons bind it."""
    known = parameters(charge)
    left_out, other = b'[["o"],{}]', b'[["o"],{"retries":3}]'
    assert not same_arguments(left_out, other, known, CODEC)
    assert not same_arguments(b'[["o",3],{}]', other, known, CODEC)


def test_a_call_of_another_signature_is_another_call():
    assert not same_arguments(b'[["o","card",5],{}]', b'[["o"],{}]', parameters(old), CODEC)
    assert not same_arguments(b'["o"]', b'[["o"],{}]', parameters(old), CODEC)


def test_sealed_arguments_are_compared_too():
    class Reversed:
        def encode(self, data):
            return data[::-1]

        decode = encode

    assert same(charge, call("o"), call("o", 3), SealedCodec(CODEC, Reversed()))


# --- where it matters ----------------------------------------------------------------------------------------


@step
def pay(order: str, retries: int = 3) -> str:
    return f"{order} {retries}"


def test_14_a_default_that_a_new_deploy_spells_out_blocks_no_run():
    def before():
        yield pay("o")

    def after():
        yield pay("o", retries=3)

    def another():
        yield pay("o", 4)

    assert begun(before).replay(fn=after).decide() == ()
    assert begun(after).replay(fn=before).decide() == ()
    with pytest.raises(NonDeterminism):
        begun(before).replay(fn=another)


@workflow
def shop(order: str, gift: bool = False) -> Flow[str]:
    return (yield from pay(order))


def test_42_a_second_start_that_spells_a_default_out_is_the_first():
    app = App("memory:")
    app.start(shop("o"), run_id="r")
    app.start(shop("o", False), run_id="r")
    app.start(shop("o", gift=False), run_id="r")
    assert len(app.get("r").history()) == 1
    with pytest.raises(RunExists):
        app.start(shop("o", gift=True), run_id="r")
    app.close()
