"""Tokens of hooks: those that runs derive are known by their looks, in texts of whichever run; those that a workflow
has chosen look like anything, and are found in its log alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from yieldflow.core.commands import OpenHook
from yieldflow.core.events import CommandIssued, Event, RunStarted

_LENGTH = 43  # characters of a derived one
_RANDOM = re.compile(r"[A-Za-z0-9_-]{43,}…?|[A-Za-z0-9_-]{12,}(?:…|(?=['\"]…))")
_TURN = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[a-z0-9])|(?<=[0-9])(?=[A-Za-z])")
_TURNS = 5  # hardly one in a hundred million tokens has so few; names and dates, put together, have no more
_TURNS_OF_A_PART = 3  # what is left of one that was cut answers nothing, however it is shown
_CASED = 2  # capitals, and small letters: hexadecimal digits are of one sort


def without_tokens(text: str, mark: str = "…") -> str:
    """A text without whatever may be a token that a run has derived: 43 random characters, or most of them where it
    was cut. Other random texts of that length go, too.

    >>> without_tokens("send PeQ3R2EeZfG9apVnXb9-pwZFTQTCQ7IsIoumyzO86z4 to order-42")
    'send … to order-42'
    """
    return _RANDOM.sub(lambda found: mark if _looks_random(found[0]) else found[0], text)


def chosen_tokens(events: Iterable[Event]) -> tuple[str, ...]:
    """Those in a log; one that has another one in it comes first. That of a fork has the tokens of its origin, too."""
    return tuple(sorted({token for event in events for token in _chosen(event)}, key=len, reverse=True))


def _chosen(event: Event) -> Iterator[str]:
    match event:
        case RunStarted(tokens=tokens):
            yield from tokens.values()
        case CommandIssued(command=OpenHook(token=str(token))):
            yield token
        case _:
            return


def _looks_random(text: str) -> bool:
    capitals, small = sum(map(str.isupper, text)), sum(map(str.islower, text))
    least = _TURNS if len(text) >= _LENGTH else _TURNS_OF_A_PART
    return min(capitals, small) >= _CASED and len(_TURN.findall(text)) >= least
