"""Why a run is blocked, where payloads are hidden: what names a value is left out, and what says where it is, stays.

Pure; only our own texts are taken apart.
"""

from __future__ import annotations

from yieldflow.cli.layout import nearer

HIDDEN = "why is hidden here, for it may show values"
_BLOCKED = "blocked: "
_CHANGED = "has changed under a running run:"
_VALUES = ("recorded:", "asked:")  # rows with arguments; the lines below them, too
_BELOW = " " * 12


def reason_of(reason: str, *, shows_payloads: bool) -> str:
    """Why the code at hand cannot go on with a log."""
    if shows_payloads:
        return nearer(reason)
    return nearer(_without_values(reason)) if _is_a_change(reason) else HIDDEN


def alike(reason: str) -> str:
    """What runs have in common that the same change of their code blocks."""
    return _without_values(reason) if _is_a_change(reason) else reason


def _is_a_change(reason: str) -> bool:
    return reason.partition("\n")[0].endswith(_CHANGED)


def _without_values(reason: str) -> str:
    kept, hides = list[str](), False
    for line in reason.splitlines():
        starts = line.strip().startswith(_VALUES)
        hides = starts or (hides and line.startswith(_BELOW))
        if starts:
            kept.append(f"{line.partition(':')[0]}: (hidden)")
        elif not hides:
            kept.append(line)
    return "\n".join(kept)


def why_of(text: str, *, shows_payloads: bool) -> str:
    """A sentence about a run that waits: it may end with why another one is blocked."""
    before, blocked, reason = text.partition(_BLOCKED)
    if not blocked or shows_payloads:
        return nearer(text)
    return f"{before}{blocked}{reason_of(reason, shows_payloads=False).partition(chr(10))[0]}"
