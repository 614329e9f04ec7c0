"""What golden logs hold: for each file its events. A new command, outcome or field is one more line here, or file.

What a file says is never changed: logs like it are in stores. `python -m tests.golden` adds what is missing.
"""

from __future__ import annotations

from yieldflow.core.commands import (
    CallStep,
    ChildOptions,
    MarkPatch,
    OpenHook,
    Receive,
    Recorded,
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
    Event,
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
from yieldflow.core.times import After, At

AT = 1_767_225_600_000
SEED = bytes(range(16))
STARTED = RunStarted(AT, "order-42", "shop:checkout", b'[["o",5],{"gift":true}]', SEED)
CHARGE = CallStep("shop:charge", b'[["o"],{}]')
OPTIONS = StepOptions("gpu", 7, 2, 30_000, 60_000, 5_000, "the charge")
RETRY = Retry(None, "2s", 3.0, "1m", 0.5, ("shop:Busy",), ("shop:Declined", "builtins:OSError"), 9)
DECLINED = Failure(
    ("shop:Declined", "builtins:Exception", "builtins:BaseException"),
    "no funds",
    b'["no funds",5]',
    b'{"code":5}',
    "Traceback (most recent call last):\nshop.Declined: no funds\n",
    Failure(("builtins:OSError", "builtins:Exception"), "broken pipe"),
)
SEALED = b'{"$":"sealed","v":"Z0FBQUFB"}'


def issued(*commands: Recorded) -> list[Event]:
    return [CommandIssued(AT + 1, (number,), command) for number, command in enumerate(commands, 1)]


def finished(outcome: Ok | Err | Cancelled | ContinuedAs) -> RunFinished:
    return RunFinished(AT + 9, outcome)


SITUATIONS: dict[str, list[Event]] = {
    # --- single events ------------------------------------------------------------------------------------------
    "started": [STARTED],
    "started-with-everything": [
        RunStarted(
            AT,
            "order-42~2",
            "shop:checkout",
            b"[[],{}]",
            SEED,
            queue="slow",
            version="v2",
            parent=Parent("basket-7", (3, 1)),
            cause=Next("order-42"),
            tags={"shop": "north", "": "ä"},
            deadline=AT + 86_400_000,
            limits=Limits(lease=5_000, step_queue="gpu", inbox=10),
            base_url="https://shop.example",
            inbox={"approval": (b"true", b'{"$":"tuple","v":[1]}'), "empty": ()},
            data={"progress": b"0.5"},
        )
    ],
    "started-by-a-retry": [RunStarted(AT, "order-42~2", "w", b"[[],{}]", SEED, cause=RetryOf("order-42", 17))],
    "started-by-a-fork": [RunStarted(AT, "copy", "w", b"[[],{}]", SEED, cause=ForkOf("order-42", 17, SEED[::-1]))],
    "started-by-a-fork-with-other-answers": [
        RunStarted(AT, "copy", "w", b"[[],{}]", SEED, cause=ForkOf("a", 5, SEED[::-1], replaced=((1,), (3, 2, 1)))),
    ],
    "started-by-a-retry-of-a-fork": [
        RunStarted(AT, "r~2", "w", b"[[],{}]", SEED, cause=RetryOf("r", 9, ForkOf("a", 5, SEED)), anew=(7, 9)),
    ],
    "started-by-a-fork-of-a-fork": [
        RunStarted(AT, "b", "w", b"[[],{}]", SEED, cause=ForkOf("a", 5, SEED, ForkOf("z", 3, SEED[::-1]))),
    ],
    "steps": issued(
        CHARGE,
        CallStep("shop:charge", b"[[],{}]", OPTIONS),
        CallStep("shop:charge", b"[[],{}]", StepOptions(attempts=None)),
        CallStep("shop:charge", b"[[],{}]", StepOptions(attempts=None, lost=9, retry=RETRY)),
        CallStep("shop:charge", b"[[],{}]", StepOptions(retry=Retry())),
    ),
    "deep-paths": [CommandIssued(AT, (1, 12, 3), CHARGE), CommandIssued(AT, (1_000_000,), CHARGE)],
    "waits": issued(
        Sleep(After(0)), Sleep(After(259_200_000)), Sleep(At(AT)), Receive("a", After(5)), Receive("a", At(0))
    ),
    "hooks": issued(OpenHook("approval"), Receive("approval"), OpenHook("ä …")),
    "started-with-tokens": [RunStarted(AT, "r~2", "w", b"[[],{}]", SEED, tokens={"paid": "order 42/ä"})],
    "own-tokens": [
        STARTED,
        CommandIssued(AT + 1, (1,), OpenHook("paid", "order 42/ä", b'{"ok":true}', 10_000)),
        CommandIssued(AT + 1, (2,), OpenHook("again", "order 42/ä")),
        CommandResolved(AT + 2, (1,), Ok(b"null")),
        CommandResolved(AT + 2, (2,), Err(Failure(("yieldflow.errors.usage:HookTokenTaken",), "in use"))),
        HookReceived(AT + 3, "paid", b"1", "k1"),
        CommandIssued(AT + 4, (3,), Receive("paid")),
        CommandResolved(AT + 4, (3,), Taken(6)),
        CommandIssued(AT + 4, (4,), Respond("paid", 6, b'{"thanks":1}')),
    ],
    "answers": [
        CommandResolved(AT, (1,), Ok(b'{"n":1}'), 1, "w1", AT - 5),
        CommandResolved(AT, (2,), Ok(b"null")),
        CommandResolved(AT, (3, 1), Err(DECLINED), 3, "w1", AT - 5),
        CommandResolved(AT, (4,), Expired()),
        CommandResolved(AT, (5,), Taken(17)),
    ],
    "values": [
        CommandResolved(AT, (number,), Ok(value))
        for number, value in enumerate(
            [
                *(b"null", b"true", b"-0.0", b"1e+300", b"18446744073709551615", b'"\xc3\xa4\\u0000"', b"[]", b"{}"),
                *(b'{"$":"set","v":[1,2]}', b'{"$":"dict","v":[[1,"one"]]}', b'{"$":"int","v":"0x1ffffffffffffffff"}'),
                SEALED,
            ],
            1,
        )
    ],
    "attempts": [
        AttemptFailed(AT, (1,), 1, DECLINED, AT + 1_000),
        AttemptFailed(AT, (1,), 2, DECLINED, AT, "timeout", b'{"done":5}', "w1", AT - 5),
        AttemptFailed(AT, (1,), 3, Failure((), ""), AT, "lost"),
    ],
    "failures": [
        CommandResolved(AT, (number,), Err(failure), 1)
        for number, failure in enumerate(
            [
                Failure((), ""),
                Failure(("a:B",), "m", args=b"[]"),
                Failure(("a:B",), "m", state=b"{}"),
                Failure(("a:B",), "m", args=SEALED, state=SEALED),
                Failure(("a:B",), "m", traceback=""),
                Failure(("a:B",), "m", cause=Failure(("a:C",), "n", cause=Failure(("a:D",), "o"))),
            ],
            1,
        )
    ],
    "abandoned": [CommandAbandoned(AT, (3, 2))],
    "received": [
        HookReceived(AT, "approval", b'{"by":"somebody"}', "k1"),
        HookReceived(AT, "approval", b"null", "k2", "token"),
        HookReceived(AT, "approval", SEALED, "k3"),
    ],
    "cancelled": [CancelRequested(AT, "cancel"), CancelRequested(AT, "again", "too late", "somebody")],
    "paused": [RunPaused(AT), RunPaused(AT, "somebody", "for a while"), RunResumed(AT), RunResumed(AT, "somebody")],
    "finished": [
        finished(Ok(b"[1]")),
        finished(Err(DECLINED)),
        finished(Cancelled()),
        finished(Cancelled("too late", forced=True)),
    ],
    "started-as-a-later-generation": [
        RunStarted(
            AT,
            "order-42~3",
            "shop:checkout",
            b"[[],{}]",
            SEED,
            parent=Parent("basket-7", (1,), detached=True),
            limits=Limits(history=100, history_bytes=1_000, history_warn=50),
            token_seed=SEED[::-1],
        )
    ],
    "local-steps": issued(CallStep("shop:pick", b"[[],{}]", StepOptions(local=True))),
    "data": issued(SetData("progress", b"0.5"), SetData("", SEALED)),
    "patches": issued(MarkPatch("new-prices")),
    "children": issued(
        StartChild("shop:ship", b'[["o"],{}]'),
        StartChild("shop:ship", b"[[],{}]", True, "v2"),
        StartChild("shop:ship", b"[[],{}]", options=ChildOptions("ship-7", {"a": "b"}, 5_000, "slow", "abandon")),
    ),
    "sends": issued(Send("order-7", "approval", b"true"), Send("order-7", "approval", SEALED)),
    "answers-of-children": [
        CommandResolved(AT, (1,), Cancelled("too late", forced=True)),
        CommandResolved(AT, (2,), Cancelled()),
    ],
    "finished-and-continued": [
        finished(ContinuedAs("order-42~2", "shop:checkout", b'[["o"],{}]')),
        finished(ContinuedAs("order-42~2", "shop:checkout", SEALED, "v2")),
    ],
    "finished-and-cancelled-in-the-next": [
        finished(ContinuedAs("order-42~2", "shop:checkout", b'[["o"],{}]', None, ("cancel", "no money"))),
    ],
    "finished-by-a-command": [RunFinished(AT, Err(DECLINED), (3, 1))],
    # --- whole logs: the fold takes them --------------------------------------------------------------------------
    "log-of-steps": [
        STARTED,
        CommandIssued(AT + 1, (1,), CHARGE),
        AttemptFailed(AT + 2, (1,), 1, DECLINED, AT + 1_002),
        AttemptFailed(AT + 1_003, (1,), 2, Failure(("yieldflow.errors:WorkerLost",), "lost"), AT + 1_003, "lost"),
        CommandResolved(AT + 1_004, (1,), Ok(b'"paid"'), 3, "w2", AT + 1_003),
        finished(Ok(b'"paid"')),
    ],
    "log-of-hooks": [
        STARTED,
        HookReceived(AT + 1, "early", b"1", "k1"),
        CommandIssued(AT + 2, (1,), OpenHook("approval")),
        CommandIssued(AT + 2, (2,), Receive("early")),
        CommandResolved(AT + 2, (2,), Taken(2)),
        CommandIssued(AT + 2, (3,), Receive("approval", After(5))),
        CommandResolved(AT + 7, (3,), Expired()),
        HookReceived(AT + 8, "approval", b"true", "k2"),
        CommandIssued(AT + 9, (4,), Sleep(After(1_000))),
    ],
    "log-of-a-cancellation": [
        STARTED,
        CommandIssued(AT + 1, (1, 1), CHARGE),
        CommandIssued(AT + 1, (1, 2), Sleep(After(5))),
        RunPaused(AT + 2),
        CancelRequested(AT + 3, "cancel", "too late"),
        CommandAbandoned(AT + 3, (1, 1)),
        CommandAbandoned(AT + 3, (1, 2)),
        finished(Cancelled("too late")),
    ],
    "log-of-other-runs": [
        STARTED,
        CommandIssued(AT + 1, (1,), StartChild("shop:ship", b"[[],{}]")),
        CommandIssued(AT + 1, (2,), StartChild("shop:ship", b"[[],{}]", detached=True)),
        CommandIssued(AT + 1, (3,), Send("order-7", "approval", b"true")),
        CommandResolved(AT + 2, (2,), Ok(b'"order-42~1.2"')),
        CommandResolved(AT + 3, (3,), Ok(b"17")),
        CommandResolved(AT + 4, (1,), Err(DECLINED)),
        CommandIssued(AT + 5, (4,), StartChild("shop:ship", b"[[],{}]")),
        CommandAbandoned(AT + 6, (4,)),
        CommandResolved(AT + 7, (4,), Cancelled("no longer wanted")),
        RunFinished(AT + 9, Err(DECLINED), (1,)),
    ],
    "log-of-data": [
        STARTED,
        CommandIssued(AT + 1, (1,), SetData("progress", b"0.5")),
        CommandIssued(AT + 1, (2,), MarkPatch("new-prices")),
        CommandIssued(AT + 1, (3,), CallStep("shop:pick", b"[[],{}]", StepOptions(local=True))),
        CommandResolved(AT + 1, (3,), Ok(b"5"), 1),
        RunFinished(AT + 9, ContinuedAs("order-42~2", "shop:checkout", b"[[],{}]")),
    ],
    "log-that-is-paused": [STARTED, CommandIssued(AT + 1, (1,), Receive("a")), RunPaused(AT + 2, "somebody")],
}
