"""The code's fault: the run is blocked, its log stays as it is. Never thrown into a program, never written down."""

from __future__ import annotations

import linecache
from collections.abc import Mapping
from typing import Literal, TypeAlias

from yieldflow.errors.root import YieldflowError, error, kind_of, shortened


class CodeError(YieldflowError):
    """The code at hand cannot continue this log. Never thrown into a program, never written to a log."""


@error
class NotACommand(CodeError):
    found: str
    where: str
    advice: str

    def __str__(self) -> str:
        return f"{self.where}: the workflow yielded {self.found}, which is not a command; {self.advice}"


Change: TypeAlias = Literal[
    "raised", "other", "renamed", "arguments", "duration", "dropped", "moved", "later", "turn", "end"
]
"""How a program has changed, as far as its log shows."""

MOST_DETAILS = 4  # of the arguments that differ

_CAUSES: Mapping[Change, tuple[str, ...]] = {
    "raised": ("the changed code fails where the former one went on",),
    "other": ("a command was added, removed or moved before it,", "or an `if` went the other way"),
    "renamed": ("it was renamed, or another call has taken its place",),
    "arguments": (
        "the code that makes the value was changed, or it comes from a",
        "clock, chance, the environment or the order of a set",
    ),
    "duration": ("it was written anew, or comes from a clock or the environment",),
    "dropped": ("it was removed, or an `if` or a loop went the other way",),
    "moved": ("something was added or moved before it,", "or an `if` went the other way"),
    "later": ("what was asked at once, in branches, is asked one by one now",),
    "turn": ("a hook, race or timeout was changed, or an `if` went the other way",),
    "end": ("something was added after what was the end",),
}


@error
class NonDeterminism(CodeError):
    """What the program asks at *path* ("": its end) is not what the log of the run holds there.

    *details* name the arguments that differ; *former* is the name by which the same call would be the recorded one.
    *line*: file and number of the line that asks; *versions*: of the code that started the run, and of that at hand.
    """

    workflow: str
    path: str
    recorded: str
    asked: str
    change: Change
    details: tuple[str, ...]
    former: str | None
    where: str
    line: tuple[str, int] | None
    versions: tuple[str | None, str | None] | None

    def __str__(self) -> str:
        place = f"at path {self.path}" if self.path else "at its end"
        return "\n".join(
            (
                f"workflow {self.workflow} has changed under a running run:",
                f"{place} its log holds another command than is asked",
                *_row("recorded", self.recorded),
                *_row("asked", self.asked, *self._details()),
                *_row("at", self.where, *self._source()),
                *self._versions(),
                *_row("likely", *_CAUSES[self.change]),
                *_row("to do", *self._repair()),
                "Nothing is lost: a blocked run goes on after the next deploy that fits it.",
            )
        )

    def _details(self) -> tuple[str, ...]:
        more = len(self.details) - MOST_DETAILS
        return (*self.details[:MOST_DETAILS], f"… and {more} more") if more > 0 else self.details

    def _source(self) -> tuple[str, ...]:
        """Read when it is told: the core, which raises this, reads no files."""
        text = "" if self.line is None else linecache.getline(*self.line).strip()
        return (text,) if text else ()

    def _versions(self) -> tuple[str, ...]:
        if self.versions is None:
            return ()
        run, code = ("no version" if version is None else f"version {version}" for version in self.versions)
        return _row("version", f"the run was started by {run}, this code is {code}")

    def _repair(self) -> tuple[str, ...]:
        renamed = () if self.former is None else (f'also_known_as="{self.former}" if it was renamed; else',)
        return (
            *renamed,
            "keep the former code for such runs, in the `else` of",
            '`if (yield patched("…")):`; or revert the change; or go on in a',
            "fork from before this point, app.fork(run_id, at=POSITION)",
        )


def _row(name: str, first: str, *rest: str) -> tuple[str, ...]:
    return (f"  {name + ':':<9} {first}", *(" " * 12 + line for line in rest))


@error
class UnknownWorkflow(CodeError):
    name: str

    def __str__(self) -> str:
        return (
            f"workflow {self.name!r} is not known here; give the module that defines it: App(modules=[…]), "
            "`yieldflow worker MODULE`, $YIELDFLOW_MODULES or [tool.yieldflow] modules"
        )


@error
class HookClash(CodeError):
    def __str__(self) -> str:
        return "the link of one of its hooks belongs to another run; it goes on once that one has ended"


@error
class Unencodable(CodeError):
    path: str
    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{shortened(self.path)} is {kind_of(self.kind)} and cannot be stored: {shortened(self.reason)}"


@error
class Undecodable(CodeError):
    path: str
    expected: str
    reason: str

    def __str__(self) -> str:
        return f"{shortened(self.path)} cannot be read as {shortened(self.expected)}: {shortened(self.reason)}"


class StillSealed(Undecodable):
    """A value that only another payload codec can open: nothing is wrong with the value, so it is never skipped."""


@error
class UnreadableLog(CodeError):
    """An event that this version does not know: it blocks here only, a newer worker may go on."""

    reason: str

    def __str__(self) -> str:
        reason = shortened(self.reason, 1_000)
        return f"the log holds an event that this version of yieldflow cannot read ({reason}); upgrade this worker"


@error
class BrokenProgram(CodeError):
    """The program cannot be run here: recursion, memory, imports, syntax, arguments that no longer fit."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}; a fixed deploy continues the run"


@error
class DeadlyReplay(CodeError):
    """The workers that replay this run die of it: it is not passed on from one to the next."""

    deaths: int

    def __str__(self) -> str:
        return (
            f"{self.deaths} workers died or fell silent while replaying it, so it is left alone but for a try every "
            "ten minutes; look for an endless loop, exhausted memory or a crash in the workflow, and deploy a fix"
        )


@error
class ImpossibleEvent(YieldflowError):
    """The strict fold refuses an event: something wrote a log that no yieldflow would write."""

    event: str
    reason: str

    def __str__(self) -> str:
        return f"the log holds an impossible event ({self.reason}): {shortened(self.event)}"
