"""The strategy of random programs: what they may consist of, and how often."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from tests.core.programs import (
    HOOKS,
    STEPS,
    Await,
    Body,
    Branch,
    Broken,
    Child,
    Condition,
    Continue,
    Fail,
    Group,
    Guard,
    Nap,
    Op,
    Open,
    Patch,
    Put,
    Question,
    Send,
    Shielded,
    Spawned,
    Step,
    Timed,
    Verb,
    Wait,
)

_rarely = st.integers(0, 9).map(lambda n: n == 9)
_names = st.sampled_from(sorted(HOOKS))
_steps = st.builds(Step, st.sampled_from(sorted(STEPS)), st.integers(0, 9), _rarely)
_naps = st.builds(Nap, st.integers(0, 5))
_waits = st.builds(Wait, _names, st.none() | st.integers(0, 5), st.booleans(), _rarely)
_children = st.builds(Child, st.integers(0, 9), st.sampled_from(["cancel", "cancel", "abandon", "detach"]))
_puts = st.builds(Put, st.sampled_from("ab"))
_conditions = st.builds(Condition, st.integers(0, 4), _rarely)
_others = st.one_of(st.builds(Open, _names), _puts, st.builds(Send, _names))
_leaves = st.one_of(_steps, _steps, _naps, _waits, _children, _conditions, _others)
_questions = st.builds(Question, st.sampled_from(["now", "rng", "uuid4", "run_info", "data"]))
_patches = st.builds(Patch, st.sampled_from("xy"))
_fails = st.builds(Fail, _rarely)
_awaits = st.builds(
    Await, st.integers(0, 3), st.sampled_from(["await", "await", "race", "timeout", "timeout", "cancel", "both"])
)
_cleaning = st.lists(st.one_of(_steps, _naps, _children), min_size=1, max_size=2).map(tuple).map(Body)
_verbs: st.SearchStrategy[Verb] = st.sampled_from(["gather", "race", "settle"])


@cache
def _bodies(depth: int) -> st.SearchStrategy[Body]:
    return st.lists(_ops(depth), min_size=1, max_size=3).map(tuple).map(Body)


@cache
def _branches(depth: int) -> st.SearchStrategy[Branch]:
    """What may be asked in a combinator of this depth."""
    inner = (_groups(depth - 1), _wrapped(depth - 1)) if depth > 1 else ()
    return st.one_of(_leaves, _bodies(depth - 1), _bodies(depth - 1), *inner)


@cache
def _groups(depth: int) -> st.SearchStrategy[Group]:
    limits = st.none() | st.none() | st.integers(1, 2)
    return st.builds(_group, _verbs, st.lists(_branches(depth), max_size=3).map(tuple), limits)


def _group(verb: Verb, branches: tuple[Branch, ...], limit: int | None = None) -> Group:
    return Group(verb if branches else "gather", branches, limit)  # a race of nothing is refused where it is made


@cache
def _wrapped(depth: int) -> st.SearchStrategy[Branch]:
    timed = st.builds(Timed, _branches(depth), st.integers(0, 5), st.booleans())
    return st.one_of(timed, st.builds(Shielded, _branches(depth)))


@cache
def _tasks(depth: int) -> st.SearchStrategy[Op]:
    return st.builds(Spawned, _branches(depth), st.sampled_from(["await", "cancel", "leave", "leave"]))


@cache
def _guards(depth: int) -> st.SearchStrategy[Guard]:
    whens = st.sampled_from(["cancelled", "finally", "error"])
    cleaning = st.one_of(_cleaning, _bodies(min(depth, 1))) if depth else _cleaning
    return st.builds(Guard, _bodies(depth), whens, cleaning, st.booleans())


@cache
def _ops(depth: int) -> st.SearchStrategy[Op]:
    flat = [_leaves, _leaves, _questions, _patches, _awaits, _fails]
    if depth == 0:
        return st.one_of(*flat)
    return st.one_of(*flat, _groups(depth), _guards(depth - 1), _groups(depth), _wrapped(depth), _tasks(depth))


@cache
def programs() -> st.SearchStrategy[Body]:
    """Up to three groups within each other, and as many things to clean up."""
    guarded = st.builds(Guard, _bodies(2), st.sampled_from(["cancelled", "finally"]), _cleaning, st.booleans())
    branches = st.lists(guarded.map(lambda guard: Body((guard,))) | _groups(2) | _wrapped(2), min_size=1, max_size=3)
    nested = st.builds(Group, _verbs, branches.map(tuple), st.none() | st.just(1))
    guarded_group = st.builds(Guard, nested.map(lambda group: Body((group,))), st.just("finally"), _cleaning)
    first = st.lists(_ops(1), max_size=2)
    chosen = st.one_of(nested, guarded, guarded_group, _groups(3), _tasks(2)).map(lambda op: (op,))
    crowded = _crowds().map(lambda group: (Nap(1), group))
    last = st.lists(_ops(1), max_size=2) | st.just((Continue(),))
    return st.tuples(first, st.one_of(chosen, chosen, crowded, _busy()), last).map(
        lambda ops: Body((*ops[0], *ops[1], *ops[2]))
    )


def _crowds() -> st.SearchStrategy[Group]:
    """Several that wait for payloads of one name, among others; some of them are there already."""
    waits = st.builds(Wait, st.just("anything"), st.none() | st.integers(0, 5))
    branches = st.lists(st.one_of(waits, waits.map(lambda wait: Body((wait,))), _leaves), min_size=2, max_size=4)
    return st.builds(Group, _verbs, branches.map(tuple))


def _busy() -> st.SearchStrategy[tuple[Op, ...]]:
    """Tasks that somebody waits for, beside something else."""
    return st.tuples(_tasks(1), _tasks(1), _ops(1), _awaits)


@st.composite
def broken_programs(draw: st.DrawFn) -> Body:
    """A program with one mistake, at some place of its own or in a branch beside it."""
    ops = draw(programs()).ops
    kinds = ["value", "generator", "argument", "recursion", "twice", "continue", "foreign", "condition"]
    mistake = Broken(draw(st.sampled_from(kinds)))
    at = draw(st.integers(0, len(ops)))
    if draw(st.booleans()):
        return Body((*ops[:at], mistake, *ops[at:]))
    ops = tuple(op for op in ops if not isinstance(op, Continue))  # only the workflow itself may
    return Body((Group("gather", (Body(ops), Body((Nap(1), Guard(Body((mistake,)), "finally", Body((Nap(1),))))))),))
