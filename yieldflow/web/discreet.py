"""Why a run is blocked, where payloads are hidden: what names a value is left out, and what says where it is, stays.

Pure; only our own texts are taken apart.
"""

from __future__ import annotations

from yieldflow.cli.layout import nearer
from yieldflow.web.masking import masked

HIDDEN = "why is hidden here, for it may show values"
_BLOCKED = "blocked: "
_CHANGED = "has changed under a running run:"
_FIRST, _NEXT = "  recorded: ", "  at: "  # what is between them may be a value, whatever it looks like


def reason_of(reason: str, *, shows_payloads: bool) -> str:
    """Why the code at hand cannot go on with a log."""
    if shows_payloads:
        return masked(nearer(reason))
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


def why_of(text: str, *, shows_payloads: bool) -> str:
    """A sentence about a run that waits: it may end with why another one is blocked."""
    before, blocked, reason = text.partition(_BLOCKED)
    if not blocked or shows_payloads:
        return masked(nearer(text))
    return f"{before}{blocked}{reason_of(reason, shows_payloads=False).partition(chr(10))[0]}"
