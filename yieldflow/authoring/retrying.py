"""`retrying`: a whole branch or child run under a retry policy, made of public verbs only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from yieldflow.authoring.verbs import sleep
from yieldflow.core.asks import Ask, Flow
from yieldflow.core.retry import Retry, class_name
from yieldflow.errors import FatalError

T = TypeVar("T")


def retrying(make: Callable[[], Ask[T]], policy: int | Retry = 3) -> Flow[T]:
    """Ask what *make()* gives (a command, or a new generator each time) until it does not fail: `yield from` it.

    *policy*: a `Retry`, or how often in all. `FatalError` and what the policy does not retry are raised at once, the
    last failure when the attempts are used up. Delays are without jitter: replays wait for the same time.

    >>> next(retrying(lambda: sleep("1s"), 2))
    sleep('1s')
    """
    retry = policy if isinstance(policy, Retry) else Retry(attempts=policy)
    delay, attempt = retry.delay, 1
    while True:
        try:
            return (yield from make())
        except Exception as error:
            if attempt == retry.attempts or not _worth_it(retry, error):
                raise
        yield sleep(delay)
        delay, attempt = min(delay * retry.factor, retry.max_delay), attempt + 1


def _worth_it(retry: Retry, error: Exception) -> bool:
    names = {class_name(cls) for cls in type(error).__mro__}
    return (
        not isinstance(error, FatalError)
        and not names.intersection(retry.give_up_on)
        and bool(names.intersection(retry.retry_on))
    )
