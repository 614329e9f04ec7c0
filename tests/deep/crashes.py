"""Random stories, and in each a fault at every single call of every port; and at pairs of calls. The end is the same.

A *crash point* is one call of one story with one fault. At one of eight of them, all invariants are looked at after
every call; at the others, how the runs ended, that their logs can be, and that nothing acknowledged is lost.
"""

from __future__ import annotations

from random import Random

from tests.deep.crashes_stories import Plot, plot
from tests.deep.rounds import Figures
from tests.engine.faults import (
    Fault,
    Story,
    killed_after,
    killed_before,
    reply_lost,
    request_lost,
    unreachable,
)
from yieldflow.core.outcome import Err
from yieldflow.engine.requests import Execute, ExecuteLocal, Offer, Request
from yieldflow.ports import Done

STORIES = 10
PAIRS = 20  # of each story
WATCHED = 8  # one of so many

OF_PROCESSES = (killed_before, killed_after)
OF_STORES = (*OF_PROCESSES, unreachable, reply_lost, request_lost)


def one_round(seed: int) -> Figures:
    return stories(range(seed * STORIES, (seed + 1) * STORIES), PAIRS)


def stories(seeds: range, pairs: int) -> Figures:
    figures = Figures()
    for seed in seeds:
        try:
            _story(seed, pairs, figures)
        except Exception as error:
            error.add_note(f"in the story plot({seed}) of tests.deep.crashes_stories")
            raise
    return figures


def faults_of(request: type[Request]) -> tuple[Fault, ...]:
    """What may go wrong with it. A body whose worker dies in it has begun and says nothing, whenever that is."""
    if request in (Execute, ExecuteLocal):
        return (killed_before,)
    return OF_PROCESSES if request is Offer else OF_STORES


def _story(seed: int, pairs: int, figures: Figures) -> None:
    told = plot(seed)
    quiet = told.play()
    _has_ended(quiet)
    figures.counts["engine stories"] += 1
    figures.counts["runs of engine stories"] += len(quiet.world.runs)
    points = [(n, fault) for n, request in enumerate(quiet.requests) for fault in faults_of(request)]
    for number, (at, fault) in enumerate(points):
        _play(told, {at: fault}, quiet, watched=(number + seed) % WATCHED == 0)
        figures.counts["engine crash points"] += 1
        figures.counts[f"engine crash points at {quiet.requests[at].__name__}"] += 1
        figures.counts[f"engine crash points: {fault.__name__.replace('_', ' ')}"] += 1
    r = Random(seed)
    for number in range(pairs):
        (first, one), (_, other) = r.choice(points), r.choice(points)
        second = first + r.choice([1, 2, 3, r.randint(1, quiet.calls)])
        _play(told, {first: one, second: other}, quiet, watched=number % WATCHED == 0)
        figures.counts["pairs of engine crash points"] += 1


def _play(told: Plot, faults: dict[int, Fault], quiet: Story, *, watched: bool) -> None:
    try:
        story = told.play(faults, watched=watched)
        assert _shown(story) == _shown(quiet), f"{story.ending}, not {quiet.ending}"
        _has_ended(story)
    except Exception as error:
        error.add_note(f"with { ({number: fault.__name__ for number, fault in faults.items()}) }")
        raise


def _shown(story: Story) -> object:
    """Notes of a failure tell of attempts, which a lost worker makes more of."""
    end = story.ending
    return (end.failure.names, end.failure.message) if isinstance(end, Err) else end


def _has_ended(story: Story) -> None:
    world = story.world
    if story.relations is not None:
        story.relations.have_ended()
    for run_id in world.runs:
        run, stored = world.fold(run_id), world.store._runs[run_id]  # strict: at most one outcome a path
        assert stored.alarm is None, f"{run_id} rings"
        assert run.ended is None or stored.size() == 0, f"{run_id} has work left"
    for _, commit, reply in world.saved:
        kept = not commit.events or commit.commit in world.store._runs[commit.run_id].commits
        assert kept or not isinstance(reply, Done), f"acknowledged and lost: {commit}"
