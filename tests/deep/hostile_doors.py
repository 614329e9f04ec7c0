"""The doors of a run that need no store: each takes one input, and refuses it in a sentence or understands it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from tests.deep.hostile_inputs import CODEC, Inputs
from yieldflow.authoring.options import span, text_tags, user_run_id
from yieldflow.authoring.verbs import hook_name, open_hook, patched, send, set_data, sleep
from yieldflow.codec import SealedCodec
from yieldflow.codec.packing import pack, unpack
from yieldflow.core.agenda import due, wakes_at
from yieldflow.core.chain import chain_of, predecessor, successor
from yieldflow.core.events import RunStarted
from yieldflow.core.path import parse
from yieldflow.core.times import duration, end
from yieldflow.core.values import Arguments, Parameters
from yieldflow.engine.outside import check_hook, check_run_id, check_tags
from yieldflow.errors import (
    BadPayload,
    BadRunId,
    ImpossibleEvent,
    Undecodable,
    Unencodable,
    UsageError,
    YieldflowError,
)
from yieldflow.inspection.timeline import Timeline
from yieldflow.inspection.words import told
from yieldflow.rq.inbox import run_of

LONGEST_SENTENCE = 2_000  # characters, whatever the size of the input
PARAMETERS = Parameters(("first", "second"), {"first": int, "second": list[Any], "third": Any}, rest=str, others=bytes)
SEALED = SealedCodec(CODEC)
FOREVER = 253_402_300_799_999
Door = Callable[[Inputs], bool]


def refused(what: Callable[[], Any], *errors: type[Exception]) -> bool:
    """Whether it was; every other way to fail is a defect, and so is a text that gives the input back."""
    try:
        what()
    except errors as error:
        expect_short(error)
        return True
    return False


def expect_short(error: Exception) -> None:
    """And of one of the classes that are promised, none of a library's that happen to be a ValueError, too."""
    text = str(error)
    assert 0 < len(text) <= LONGEST_SENTENCE, f"{type(error).__name__} says {len(text):,} characters: {text[:300]}"
    assert isinstance(error, YieldflowError) or type(error) in (ValueError, TypeError), type(error)
    text.encode()  # no half of a surrogate pair: it can be printed


def decode(inputs: Inputs) -> bool:
    kind, data = inputs.payload()
    return refused(lambda: CODEC.decode(data, kind), Undecodable)


def decode_arguments(inputs: Inputs) -> bool:
    parts = [inputs.payload()[1] for _ in range(3)]
    data = b'[[%s,%s],{"third":%s}]' % tuple(parts) if inputs.often(0.7) else inputs.bent(b'[[1,[2],"x"],{"third":5}]')
    return refused(lambda: CODEC.decode_arguments(data, PARAMETERS), Undecodable)


def compare(inputs: Inputs) -> bool:
    one, other = inputs.payload()[1], inputs.payload()[1]
    return refused(lambda: SEALED.same(one, other), Undecodable)


def encode(inputs: Inputs) -> bool:
    """What is taken comes back."""
    kind, value = inputs.one_of(inputs.kinds), inputs.object()
    return refused(lambda: CODEC.decode(CODEC.encode(value, kind), kind), Unencodable)


def encode_arguments(inputs: Inputs) -> bool:
    arguments = Arguments((inputs.object(), inputs.object()), {"third": inputs.object()})
    return refused(lambda: CODEC.encode_arguments(arguments, PARAMETERS), Unencodable)


def stored_event(inputs: Inputs) -> bool:
    """One that is understood can be written again, told to people, and never breaks the fold of a log."""
    data = inputs.event()
    try:
        event = unpack(data)
    except Undecodable as error:
        expect_short(error)
        return True
    assert unpack(pack(event)) == event, data
    timeline = Timeline()
    with suppress(ImpossibleEvent):
        for one in (() if isinstance(event, RunStarted) else LOG) + (event,):
            timeline.add(one)
        told(event, timeline)
        wakes_at(timeline.run, 5)
        due(timeline.run, FOREVER)
    return False


LOG = tuple(
    map(
        unpack,
        (
            b'{"e":"started","at":1,"run":"r","workflow":"m:w","arguments":[[],{}],"seed":"00"}',
            b'{"e":"issued","at":2,"path":"1","command":{"do":"step","name":"m:s","arguments":[[],{}]}}',
            b'{"e":"issued","at":2,"path":"2.1","command":{"do":"receive","hook":"approval","for":1000}}',
            b'{"e":"issued","at":2,"path":"2.2","command":{"do":"sleep","for":1000}}',
            b'{"e":"received","at":3,"hook":"approval","payload":1,"key":"k"}',
        ),
    )
)


def words(inputs: Inputs) -> bool:
    """Run ids, names, durations, paths, tags: of all kinds that are not texts, too."""
    given = inputs.text() if inputs.often(0.6) else inputs.object()
    check, errors = inputs.one_of(CHECKS)
    return refused(lambda: check(given), *errors)


CHECKS: tuple[tuple[Callable[[Any], Any], tuple[type[Exception], ...]], ...] = (
    (check_run_id, (BadRunId,)),
    (check_hook, (BadPayload,)),
    (check_tags, (UsageError,)),
    (lambda given: check_tags({given: given} if isinstance(given, str) else {"tag": given}), (UsageError,)),
    (lambda given: text_tags({"tag": given}), (TypeError, ValueError)),
    (user_run_id, (ValueError,)),
    (hook_name, (ValueError,)),
    (open_hook, (ValueError,)),
    (patched, (ValueError,)),
    (lambda given: send(given, "approval", 1), (ValueError,)),
    (lambda given: set_data(given, 1), (ValueError,)),
    (sleep, (ValueError,)),
    (duration, (ValueError,)),
    (span, (ValueError,)),
    (end, (ValueError,)),
    (lambda given: parse(given) if isinstance(given, str) else None, (ValueError,)),
    (lambda given: (chain_of(given), successor(given), predecessor(given)) if isinstance(given, str) else None, ()),
)


def job(inputs: Inputs) -> bool:
    """What is no hint of ours is nobody's run id; it is never an error of the worker."""
    found = run_of(inputs.job())
    assert found is None or (isinstance(found, str) and len(found) <= 10_000)
    return found is None


DOORS: Mapping[str, tuple[Door, int]] = {  # with how often, of all
    "payloads decoded by their annotation": (decode, 40),
    "arguments decoded": (decode_arguments, 8),
    "payloads compared": (compare, 4),
    "values encoded": (encode, 8),
    "arguments encoded": (encode_arguments, 2),
    "stored events": (stored_event, 20),
    "ids, names, durations and tags": (words, 14),
    "RQ jobs": (job, 4),
}


def through(name: str, inputs: Inputs, seed: int, number: int) -> bool:
    """Whether it was refused. Raises AssertionError for whatever is no clean answer."""
    try:
        return DOORS[name][0](inputs)
    except BaseException as error:
        trace = "".join(traceback.format_exception(error)[-6:])[-4_000:]
        raise AssertionError(f"{name}, input {number} of seed {seed}: {type(error).__name__}\n{trace}") from None
