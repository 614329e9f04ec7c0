"""Events come back from their stored form exactly, bytes included; the form is readable and may grow."""

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from yieldflow.codec import pack, unpack
from yieldflow.core.commands import (
    CallStep,
    ChildOptions,
    MarkPatch,
    OpenHook,
    Receive,
    Respond,
    Send,
    SetData,
    Sleep,
    StartChild,
    StepOptions,
)
from yieldflow.core.events import (
    AttemptFailed,
    CancelRequested,
    CommandAbandoned,
    CommandIssued,
    CommandResolved,
    ForkOf,
    HookReceived,
    Limits,
    Next,
    Parent,
    RetryOf,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
)
from yieldflow.core.outcome import Cancelled, ContinuedAs, Err, Expired, Failure, Ok, Taken
from yieldflow.core.retry import Retry
from yieldflow.core.times import LATEST, After, At
from yieldflow.errors import Undecodable

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
MAYBE_TEXT = st.none() | TEXT
MILLIS = st.integers(0, LATEST)
MAYBE_MILLIS = st.none() | MILLIS
PATHS = st.lists(st.integers(1, 10**6), min_size=1, max_size=4).map(tuple)
PAYLOADS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
).map(orjson.dumps)
FAILURES = st.recursive(
    st.none(),
    lambda cause: st.builds(
        Failure,
        st.lists(TEXT, max_size=3).map(tuple),
        TEXT,
        st.none() | PAYLOADS,
        st.none() | PAYLOADS,
        MAYBE_TEXT,
        cause,
    ),
    max_leaves=3,
).filter(bool)
ENDS = st.builds(After, MILLIS) | st.builds(At, st.integers(-LATEST, LATEST))
COUNTS = st.integers(1, 1000)
DURATIONS = st.integers(0, 10**9).map(lambda millis: f"{millis}ms")
RETRIES = st.builds(
    Retry,
    attempts=st.none() | COUNTS,
    delay=DURATIONS,
    factor=st.floats(1, 10),
    max_delay=DURATIONS,
    jitter=st.floats(0, 1),
    retry_on=st.lists(TEXT, max_size=2),
    give_up_on=st.lists(TEXT, max_size=2),
    lost=COUNTS,
)
OPTIONS = st.builds(
    StepOptions,
    MAYBE_TEXT,
    st.none() | COUNTS,
    COUNTS,
    MAYBE_MILLIS,
    MAYBE_MILLIS,
    MAYBE_MILLIS,
    MAYBE_TEXT,
    st.none() | RETRIES,
    st.booleans(),
)
TAGS = st.dictionaries(TEXT, TEXT, max_size=2)
CHILD_OPTIONS = st.builds(
    ChildOptions, MAYBE_TEXT, TAGS, MAYBE_MILLIS, MAYBE_TEXT, st.sampled_from(["cancel", "abandon"])
)
COMMANDS = st.one_of(
    st.builds(CallStep, TEXT, PAYLOADS, OPTIONS),
    st.builds(Sleep, ENDS),
    st.builds(OpenHook, TEXT, MAYBE_TEXT, st.none() | PAYLOADS, MAYBE_MILLIS),
    st.builds(Respond, TEXT, MILLIS, PAYLOADS),
    st.builds(Receive, TEXT, st.none() | ENDS),
    st.builds(SetData, TEXT, PAYLOADS),
    st.builds(MarkPatch, TEXT),
    st.builds(StartChild, TEXT, PAYLOADS, st.booleans(), MAYBE_TEXT, CHILD_OPTIONS),
    st.builds(Send, TEXT, TEXT, PAYLOADS),
)
SOME = st.builds(Ok, PAYLOADS) | st.builds(Err, FAILURES) | st.builds(Cancelled, MAYBE_TEXT, st.booleans())
SEEDS = st.binary(max_size=16)
CAUSES = st.builds(Next, TEXT) | st.builds(RetryOf, TEXT, MILLIS) | st.builds(ForkOf, TEXT, MILLIS, SEEDS)
EVENTS = st.one_of(
    st.builds(
        RunStarted,
        at=MILLIS,
        run_id=TEXT,
        workflow=TEXT,
        arguments=PAYLOADS,
        seed=SEEDS,
        queue=TEXT,
        version=MAYBE_TEXT,
        parent=st.none() | st.builds(Parent, TEXT, PATHS, st.booleans()),
        cause=st.none() | CAUSES,
        tags=TAGS,
        deadline=MAYBE_MILLIS,
        limits=st.builds(Limits, MILLIS, MAYBE_TEXT, COUNTS, COUNTS, COUNTS, COUNTS),
        token_seed=st.none() | SEEDS,
        base_url=MAYBE_TEXT,
        inbox=st.dictionaries(TEXT, st.lists(PAYLOADS, max_size=2).map(tuple), max_size=2),
        data=st.dictionaries(TEXT, PAYLOADS, max_size=2),
    ),
    st.builds(CommandIssued, MILLIS, PATHS, COMMANDS),
    st.builds(
        CommandResolved,
        MILLIS,
        PATHS,
        SOME | st.builds(Expired) | st.builds(Taken, MILLIS),
        st.integers(0, 9),
        MAYBE_TEXT,
        MAYBE_MILLIS,
    ),
    st.builds(
        AttemptFailed,
        MILLIS,
        PATHS,
        COUNTS,
        FAILURES,
        MILLIS,
        st.sampled_from(["raised", "timeout", "lost"]),
        st.none() | PAYLOADS,
        MAYBE_TEXT,
        MAYBE_MILLIS,
    ),
    st.builds(CommandAbandoned, MILLIS, PATHS),
    st.builds(HookReceived, MILLIS, TEXT, PAYLOADS, TEXT, MAYBE_TEXT),
    st.builds(CancelRequested, MILLIS, TEXT, MAYBE_TEXT, MAYBE_TEXT),
    st.builds(RunPaused, MILLIS, MAYBE_TEXT, MAYBE_TEXT),
    st.builds(RunResumed, MILLIS, MAYBE_TEXT),
    st.builds(RunFinished, MILLIS, SOME | st.builds(ContinuedAs, TEXT, TEXT, PAYLOADS, MAYBE_TEXT), st.none() | PATHS),
)
ISSUED = CommandIssued(5, (3, 2, 1), CallStep("charge", b'[["o",5],{}]'))


