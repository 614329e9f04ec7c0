"""Questions that the log and the seed answer at once. They count for each kind and branch, so that a new one
changes no other's answer.
"""

from __future__ import annotations

from typing import assert_never
from urllib.parse import quote

from yieldflow.core import answers
from yieldflow.core.asks import GetDataCommand, Question, RunInfo
from yieldflow.core.chain import chain_of
from yieldflow.core.events import RetryOf, RunStarted, fork_of
from yieldflow.core.nodes import Branch
from yieldflow.core.path import show
from yieldflow.core.run import Run
from yieldflow.core.settling import fresh
from yieldflow.core.times import moment
from yieldflow.core.values import Codec


def answer(question: Question[object], branch: Branch, run: Run) -> object:
    """*run* is the fold of all that was fed."""
    count = branch.questions[question.kind] = branch.questions.get(question.kind, 0) + 1
    match question.kind:
        case "now":
            return moment(run.time)
        case "uuid4":
            return answers.uuid4(seed(run), show(branch.path), count)
        case "rng":
            return answers.rng(seed(run), show(branch.path), count)
        case "run_info":
            return _info(run)
        case _:
            assert_never(question.kind)


def read_data(question: GetDataCommand[object], data: dict[str, bytes], codec: Codec) -> object:
    """A fresh copy each time. Raises `Undecodable`."""
    if question.key not in data:
        return fresh(question.default)
    return codec.decode(data[question.key], question.type)


def seed(run: Run) -> bytes:
    """A fork goes on with a seed of its own after what it has copied: also after a fact that comes last in it."""
    started = _started(run)
    found, fork = started.seed, fork_of(started.cause)
    while fork is not None and run.fed < fork.position:
        found, fork = fork.seed, fork.before
    return found


def hook_token(run: Run, name: str) -> str:
    """Its own, if it has reserved one; else by the first seed of the chain and its id, so that mailed links survive."""
    if name in run.hooks and (own := run.hooks[name].token) is not None:
        return own
    started = _started(run)
    chain, _ = chain_of(started.run_id)
    return answers.hook_token(started.seed if started.token_seed is None else started.token_seed, chain, name)


def hook_hashes(run: Run) -> dict[str, str]:
    """What a store indexes of its hooks: token hash -> name."""
    return {answers.token_hash(hook_token(run, name)): name for name in run.hooks}


def hook_url(run: Run, token: str) -> str | None:
    """Where the web takes it; None: the run was started without a `base_url`."""
    started = _started(run)
    return None if started.base_url is None else f"{started.base_url.rstrip('/')}/hooks/{quote(token, safe='')}"


def _info(run: Run) -> RunInfo:
    started = _started(run)
    first = started.cause.run_id if isinstance(started.cause, RetryOf) else started.run_id
    chain, number = chain_of(first)
    return RunInfo(
        chain,
        number,
        started.workflow,
        moment(started.at),
        None if started.parent is None else started.parent.run_id,
        dict(started.tags),
        run.fed,
        run.fed >= started.limits.history_warn or run.bytes * 5 >= started.limits.history_bytes,
    )


def _started(run: Run) -> RunStarted:
    assert run.started is not None
    return run.started
