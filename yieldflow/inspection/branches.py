"""The lines at which a program waits: it is replayed over the log, looked at, and let go.

Writes nothing. What the code cannot do with this log is part of the answer, never raised.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator, Sequence
from inspect import CO_GENERATOR
from typing import assert_never

from attrs import frozen

from yieldflow.core.asks import (
    Command,
    OpenHookCommand,
    ReceiveCommand,
    SendCommand,
    SleepCommand,
    StepCall,
    WorkflowCall,
    WorkflowDefinition,
)
from yieldflow.core.combinators import Gather, Race, Shield, Task, Timeout, Until
from yieldflow.core.events import Event
from yieldflow.core.frames import Frame, frames
from yieldflow.core.interpreter import Execution
from yieldflow.core.nodes import Branch, Group, Leaf, Node, Raised
from yieldflow.core.path import Path
from yieldflow.core.telling import silence
from yieldflow.core.values import Codec
from yieldflow.errors import CodeError, ImpossibleEvent
from yieldflow.inspection.variables import Variable, Veil, variables

AROUND = 2  # lines shown before and after the one that waits


@frozen
class Line:
    """A frame of a program, and the source around it; *source* is empty where the file cannot be read."""

    file: str
    line: int
    function: str
    source: tuple[tuple[int, str], ...] = ()
    variables: tuple[Variable, ...] = ()


@frozen
class Waiting:
    """A branch that waits: *open* are the paths of the commands whose answers it lacks; *lines*, outermost first."""

    path: Path
    waits_for: str
    open: tuple[Path, ...]
    lines: tuple[Line, ...]


@frozen
class Seen:
    branches: tuple[Waiting, ...] = ()
    raised: tuple[Line, ...] = ()  # the lines that the error passed which left the program, outermost first
    problem: str | None = None  # why the code at hand cannot go on
    rejected: tuple[int, ...] = ()  # positions of payloads that do not fit what their hook takes


@silence()
def see(
    workflow: WorkflowDefinition,
    codec: Codec,
    loaded: Callable[[str], type | None],
    events: tuple[Event, ...],
    veil: Veil,
) -> Seen:
    execution = Execution(workflow, codec, loaded)
    problem = None
    try:
        execution.feed(events)
        execution.decide()
    except (CodeError, ImpossibleEvent) as error:
        problem = str(error)
    try:
        branches = tuple(_waiting(branch, veil) for branch in execution.waiting())
        return Seen(branches, _raised(execution, veil), problem, execution.rejected)
    finally:
        execution.close()


def _waiting(branch: Branch, veil: Veil) -> Waiting:
    node = branch.waits_for
    own = [frame for frame in frames(branch.generator) if not frame.function.endswith("Command.__iter__")]
    lines = _lines(own, veil)
    if node is None:  # the program broke here, or is about to be resumed
        return Waiting(branch.path, "nothing", (), lines)
    return Waiting(branch.path, _described(node), tuple(leaf.path for leaf in _leaves(node)), lines)


def _raised(execution: Execution, veil: Veil) -> tuple[Line, ...]:
    result = None if execution.tree is None else execution.tree.result
    return _lines(_passed(result.error), veil) if isinstance(result, Raised) else ()


def _passed(error: BaseException) -> list[Frame]:
    """The lines of generators that an error passed, outermost first."""
    found, traceback = [], error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        code = frame.f_code
        if code.co_flags & CO_GENERATOR and not code.co_qualname.endswith("Command.__iter__"):
            found.append(Frame(code.co_filename, traceback.tb_lineno, code.co_qualname, dict(frame.f_locals)))
        traceback = traceback.tb_next
    return found


def _lines(own: Sequence[Frame], veil: Veil) -> tuple[Line, ...]:
    return tuple(_line(frame, veil, last=frame is own[-1]) for frame in own)


def _line(frame: Frame, veil: Veil, *, last: bool) -> Line:
    around = AROUND if last else 0
    linecache.checkcache(frame.file)
    numbers = range(max(1, frame.line - around), frame.line + around + 1)
    source = tuple((number, text.rstrip()) for number in numbers if (text := linecache.getline(frame.file, number)))
    return Line(frame.file, frame.line, frame.function, source, variables(frame.variables, veil))


def _described(node: Node) -> str:
    match node:
        case Group():
            return _group(node)
        case Leaf():
            return _asked(node.command)
        case Branch():
            return "a branch"


def _group(group: Group) -> str:
    still = f"{group.left} still open" if group.closing is None else "it is settled and waits for the clean-up"
    match group.command:
        case Gather():
            return f"gather of {len(group.children)}, {still}"
        case Race():
            return f"race of {len(group.children)}, {still}"
        case Timeout(when=when):
            return f"timeout after {when}, {still}"
        case Shield():
            return "shield"
        case _:
            assert_never(group.command)


def _asked(command: Command[object]) -> str:
    """Without its arguments: they may be nobody's business."""
    match command:
        case StepCall():
            return f"step {command.recorded.label or command.definition.fn.__qualname__}"
        case SleepCommand():
            return repr(command)
        case ReceiveCommand(hook=name):
            return f"hook {name}"
        case OpenHookCommand(name=name):
            return f"open_hook {name}"
        case WorkflowCall(definition=workflow):
            return f"child {workflow.fn.__qualname__}"
        case SendCommand(run_id=run_id, hook=name):
            return f"send {run_id} {name}"
        case Until() | Task():
            return repr(command)
        case _:
            return type(command).__name__


def _leaves(node: Node | None) -> Iterator[Leaf]:
    """The leaves that a branch waits for itself; those of the branches below it are theirs."""
    match node:
        case Leaf(result=None, command=command) if not isinstance(command, Until | Task):
            yield node
        case Group(children=children):
            for child in children:
                yield from _leaves(child)
        case _:
            pass
