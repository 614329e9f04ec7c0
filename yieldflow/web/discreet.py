"""Why a run is blocked, or what went wrong, for whom values are hidden: what names one is left out, and what says where
it is, stays.

Pure; only our own texts are taken apart.
"""

from __future__ import annotations

from http import HTTPStatus

from yieldflow.cli.layout import nearer
from yieldflow.web.masking import veiled

HIDDEN = "why is hidden here, for it may show values"
_WRONG = "what is wrong is not told here, for it may show values; `yieldflow inspect` tells it"
_BLOCKED = "blocked: "
_CHANGED = "has changed under a running run:"
_FIRST, _NEXT = "  recorded: ", "  at: "  # what is between them may be a value, whatever it looks like


def reason_of(reason: str, *, shows_payloads: bool) -> str:
    """Why the code at hand cannot go on with a log."""
    if shows_payloads:
        return veiled(nearer(reason))
    return nearer(_without_values(reason)) if _is_a_change(reason) else HIDDEN


def alike(reason: str) -> str:
    """What runs have in common that the same change of their code blocks."""
    return _without_values(reason) if _is_a_change(reason) else reason


def _is_a_change(reason: str) -> bool:
    return reason.partition("\n")[0].endswith(_CHANGED)


def _without_values(reason: str) -> str:
    """A value may hold lines that look like ours, so that the last row of that name counts."""
    lines = reason.split("\n")
    first = next((at for at, line in enumerate(lines) if line.startswith(_FIRST)), len(lines))
    after = max((at for at, line in enumerate(lines) if line.startswith(_NEXT)), default=len(lines))
    hidden = () if first == len(lines) else ("  recorded: (hidden)", "  asked: (hidden)")
    return "\n".join((*lines[:first], *hidden, *lines[max(first, after) :]))


def why_of(text: str, *, shows_payloads: bool, shows_others: bool) -> str:
    """A sentence about a run that waits: it may say why it is blocked, or end with why another one is.

    *shows_others*: also the values of that one. Its tokens are not at hand, so they are for those who may answer.
    """
    before, blocked, reason = text.partition(_BLOCKED)
    if not blocked or (shows_others if before else shows_payloads):
        return veiled(nearer(text))
    hidden = reason_of(reason, shows_payloads=False)
    return f"{veiled(before)}{blocked}{hidden.partition(chr(10))[0]}"


def wrong_of(status: int, sentence: str, *, shows_payloads: bool) -> str:
    """What went wrong, as an answer of HTTP: what is nobody's mistake may quote a log."""
    if status != HTTPStatus.INTERNAL_SERVER_ERROR:
        return sentence
    return veiled(sentence) if shows_payloads else _WRONG
