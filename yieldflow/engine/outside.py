"""What those who do not tend append: the start of a run, a payload, a cancellation. Each is one commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from yieldflow.authoring.options import is_run_id, text_tags
from yieldflow.authoring.verbs import hook_name
from yieldflow.codec.packing import pack
from yieldflow.core.asks import WorkflowCall
from yieldflow.core.compare import same_arguments
from yieldflow.core.events import CancelRequested, HookReceived, Limits, RunStarted
from yieldflow.core.times import Millis
from yieldflow.core.values import Arguments, Codec
from yieldflow.engine.planning import summary
from yieldflow.errors import BadArguments, BadPayload, BadRunId, RunExists, Unencodable, UsageError
from yieldflow.ports import HINT_AFTER, Commit, Head, Open

CANCEL = "cancel"  # the key of a cancellation: a second one appends nothing


def check_run_id(run_id: str) -> None:
    """Raises `BadRunId`. `~` marks the generations of a run."""
    if not is_run_id(run_id):
        raise BadRunId(run_id)


def check_hook(name: str) -> None:
    """Raises `BadPayload`: no workflow can ask a hook of another name."""
    try:
        hook_name(name)
    except ValueError as error:
        raise BadPayload(name, "the name of a hook has 1 to 200 printable characters") from error


def check_tags(tags: Mapping[str, str]) -> None:
    """Raises `UsageError`."""
    try:
        text_tags(tags)
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from error


def started(
    call: WorkflowCall[object],
    run_id: str,
    *,
    at: Millis,
    seed: bytes,
    queue: str,
    limits: Limits,
    tags: Mapping[str, str],
    timeout: Millis | None,
    base_url: str | None,
    codec: Codec,
) -> RunStarted:
    """The first event of a run. Raises `BadArguments`."""
    return RunStarted(
        at,
        run_id,
        call.definition.name,
        encoded(call, codec),
        seed,
        queue=queue,
        version=call.definition.version,
        tags=dict(tags),
        deadline=None if timeout is None else at + timeout,
        limits=limits,
        base_url=base_url,
    )


def encoded(call: WorkflowCall[object], codec: Codec) -> bytes:
    try:
        return codec.encode_arguments(Arguments(call.args, call.kwargs), call.definition.parameters)
    except Unencodable as error:
        raise BadArguments(call.definition.name, str(error)) from error


def opening(
    event: RunStarted,
    commit: str,
    copied: Sequence[bytes] = (),
    *,
    at: Millis | None = None,
    hinted: bool = True,
) -> Commit:
    """*copied*: what the log holds beyond its first event, of another one; *at*: now, if it began long ago. Where no
    hint can reach who works, the alarm is the hint.
    """
    return Commit(
        event.run_id,
        commit,
        Head(None),
        events=(pack(event), *copied),
        alarm=(event.at if at is None else at) + (HINT_AFTER if hinted else 0),
        summary=summary(event, None, event.at),
        payloads=sum(map(len, event.inbox.values())),
    )


def expect_same(existing: RunStarted, call: WorkflowCall[object], codec: Codec) -> None:
    """A second start is the first one if it asks for the same; else `RunExists`.

    Arguments are compared like those of a recorded command: a default that was added since is no difference.
    """
    workflow = call.definition
    if existing.workflow not in (workflow.name, *workflow.also_known_as):
        raise RunExists(existing.run_id, f"the workflow {existing.workflow}")
    if not same_arguments(existing.arguments, encoded(call, codec), workflow.parameters, codec):
        raise RunExists(existing.run_id, "other arguments")


def delivery(
    run_id: str,
    commit: str,
    hook: str,
    payload: bytes,
    *,
    key: str,
    by: str | None,
    inbox: int,
    at: Millis,
    hinted: bool = True,
) -> Commit:
    """*hinted*: as in `opening`."""
    event, alarm = HookReceived(at, hook, payload, key, by), None if hinted else at
    return Commit(run_id, commit, Open(f"hook:{key}"), events=(pack(event),), payloads=1, inbox=inbox, alarm=alarm)


def cancellation(run_id: str, commit: str, *, key: str, reason: str | None, at: Millis, hinted: bool = True) -> Commit:
    """*hinted*: as in `opening`."""
    event, alarm = CancelRequested(at, key, reason), None if hinted else at
    return Commit(run_id, commit, Open(f"cancel:{key}"), events=(pack(event),), alarm=alarm)
