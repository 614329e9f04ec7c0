"""Exceptions as values and back, so that `except PaymentDeclined:` works on first sight and on replay alike.

What comes back depends on the failure alone: where its class is not loaded, a stand-in of the same name under
its nearest loaded ancestor. No constructor of a user is called, nothing is imported and nothing unpickled.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from types import MemberDescriptorType
from typing import Any, TypeAlias

from yieldflow.core.outcome import Failure
from yieldflow.core.retry import class_name
from yieldflow.core.values import Codec
from yieldflow.errors import RunFailed, StepFailed, Undecodable, Unencodable

Loaded: TypeAlias = Callable[[str], type | None]

LONGEST_MESSAGE = 10_000
LONGEST_TRACEBACK = 20_000
DEEPEST_CAUSE = 10

_HEADING = "Traceback (most recent call last):\n"
_NOT_TAKEN = (AttributeError, LookupError, TypeError, ValueError)  # what built-in constructors raise for odd arguments
_BREAKS_GENERATORS = (StopIteration, StopAsyncIteration)  # thrown into one, they turn into RuntimeError


def from_exception(error: BaseException, codec: Codec) -> Failure:
    chain = _chain(error)
    failure = _failure(chain.pop(), codec, None)
    while chain:
        failure = _failure(chain.pop(), codec, failure)
    return failure


def to_exception(failure: Failure, codec: Codec, loaded: Loaded) -> BaseException:
    """Raises `Undecodable`."""
    error = _rebuilt(failure, _args(failure, codec), loaded)
    _put(error, _state(failure, codec))
    if failure.cause is not None:
        _set(error, "__cause__", to_exception(failure.cause, codec, loaded))
    return error


def thrown(failure: Failure, failed: StepFailed | RunFailed, codec: Codec, loaded: Loaded) -> Exception:
    """What a failed step or child raises in its workflow: the exception itself, with *failed* before its own cause.

    What is no `Exception`, or would break a generator, arrives as *failed*.
    """
    error = to_exception(failure, codec, loaded)
    failed.__cause__ = error.__cause__
    if not isinstance(error, Exception) or isinstance(error, _BREAKS_GENERATORS):
        return failed
    _set(error, "__cause__", failed)
    return error


def origin(error: BaseException) -> str | None:
    """The path of the command whose failure this is, or was raised because of."""
    for one in _chain(error):
        if isinstance(one, StepFailed | RunFailed) and one.path is not None:
            return one.path
    return None


# --- from ----------------------------------------------------------------------------------------------------


def _chain(error: BaseException) -> list[BaseException]:
    """The error and its causes, outermost first; a cycle ends where it would start again."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) <= DEEPEST_CAUSE and all(cause is not known for known in chain):
        chain.append(cause)
        context = None if cause.__suppress_context__ else cause.__context__
        cause = cause.__cause__ or context
    return chain


def _failure(error: BaseException, codec: Codec, cause: Failure | None) -> Failure:
    message = _shortened(_message(error), LONGEST_MESSAGE)
    return Failure(
        names=_names(error),
        message=message,
        args=_encoded(_given(error), codec) or _encoded([message], codec),
        state=_encoded_state(error, codec),
        traceback=_traceback(error),
        cause=cause,
    )


def _names(error: BaseException) -> tuple[str, ...]:
    if isinstance(error, _StandIn):
        return error.stands_for
    return tuple(class_name(cls) for cls in type(error).__mro__ if cls is not object)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - user code: whatever its text raises, the failure is recorded
        return f"(its text cannot be had: {type(broken).__name__})"


def _given(error: BaseException) -> list[Any]:
    if isinstance(error, OSError) and error.filename is not None:  # Python takes it out of `args`
        names = [error.filename] if error.filename2 is None else [error.filename, None, error.filename2]
        return [error.errno, error.strerror, *names]
    return list(error.args)


def _encoded(value: object, codec: Codec) -> bytes | None:
    try:
        return codec.encode(value, Any)
    except Unencodable:
        return None


def _encoded_state(error: BaseException, codec: Codec) -> bytes | None:
    """What can be encoded of the plain attributes, notes among them."""
    state = dict(vars(error))
    for slot in _slots(type(error)):
        with suppress(AttributeError):  # never set
            state[slot.__name__] = slot.__get__(error)
    if not state:
        return None
    whole = _encoded(state, codec)
    if whole is not None:
        return whole
    kept = {name: value for name, value in state.items() if _encoded({name: value}, codec) is not None}
    return _encoded(kept, codec) if kept else None


