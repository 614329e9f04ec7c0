"""`rehearse`: a workflow against a script of answers. The plan of a program is its test.

The workflow runs in the same interpreter as in production, over a small log in memory. No body of a step is
called, nothing is stored, and time jumps from one wait to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

from attrs import define, field

from yieldflow.authoring.loaded import loaded
from yieldflow.authoring.scope import inside
from yieldflow.codec import JsonCodec
from yieldflow.core.agenda import NOTHING
from yieldflow.core.asks import Command, Hook, OpenHookCommand, ReceiveCommand, SleepCommand, StepCall, WorkflowCall
from yieldflow.core.compare import same_command
from yieldflow.core.events import CommandResolved, Event, HookReceived, RunStarted, stamped
from yieldflow.core.failures import from_exception
from yieldflow.core.frames import where
from yieldflow.core.interpreter import Execution
from yieldflow.core.nodes import Leaf, Raised
from yieldflow.core.outcome import Err, Expired, Ok
from yieldflow.core.path import Path
from yieldflow.core.recording import recorded
from yieldflow.core.times import Millis
from yieldflow.core.values import Arguments, Codec
from yieldflow.errors import TimedOut

T = TypeVar("T")

Script: TypeAlias = Sequence[tuple[Command[Any], Any]]

STARTED: Millis = 1_767_225_600_000  # 2026-01-01, at midnight UTC
_SEED = bytes(16)


def rehearse(call: WorkflowCall[T], script: Script, *, codec: Codec | None = None) -> T:
    """Run *call* against *script*: what it asks, in order, each with its answer. Answers what the workflow returns.

    An entry is `(charge("o", 5), Receipt(1))`, `(sleep("3d"), None)` or `(hook("approval"), True)`; answers come in
    the order of the script, so in `gather` and `race` it says who is first. An exception as answer is raised at that
    line, as that of a step that failed for good is; `TimedOut()` ends the time-out of a hook. Options count for
    nothing. What answers itself (`now()`, `open_hook()`) has no entry. The clock begins at 2026-01-01.

    Raises what the workflow raises, and AssertionError, with the script and what waits, for an entry that nothing
    waits for, for a script that is too short, and for one that is too long.

    >>> from yieldflow import Flow, sleep, step, workflow
    >>> def fetch(url: str) -> int: ...
    >>> @workflow
    ... def poll(url: str) -> Flow[int]:
    ...     yield sleep("1h")
    ...     return (yield step(fetch, url))
    >>> rehearse(poll("u"), [(sleep("1h"), None), (step(fetch, "u"), 200)])
    200
    """
    stage = Stage(call, tuple(script), codec or JsonCodec())
    token = inside.set("workflow")
    try:
        answer: T = stage.play()
    finally:
        stage.execution.close()
        inside.reset(token)
    return answer


@define(eq=False)
class Stage:
    """A rehearsal under way: the execution, its time, and how far the script has come."""

    call: WorkflowCall[Any]
    script: Script
    codec: Codec
    now: Millis = STARTED
    entry: int = 0
    execution: Execution = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.execution = Execution(self.call.definition, self.codec, loaded)

    def play(self) -> Any:
        definition = self.call.definition
        given = self.codec.encode_arguments(Arguments(self.call.args, self.call.kwargs), definition.parameters)
        self.append(RunStarted(self.now, "rehearsal", definition.name, given, _SEED))
        for asked, answer in self.script:
            self.append(self.fact(self.find(asked), answer))
            self.entry += 1
        return self.ending()

    def append(self, fact: Event) -> None:
        """A fact, and all that it makes the program decide."""
        self.execution.feed([fact])
        self.execution.feed([stamped(decision, self.now) for decision in self.execution.decide()])

    def find(self, asked: Command[Any]) -> Leaf:
        """The leaf that has waited longest of those that ask this."""
        command = asked.receive() if isinstance(asked, Hook) else asked
        wanted = recorded(command, self.codec, lambda: f"entry {self.entry + 1} of the script")
        for path, pending in self.execution.run.open.items():
            if same_command(wanted, pending.issued.command, self.execution.step(path), self.codec):
                return self.execution.leaves[path]
        raise self.misfit(f"found {asked!r}")

    def fact(self, leaf: Leaf, answer: Any) -> Event:
        match leaf.command:
            case ReceiveCommand(hook=name, type=kind) if not isinstance(answer, BaseException):
                return HookReceived(self.now, name, self.codec.encode(answer, kind), f"entry {self.entry}")
            case ReceiveCommand(timeout=timeout):
                if timeout is None or not isinstance(answer, TimedOut):
                    raise self.misfit(f"found {answer!r}: a hook answers, or raises TimedOut if it has a timeout")
                return CommandResolved(self.until(leaf.path), leaf.path, Expired())
            case SleepCommand():
                if answer is not None:
                    raise self.misfit(f"found {answer!r}: a sleep answers None")
                return CommandResolved(self.until(leaf.path), leaf.path, Ok(NOTHING))
            case StepCall() if isinstance(answer, BaseException):
                return CommandResolved(self.now, leaf.path, Err(from_exception(answer, self.codec)), 1)
            case StepCall(definition=step):
                return CommandResolved(self.now, leaf.path, Ok(self.codec.encode(answer, step.returns)), 1)
            case OpenHookCommand() if isinstance(answer, BaseException):
                return CommandResolved(self.now, leaf.path, Err(from_exception(answer, self.codec)))
            case OpenHookCommand():
                if answer is not None:
                    raise self.misfit(f"found {answer!r}: a token of one's own is there (None), or HookTokenTaken")
                return CommandResolved(self.now, leaf.path, Ok(NOTHING))
            case _:
                raise self.misfit(f"found {leaf.command!r}, which has no answer")

    def until(self, path: Path) -> Millis:
        """Let the clock jump to the end of a wait."""
        self.now = max(self.now, self.execution.run.open[path].wakes_at or self.now)
        return self.now

    def ending(self) -> Any:
        run, tree = self.execution.run, self.execution.tree
        assert tree is not None
        match run.outcome:
            case None:
                raise self.misfit("found the end of the script")
            case Ok(value):
                return self.codec.decode(value, self.call.definition.returns)
            case _:
                assert isinstance(tree.result, Raised)
                raise tree.result.error

    def misfit(self, found: str) -> AssertionError:
        """What the author has to see: the script so far, what was found, and what was expected."""
        lines = [
            f"{'>' if number == self.entry else ' '} {number + 1}. {command!r} -> {answer!r}"
            for number, (command, answer) in enumerate(self.script)
        ]
        told = "\n".join(["the script does not fit the program", *lines, f"{found}; expected next: {self.expected()}"])
        error = AssertionError(told)
        result = None if self.execution.tree is None else self.execution.tree.result
        error.__cause__ = result.error if isinstance(result, Raised) else None
        return error

    def expected(self) -> str:
        """The leaves that wait, in the order of asking, each with the line that asks."""
        leaves = [self.execution.leaves[path] for path in self.execution.run.open if path in self.execution.leaves]
        asked = [f"{leaf.command!r} ({self.line(leaf.path)})" for leaf in leaves]
        return " or ".join(asked) or f"nothing, it has ended with {self.execution.run.outcome}"

    def line(self, path: Path) -> str:
        branches = [one for one in self.execution.waiting() if one.path == path[: len(one.path)]]
        return where(branches[-1].generator)
