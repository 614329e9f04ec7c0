"""The promises of the pure core, each on hundreds of random programs. Losses and refused commits are elsewhere."""

from collections import Counter
from itertools import pairwise

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.harness import SEED, Life, assert_nothing_outlives_its_group, facts, replays, state
from tests.core.programs import ANSWERS, Body, Question, Step, Trace, Wait
from tests.core.schedules import FULL, Play, came_to, kinds, live, lives, nesting, program_of, schedules, unattended
from tests.core.strategies import broken_programs
from yieldflow.core.agenda import wakes_at
from yieldflow.core.events import AttemptFailed, CommandResolved, ForkOf, RunPaused, RunStarted, stamped
from yieldflow.core.outcome import ContinuedAs, Expired
from yieldflow.core.run import fold
from yieldflow.errors import CodeError

PROGRAMS = settings(
    max_examples=1_000, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
FEWER = settings(PROGRAMS, max_examples=250)


# --- 1: a second tend has nothing to say ---------------------------------------------------------------------


@FEWER
@given(lives())
@replays
def test_a_second_tend_has_nothing_to_say(given_life):
    play = live(*given_life)
    for length, again in play.life.repeated:
        assert again == ()
        assert play.replay(play.life.log[:length]).decide() == ()


# --- 2 and 8: every prefix replays, and first sight is replay sight ----------------------------------------------

FIGURES = Counter()
REACH = {  # of a thousand programs at least so many; which are drawn depends also on the constants of loaded modules
    "ask Spawned": 150,
    "ask Shielded": 150,
    "ask Timed": 150,
    "ask Condition": 100,
    "ask Patch": 75,
    "ask limit": 100,
    "ContinuedAs": 50,
    "Deadlock": 30,
    "HistoryFull": 3,
    "TaskCancelled": 3,
    "TimedOut": 8,
    "cancelled beside tasks": 20,
    "cancelled in a shield": 50,
    "deadline": 20,
    "forced end": 30,
    "resumed with facts kept": 50,
    "waited for a child that was let go": 20,
}


def check_prefixes(body, schedule):
    lived = []
    play = live(body, schedule, lambda now: lived.append((state(now.life.execution), list(now.trace.seen))))
    for length, (known, seen) in enumerate(lived, 1):
        trace = Trace()
        replayed = play.replay(play.life.log[:length], trace)
        assert trace.seen == seen
        assert state(replayed) == known
    FIGURES["programs"] += 1
    FIGURES["prefixes"] += len(lived)
    FIGURES["events"] += len(play.life.log)
    FIGURES["nest branches"] += nesting(body) >= 2
    FIGURES.update(kind for kind, count in play.met.items() if count)
    FIGURES.update(came_to(play))
    FIGURES.update(f"ask {kind}" for kind in kinds(body))
    FIGURES[type(play.life.outcome).__name__] += 1


def test_every_prefix_replays():
    FIGURES.clear()
    PROGRAMS(given(lives())(replays(lambda given_life: check_prefixes(*given_life))))()
    assert FIGURES["programs"] >= 1_000


def test_the_random_programs_come_everywhere(capsys):
    if not FIGURES:
        pytest.skip("the prefixes were not replayed in this session")
    with capsys.disabled():
        print("\nrandom programs:", *(f"{count:,} {kind}" for kind, count in sorted(FIGURES.items())), sep="\n  ")
    assert FIGURES["nest branches"] >= 300
    assert {kind: least for kind, least in REACH.items() if FIGURES[kind] < least} == {}
    assert FIGURES["cancelled while cleaning up"] >= 100
    assert min(FIGURES[kind] for kind in ("Ok", "Err", "Cancelled")) >= 50
    assert FIGURES["reported late"] > 0


TYPED = Body((*(Step(kind, 1) for kind in sorted(ANSWERS)), Wait("list"), Question("now"), Question("uuid4")))


@FEWER
@given(schedules())
@replays
def test_first_sight_is_replay_sight(schedule):
    """By the annotations: a tuple stays a tuple, a receipt a receipt."""
    play = live(TYPED, schedule)
    trace = Trace()
    play.replay(play.life.log, trace)
    assert trace.seen == play.trace.seen
    for (kind, value), allowed in zip(trace.seen, SIGHTS, strict=False):
        assert kind in allowed, value


SIGHTS = [{type(value).__qualname__ for value in values} for values in (ANSWERS[kind] for kind in sorted(ANSWERS))] + [
    {"list"},
    {"datetime"},
    {"UUID"},
]


# --- 3: incremental is from scratch ---------------------------------------------------------------------------------


@FEWER
@given(lives(), st.sets(st.integers(1, 60)), st.booleans())
@replays
def test_incremental_is_from_scratch(given_life, cuts, asks):
    body, schedule = given_life
    play = live(body, schedule)
    log, whole, parts = play.life.log, Trace(), Trace()
    at_once, batched = play.replay(log, whole), play.replay([], parts)
    bounds = [0, *sorted(cut for cut in cuts if cut < len(log)), len(log)]
    for start, end in pairwise(bounds):
        batched.feed(log[start:end])
        if asks:
            batched.decide()
    assert state(batched) == state(at_once)
    assert parts.seen == whole.seen


@FEWER
@given(lives(), st.integers(1, 30))
@replays
def test_a_fork_of_any_prefix_goes_on_and_replays(given_life, cut):
    """With an id, a seed and tokens of its own, so that arguments differ within what it has copied."""
    original = live(*given_life)
    log = original.life.log[:-1][:cut]
    started = evolve(log[0], run_id="fork", seed=SEED[::-1], cause=ForkOf(log[0].run_id, len(log), log[0].seed))
    fork = Play(original.program, trace := Trace(), Life(program_of(original.program, trace)))
    fork.life.append(started, *log[1:])
    fork.finish()
    again = Trace()
    assert fork.replay(fork.life.log, again).decide() == ()
    assert again.seen == trace.seen


@PROGRAMS
@given(lives(), st.lists(st.booleans(), min_size=1, max_size=20))
@replays
def test_decisions_may_be_written_later_without_changing_meaning(given_life, whens):
    body, schedule = given_life
    if schedule[0] % 8 == FULL:
        return  # positions decide there, and they change
    original = live(unattended(body), schedule)  # a child is waited for only if it was written before it is let go
    if "forced end" in came_to(original):
        return  # it is no fact: the engine writes it
    later, skipped = with_other_decisions(original, whens)
    assert but_for_what_it_hands_over(later.life.outcome) == but_for_what_it_hands_over(original.life.outcome)
    if not skipped:
        assert without(later.trace, "RunInfo") == without(original.trace, "RunInfo")
    assert without(later.trace, "RunInfo", "datetime") == without(original.trace, "RunInfo", "datetime")


def but_for_what_it_hands_over(outcome):
    """A cancellation that comes before the end is written is the next log's."""
    return evolve(outcome, cancel=None) if isinstance(outcome, ContinuedAs) else outcome


def with_other_decisions(original, whens):
    """The same facts in the same order; whether decisions are written before each is up to *whens*."""
    play = Play(original.program, trace := Trace(), Life(program_of(original.program, trace)))
    skipped = 0
    for number, fact in enumerate(facts(original.life.log)):
        life = play.life
        if not isinstance(fact, RunStarted) and (whens[number % len(whens)] or needs_decisions(life, fact)):
            life.commit()
        if is_possible(life, fact):
            life.append(fact)
        else:
            skipped += 1
    play.life.commit()
    return play, skipped


def needs_decisions(life, fact):
    """What is not in the log cannot be answered, in a pause nothing is written; and only who has nothing to decide may
    say that time is over.
    """
    match fact:
        case CommandResolved(outcome=Expired()) | RunPaused():
            return True
        case CommandResolved(path=path) | AttemptFailed(path=path):
            return path not in life.run.open
        case _:
            return False


def is_possible(life, fact):
    """A late report is not, where what it answers was let go before it was written."""
    if life.run.ended is not None:
        return False
    match fact:
        case CommandResolved(path=path) | AttemptFailed(path=path):
            if path not in life.run.open:
                assert path not in life.execution.leaves
            return path in life.run.open
        case _:
            return True


def without(trace, *kinds):
    return [one for one in trace.seen if one[0] not in kinds]


# --- 4: only the core writes history --------------------------------------------------------------------------------


@PROGRAMS
@given(lives())
@replays
def test_only_the_core_writes_history(given_life):
    """Whatever it decides, whenever it is asked, the strict fold accepts."""

    def watch(play):
        life = play.life
        run = fold([*life.log, *(stamped(decision, life.now) for decision in life.execution.decide())])
        assert run.ended is None or wakes_at(run, life.now) is None
        assert_nothing_outlives_its_group(life.execution)

    live(*given_life, watch)


@FEWER
@given(broken_programs(), schedules())
@replays
def test_a_code_error_is_never_written(body, schedule):
    """Nothing follows it, and whoever replays the log meets it again, with the same words."""
    plays = []
    try:
        assert live(body, schedule, plays.append).ended  # before it came to its mistake
    except CodeError as error:
        found = error
    else:
        return
    if plays:
        assert fold(plays[-1].life.log).ended is None
    with pytest.raises(type(found)) as again:
        live_again(body, schedule, plays)
    assert str(again.value) == str(found)


def live_again(body, schedule, plays):
    if plays:
        plays[-1].replay(plays[-1].life.fed).decide()
    else:  # it begins with its mistake
        live(body, schedule)
