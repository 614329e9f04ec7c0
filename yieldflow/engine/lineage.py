"""The runs that come of a run: its children and its next generation. Each is a function of its log alone, so whoever
starts one starts the same.
"""

from __future__ import annotations

from attrs import evolve

from yieldflow.core.answers import derive
from yieldflow.core.commands import StartChild
from yieldflow.core.events import CancelRequested, CommandIssued, Next, Parent, RunStarted
from yieldflow.core.outcome import ContinuedAs
from yieldflow.core.path import show
from yieldflow.core.run import Run
from yieldflow.engine.planning import child_id

SEED = 16  # bytes


def child_of(started: RunStarted, issued: CommandIssued, command: StartChild) -> RunStarted:
    """The first event of the child that *started* asked for."""
    options = command.options
    return RunStarted(
        issued.at,
        child_id(started, issued.path, command),
        command.workflow,
        command.arguments,
        derive(started.seed, "child", show(issued.path))[:SEED],
        queue=options.queue or started.queue,
        version=command.version,
        parent=Parent(started.run_id, issued.path, command.detached),
        tags={**started.tags, **options.tags},
        deadline=None if options.timeout is None else issued.at + options.timeout,
        limits=started.limits,
        base_url=started.base_url,
    )


def next_of(run: Run) -> RunStarted:
    """The first event of the generation after *run*, which was continued."""
    started, ended = run.started, run.ended
    assert started is not None
    assert ended is not None
    assert isinstance(ended.outcome, ContinuedAs)
    inbox: dict[str, tuple[bytes, ...]] = {}
    for _, received in sorted(run.unread.items(), key=lambda item: (item[0] > 0, abs(item[0]))):
        inbox[received.name] = (*inbox.get(received.name, ()), received.payload)
    return evolve(
        started,
        at=ended.at,
        run_id=ended.outcome.run_id,
        workflow=ended.outcome.workflow,
        arguments=ended.outcome.arguments,
        version=ended.outcome.version,
        seed=derive(started.seed, "next")[:SEED],
        token_seed=started.seed if started.token_seed is None else started.token_seed,
        cause=Next(started.run_id),
        anew=(),
        inbox=inbox,
        data=dict(run.data),
        tokens={name: opened.token for name, opened in run.hooks.items() if opened.token is not None},
    )


def cancel_of(run: Run) -> CancelRequested | None:
    """What the next generation hears at once: it came when this one had nothing left to cancel."""
    ended = run.ended
    assert ended is not None
    if not isinstance(ended.outcome, ContinuedAs) or ended.outcome.cancel is None:
        return None
    key, reason = ended.outcome.cancel
    return CancelRequested(ended.at, key, reason)
