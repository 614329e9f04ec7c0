"""Exceptions travel as values and come back as what they were, whatever this process has loaded."""

import json
import sys
import types
from pathlib import Path

import pytest
from attrs import evolve, frozen

from tests.values import CODEC
from yieldflow import errors
from yieldflow.authoring.loaded import loaded
from yieldflow.core.failures import DEEPEST_CAUSE, LONGEST_TRACEBACK, from_exception, origin, thrown, to_exception
from yieldflow.core.outcome import Failure
from yieldflow.core.retry import class_name


class PaymentError(Exception):
    """A whole family."""


class Declined(PaymentError):
    def __init__(self, *, code, card=None):
        super().__init__(f"declined: {code}")
        self.code, self.card = code, card


class Missing(OSError):
    pass


class Both(errors.YieldflowError, KeyError):
    pass


@frozen
class Cold(Exception):
    degrees: int

    def __str__(self):
        return f"{self.degrees} degrees"


def nothing_but(*names):
    """What a process knows that has loaded only these of the classes here."""
    return lambda name: loaded(name) if not name.startswith("tests.") or name.endswith(names) else None


def here(error, known=loaded):
    return to_exception(from_exception(error, CODEC), CODEC, known)


def raised(make):
    try:
        make()
    except BaseException as error:
        return error


def without_traceback(failure):
    return failure and evolve(failure, traceback=None, cause=without_traceback(failure.cause))


def decode_error():
    return raised(lambda: b"\xff".decode())