def _slots(cls: type) -> list[MemberDescriptorType]:
    """Where attrs classes and others with `__slots__` keep their attributes."""
    own = [base for base in cls.__mro__ if base.__module__ != "builtins" and not issubclass(base, _StandIn)]
    return [slot for base in own for slot in vars(base).values() if isinstance(slot, MemberDescriptorType)]


def _traceback(error: BaseException) -> str | None:
    if error.__traceback__ is None:
        return None
    if isinstance(error, BaseExceptionGroup):  # with the tracebacks of those within
        told = traceback.format_exception(error, chain=False)
    else:
        told = [_HEADING, *traceback.format_list(_lines(error)), *traceback.format_exception_only(error)]
    return _shortened("".join(told), LONGEST_TRACEBACK)


def _lines(error: BaseException) -> list[tuple[str, int, str, None]]:
    """Without columns: to mark them takes six times as long as all the rest."""
    walked = traceback.walk_tb(error.__traceback__)
    return [(frame.f_code.co_filename, line, frame.f_code.co_name, None) for frame, line in walked]


def _shortened(text: str, longest: int) -> str:
    """The start says where it came from, the end what it was. Halves of surrogate pairs are spelled out."""
    if len(text) > longest:
        text = f"{text[: longest // 4]}\n[… {len(text) - longest:,} characters left out …]\n{text[-longest * 3 // 4 :]}"
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


# --- to ------------------------------------------------------------------------------------------------------


def _args(failure: Failure, codec: Codec) -> list[Any]:
    if failure.args is None:
        return [failure.message]
    args = codec.decode(failure.args, Any)
    if not isinstance(args, list):
        raise Undecodable("the arguments of a failure", "a list", f"it is a {type(args).__name__}")
    return args


def _state(failure: Failure, codec: Codec) -> dict[str, Any]:
    if failure.state is None:
        return {}
    state = codec.decode(failure.state, Any)
    if not isinstance(state, dict):
        raise Undecodable("the attributes of a failure", "an object", f"it is a {type(state).__name__}")
    return state


def _put(error: BaseException, state: dict[str, Any]) -> None:
    slots = {slot.__name__ for slot in _slots(type(error))}
    for name in slots & state.keys():
        _set(error, name, state[name])
    vars(error).update({name: value for name, value in state.items() if name not in slots})


def _rebuilt(failure: Failure, args: list[Any], loaded: Loaded) -> BaseException:
    for index, name in enumerate(failure.names):
        ancestor = loaded(name)
        if ancestor is None:
            continue
        cls = ancestor if index == 0 else _stand_in(failure.names, ancestor)
        error = _made(cls, args)
        if error is not None:
            return _with_message(error, failure.message)
    error = _stand_in(failure.names, Exception)(*args)
    return _with_message(error, failure.message)


def _made(cls: type[BaseException], args: list[Any]) -> BaseException | None:
    """An instance, made by its first built-in ancestor; None: that takes no such arguments."""
    ancestors: list[Any] = [base for base in cls.__mro__ if base.__module__ == "builtins" and base is not object]
    for builtin in ancestors:
        with suppress(*_NOT_TAKEN):
            error: BaseException = builtin.__new__(cls, *args)
            builtin.__init__(error, *args)
            return error
    return None


def _with_message(error: BaseException, message: str) -> BaseException:
    if isinstance(error, _StandIn):
        _set(error, "stated", message)
    return error


def _set(error: BaseException, name: str, value: object) -> None:
    BaseException.__setattr__(error, name, value)  # the class may be frozen, or have a `__setattr__` of its own


class _StandIn:
    """Marks the classes made here; a slot keeps the message, so that the plain attributes stay those of the error."""

    __slots__ = ()
    stands_for: tuple[str, ...]
    stated: str

    def __str__(self) -> str:
        return self.stated


@cache
def _stand_in(names: tuple[str, ...], ancestor: type[BaseException]) -> type[BaseException]:
    module, _, qualname = names[0].partition(":") if names else ("builtins", ":", "Exception")
    body = {"__module__": module, "__qualname__": qualname, "__slots__": ("stated",), "stands_for": names}
    return type(qualname.rpartition(".")[2], (_StandIn, ancestor), body)