@given(EVENTS)
@example(ISSUED)
@example(CommandResolved(5, (1,), Taken(4)))
@example(CommandIssued(5, (1,), Receive("a", At(7))))
@example(RunFinished(5, Err(Failure(("a:B",), "b"))))
@example(
    CommandIssued(5, (1,), CallStep("a", b"[[],{}]", StepOptions(attempts=None, retry=Retry(delay=2, attempts=None))))
)
@example(HookReceived(5, "a", b"-0.0", "k"))
@example(HookReceived(5, "a", b"null", "k"))
@example(AttemptFailed(5, (1,), 1, Failure((), "", b"null", b"null"), 6, "lost", b"null"))
def test_events_come_back_exactly(event):
    packed = pack(event)
    assert unpack(packed) == event
    assert pack(unpack(packed)) == packed


@given(EVENTS, st.sampled_from(["new", "zz"]))
def test_unknown_fields_are_ignored(event, name):
    grown = {**orjson.loads(pack(event)), name: [1]}
    assert unpack(orjson.dumps(grown)) == event


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            RunStarted(1, "order-42", "shop:checkout", b'[["o"],{}]', b"\x01\xff"),
            b'{"e":"started","at":1,"run":"order-42","workflow":"shop:checkout","arguments":[["o"],{}],"seed":"01ff"}',
        ),
        (
            ISSUED,
            b'{"e":"issued","at":5,"path":"3.2.1","command":{"do":"step","name":"charge","arguments":[["o",5],{}]}}',
        ),
        (
            CommandResolved(6, (3,), Ok(b'{"n":1}'), 1, "w1", 5),
            b'{"e":"resolved","at":6,"path":"3","is":"ok","value":{"n":1},"attempt":1,"worker":"w1","started_at":5}',
        ),
        (CommandIssued(5, (1,), Sleep(After(7))), b'{"e":"issued","at":5,"path":"1","command":{"do":"sleep","for":7}}'),
        (RunFinished(9, Cancelled()), b'{"e":"finished","at":9,"is":"cancelled"}'),
    ],
)
def test_lines_are_readable_and_leave_defaults_out(event, line):
    assert pack(event) == line
    assert unpack(line) == event


@pytest.mark.parametrize(
    "line",
    [
        b'{"e":"teleported","at":1}',
        b'{"e":["issued"],"at":1}',
        b'{"e":"issued","at":1,"path":"1","command":{"do":"teleport"}}',
        b'{"e":"resolved","at":1,"path":"1","is":"continued","run":"a"}',
        b'{"e":"finished","at":1,"is":"taken","position":1}',
        b'{"e":"started","at":1,"run":"a","workflow":"w","arguments":[],"seed":"","cause":{"is":"magic"}}',
    ],
)
def test_unknown_tags_are_undecodable(line):
    with pytest.raises(Undecodable):
        unpack(line)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"null",
        b'"started"',
        b"{}",
        b"[" * 5000,
        b'{"e":"abandoned","at":1,"path":"1..2"}',
        b'{"e":"abandoned","at":1,"path":7}',
        b'{"e":"abandoned","path":"1"}',
        b'{"e":"issued","at":1,"path":"1","command":7}',
        b'{"e":"received","at":1,"hook":"a","key":"k","payload":' + b"[" * 600 + b"]" * 600 + b"}",
    ],
)
def test_garbage_is_undecodable(line):
    with pytest.raises(Undecodable):
        unpack(line)
