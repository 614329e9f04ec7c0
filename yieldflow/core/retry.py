"""When a failed attempt is tried again.

Exception classes are kept as names and matched against the names of a failure, so that a policy can be
recorded, and so that a worker that has not loaded a class decides like one that has.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from attrs import field, frozen, validators

from yieldflow.core.answers import fraction
from yieldflow.core.outcome import Failure
from yieldflow.core.path import Path, show
from yieldflow.core.times import Duration, End, Millis, duration, ends_at
from yieldflow.errors import FatalError, RetryableError, StepTimeout


def class_name(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def _names(classes: type | str | Iterable[type | str]) -> tuple[str, ...]:
    several = (classes,) if isinstance(classes, type | str) else tuple(classes)
    return tuple(cls if isinstance(cls, str) else class_name(cls) for cls in several)


def _attempts(value: int | None) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise ValueError(f"attempts={value!r} must be a whole number from 1, or None for no limit")
    return value


def _span(value: Duration) -> timedelta:
    """Takes what it answers, so that a policy can be made from another one."""
    return timedelta(milliseconds=duration(value))


@frozen
class Retry:
    """A retry policy: *attempts* in total (default 3; None: no limit), *delay* before the second (default 1 s),
    growing by *factor* (2) up to *max_delay* (5 min), each spread by up to *jitter* (0.1: a tenth of it).

    Only what is in *retry_on* and not in *give_up_on* is tried again. Lost workers are counted apart: at the
    *lost*-th loss the step fails with `WorkerLost`; `lost=1` never runs it twice. Raises ValueError.

    >>> Retry(attempts=5, delay="2s").delay
    datetime.timedelta(seconds=2)
    """

    attempts: int | None = field(default=3, converter=_attempts)
    delay: timedelta = field(default=timedelta(seconds=1), converter=_span)
    factor: float = field(default=2.0, validator=validators.ge(1.0))
    max_delay: timedelta = field(default=timedelta(minutes=5), converter=_span)
    jitter: float = field(default=0.1, validator=[validators.ge(0.0), validators.le(1.0)])
    retry_on: tuple[str, ...] = field(default=(Exception,), converter=_names)
    give_up_on: tuple[str, ...] = field(default=(), converter=_names)
    lost: int = field(default=5, validator=validators.ge(1))


def next_try(retry: Retry, failure: Failure, tries: int, wait: End | None, spread: float, now: Millis) -> Millis | None:
    """The instant of the next attempt after *tries* failed ones (losses not counted); None: it was the last.

    *wait* is what a `RetryableError` asked for; *spread* lies in [0, 1) and decides the jitter.
    """
    if not _worth_it(retry, failure) or (retry.attempts is not None and tries >= retry.attempts):
        return None
    if wait is not None:
        return max(now, ends_at(wait, now))
    grown = duration(retry.delay) * _power(retry.factor, tries - 1)
    return now + round(min(grown, duration(retry.max_delay)) * (1 + retry.jitter * (2 * spread - 1)))


def _power(factor: float, exponent: int) -> float:
    try:
        return factor**exponent
    except OverflowError:
        return float("inf")


def spread(run_id: str, path: Path, attempt: int) -> float:
    """Jitter derives from what every worker knows, also one without the log: all compute the same."""
    return fraction(run_id.encode(), "jitter", show(path), str(attempt))


FATAL = class_name(FatalError)
TIMEOUT = class_name(StepTimeout)
RETRYABLE = class_name(RetryableError)


def _worth_it(retry: Retry, failure: Failure) -> bool:
    if FATAL in failure.names or any(name in failure.names for name in retry.give_up_on):
        return False
    asked_for = TIMEOUT in failure.names or RETRYABLE in failure.names
    return asked_for or any(name in failure.names for name in retry.retry_on)