ERRORS = [
    ValueError("a", 1, (2,), {"b": b"c"}),
    ValueError(),
    KeyError("key"),
    OSError(2, "No such file", "a.txt"),
    OSError(18, "Cross-device link", "a", None, "b"),
    Missing(2, "No such file", "a.txt"),
    FileNotFoundError(2, "gone"),
    decode_error(),
    raised(lambda: json.loads("{")),
    Declined(code=5),
    Declined(code=5, card=object()),
    Both("x"),
    Cold(5),
    ExceptionGroup("several", [ValueError("a")]),
    StopIteration(5),
    SystemExit(3),
    errors.RetryableError("later", retry_after="5s"),
    errors.StepFailed("charge", 3, "declined"),
    errors.TimedOut("late"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("known", [loaded, nothing_but("PaymentError"), nothing_but()], ids=["all", "some", "none"])
def test_going_there_and_back_twice_changes_nothing(error, known):
    once = from_exception(error, CODEC)
    twice = from_exception(to_exception(once, CODEC, known), CODEC)
    assert without_traceback(twice) == without_traceback(once)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("known", [loaded, nothing_but()], ids=["all", "none"])
def test_the_text_stays(error, known):
    assert str(here(error, known)) == str(error)
    assert type(here(error, known)).__name__ == type(error).__name__


def test_a_loaded_class_comes_back_with_its_attributes_and_without_its_constructor():
    error = here(Declined(code=5, card=object()))
    assert type(error) is Declined
    assert (error.code, error.args) == (5, ("declined: 5",))
    assert not hasattr(error, "card"), "what is no JSON stays behind"


def test_builtin_attributes_come_back():
    error = here(raised(lambda: Path("/nowhere/at/all").read_text()))
    assert type(error) is FileNotFoundError
    assert (error.errno, error.filename, error.args) == (2, "/nowhere/at/all", (2, "No such file or directory"))
    assert here(Missing(2, "gone", "a.txt")).filename == "a.txt"
    assert here(decode_error()).reason == "invalid start byte"
    assert here(raised(lambda: json.loads("{"))).pos == 1


def test_notes_come_back():
    error = ValueError("a")
    error.add_note("b")
    assert here(error).__notes__ == ["b"]


def test_arguments_that_are_no_json_become_the_message():
    failure = from_exception(ValueError("a", object()), CODEC)
    assert to_exception(failure, CODEC, loaded).args == (failure.message,)
    assert to_exception(evolve(failure, args=None), CODEC, loaded).args == (failure.message,)


def test_a_stand_in_has_the_name_and_the_nearest_loaded_ancestor():
    error = here(Declined(code=5), nothing_but("PaymentError"))
    assert isinstance(error, PaymentError)
    assert not isinstance(error, Declined)
    assert class_name(type(error)) == class_name(Declined)
    assert (error.code, str(error)) == (5, "declined: 5")


def test_stand_ins_of_one_name_are_one_class():
    one, other = (here(Declined(code=code), nothing_but()) for code in (1, 2))
    assert type(one) is type(other)
    assert type(one).__mro__[2] is Exception


def failed_step():
    return errors.StepFailed("charge", 1, "no")


def test_a_frozen_ancestor_can_be_stood_in_for():
    class Colder(Cold):
        pass

    error = here(Colder(-5), nothing_but("Cold"))
    assert isinstance(error, Cold)
    assert (str(error), error.degrees) == ("-5 degrees", -5)
    assert isinstance(thrown(from_exception(Cold(1), CODEC), failed_step(), CODEC, loaded).__cause__, errors.StepFailed)


def test_names_that_nobody_has_loaded_become_an_exception():
    error = to_exception(Failure(("gone:Gone", "gone:Base"), "text"), CODEC, lambda _: None)
    assert (type(error).__name__, str(error), type(error).__bases__[1]) == ("Gone", "text", Exception)
    assert str(to_exception(Failure((), "text"), CODEC, loaded)) == "text"


def test_the_chain_of_causes_travels():
    def fail():
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise Declined(code=1) from inner

    def fail_while_handling():
        try:
            fail()
        except Declined:
            raise ValueError("outer")  # noqa: B904 - its context is the point

    error = here(raised(fail_while_handling))
    assert type(error.__cause__) is Declined
    assert type(error.__cause__.__cause__) is KeyError
    assert error.__cause__.__cause__.__cause__ is None


def test_a_suppressed_context_is_left_out():
    def fail():
        try:
            raise KeyError("inner")
        except KeyError:
            raise ValueError("outer") from None

    assert from_exception(raised(fail), CODEC).cause is None


def test_causes_in_a_circle_and_long_chains_end():
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert from_exception(one, CODEC).cause.cause is None
    last = ValueError()
    for _ in range(3000):
        error = ValueError()
        error.__cause__, last = last, error
    failure, depth = from_exception(last, CODEC), 0
    while failure.cause:
        failure, depth = failure.cause, depth + 1
    assert depth == DEEPEST_CAUSE


def test_the_traceback_of_a_group_shows_what_is_within():
    try:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise ExceptionGroup("several", [inner]) from None
    except ExceptionGroup as error:
        told = from_exception(error, CODEC).traceback
    assert 'raise KeyError("inner")' in told
    assert "several (1 sub-exception)" in told


def test_the_traceback_is_text_and_not_without_bound():
    def fail():
        raise ValueError("x" * 1_000_000)

    failure = from_exception(raised(fail), CODEC)
    assert "in fail" in failure.traceback
    assert len(failure.traceback) < LONGEST_TRACEBACK + 100
    assert from_exception(ValueError("never raised"), CODEC).traceback is None


def test_half_a_surrogate_pair_in_a_message_is_spelled_out():
    assert from_exception(ValueError("\ud800"), CODEC).message == "\\ud800"


def test_a_text_that_cannot_be_had_says_so():
    class Broken(Exception):
        def __str__(self):
            raise TypeError

    assert "TypeError" in from_exception(Broken(), CODEC).message


# --- what is thrown into a workflow ----------------------------------------------------------------------


def test_step_failed_is_the_cause_of_what_is_thrown_and_has_the_remote_cause():
    def fail():
        raise Declined(code=5) from KeyError("remote")

    failure = from_exception(raised(fail), CODEC)
    failed = errors.StepFailed("charge", 3, failure.message, failure.traceback, "2.1")
    error = thrown(failure, failed, CODEC, loaded)
    assert type(error) is Declined
    assert error.__cause__ is failed
    assert (failed.message, failed.traceback) == ("declined: 5", failure.traceback)
    assert origin(error) == "2.1"
    assert type(error.__cause__.__cause__) is KeyError


@pytest.mark.parametrize(
    "error",
    [StopIteration(5), StopAsyncIteration(), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), errors.Cancelled()],
)
def test_what_would_break_a_workflow_arrives_as_step_failed(error):
    failed = failed_step()
    assert thrown(from_exception(error, CODEC), failed, CODEC, loaded) is failed


@pytest.mark.parametrize(
    "failure", [Failure(("a:B",), "", args=b"{}"), Failure(("a:B",), "", state=b"[]"), Failure((), "", b"x")]
)
def test_failures_that_no_yieldflow_wrote_are_undecodable(failure):
    with pytest.raises(errors.Undecodable):
        to_exception(failure, CODEC, loaded)


# --- what is loaded ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [ValueError, Declined, errors.StepFailed, json.JSONDecodeError])
def test_loaded_classes_are_found_by_name(cls):
    assert loaded(class_name(cls)) is cls


@pytest.mark.parametrize(
    "name", ["", ":", "os:system", "builtins:int", "tests.core.test_failures:loaded", "json:JSONDecodeError"]
)
def test_only_exceptions_of_this_very_name_are_found(name):
    assert loaded(name) is None


def test_looking_for_a_class_imports_nothing(monkeypatch):
    lazy = types.ModuleType("lazy")
    lazy.__getattr__ = lambda name: pytest.fail("asked a module for what it has not")
    monkeypatch.setitem(sys.modules, "lazy", lazy)
    assert loaded("lazy:Error") is None
    assert loaded("this.module.is.not.there:Error") is None
    assert "this" not in sys.modules
