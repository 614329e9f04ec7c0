"""A payload codec: what is stored is sealed, what was stored before is read, and nothing sealed is ever a value."""

import zlib
from typing import Any, TypedDict

import orjson
import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from tests.codec.test_codec import UNTYPED
from tests.values import CODEC, Line, Order, identical
from yieldflow import App, FatalError, Flow, RunFailed, hook, open_hook, step, workflow
from yieldflow.codec import SealedCodec, StillSealed, pack, unpack
from yieldflow.core.compare import same_arguments
from yieldflow.core.events import CommandIssued, CommandResolved, HookReceived, RunFinished, RunStarted
from yieldflow.core.outcome import Err, Ok
from yieldflow.core.values import Arguments, Parameters
from yieldflow.errors import BadArguments, BadPayload, Undecodable, Unencodable, UsageError


@define
class Masked:
    """Encryption for tests: other bytes each time, and bytes of another key are refused."""

    key: int = 7
    count: int = field(default=0)

    def encode(self, data: bytes) -> bytes:
        self.count += 1
        mask = self.count % 255 + 1
        return bytes([self.key, mask]) + bytes(one ^ mask for one in zlib.compress(data))

    def decode(self, data: bytes) -> bytes:
        if data[0] != self.key:
            raise LookupError("another key")
        return zlib.decompress(bytes(one ^ data[1] for one in data[2:]))


class Raising:
    def encode(self, data: bytes) -> bytes:
        raise zlib.error("no room")

    decode = encode


class Text:
    def encode(self, data: bytes) -> Any:
        return data.decode()

    decode = encode


SEALED = SealedCodec(CODEC, Masked())
PARAMETERS = Parameters(("order", "note"), {"order": Order, "note": str})


@given(UNTYPED)
def test_values_come_back_from_their_seal_as_they_were(value):
    data = SEALED.encode(value, Any)
    assert set(orjson.loads(data)) == {"$", "v"}
    assert identical(SEALED.decode(data, Any), value)


def test_annotated_values_and_arguments_come_back_from_their_seal():
    order = Order("a", [Line(1)])
    assert SEALED.decode(SEALED.encode(order, Order), Order) == order
    arguments = Arguments((order,), {"note": "x"})
    assert SEALED.decode_arguments(SEALED.encode_arguments(arguments, PARAMETERS), PARAMETERS) == arguments


def test_what_was_stored_before_is_read():
    assert SEALED.decode(CODEC.encode([1], list[int]), list[int]) == [1]
    assert SEALED.decode_arguments(b"[[],{}]", PARAMETERS) == Arguments()


@given(st.integers(0, 300))
def test_every_cut_of_a_seal_is_refused(length):
    data = SEALED.encode({"a": [1, 2, 3]}, Any)
    if length < len(data):
        with pytest.raises(Undecodable):
            SEALED.decode(data[:length], Any)


def test_what_is_inside_is_compared():
    one, other, third = SEALED.encode({"a": 1, "b": 2}, Any), SEALED.encode({"b": 2, "a": 1}, Any), b'{"a":1,"b":2}'
    assert one != other
    assert SEALED.same(one, other)
    assert SEALED.same(one, third)
    assert not SEALED.same(one, SEALED.encode({"a": 1}, Any))
    plain = CODEC.encode_arguments(Arguments(("o",)), Parameters())
    assert same_arguments(plain, SEALED.encode_arguments(Arguments(("o",)), Parameters()), Parameters(), SEALED)


@pytest.mark.parametrize("annotation", [Any, int, Order, dict[str, Any], str | None])
def test_a_sealed_value_is_refused_by_an_app_without_a_payload_codec_whatever_is_annotated(annotation):
    data = SEALED.encode(5, int)
    with pytest.raises(StillSealed, match=r"it is sealed, and this app has no payload codec; .*App\(payload_codec=…\)"):
        SealedCodec(CODEC).decode(data, annotation)
    with pytest.raises(StillSealed):
        SealedCodec(CODEC).same(data, b"5")
    assert SealedCodec(CODEC).same(data, data)


def test_what_the_payload_codec_raises_is_told():
    with pytest.raises(Unencodable, match=r"is an int and .*the payload codec failed with error: no room"):
        SealedCodec(CODEC, Raising()).encode(5, int)
    with pytest.raises(Unencodable, match="failed with a str, not bytes"):
        SealedCodec(CODEC, Text()).encode(5, int)
    for other, said in [(Masked(8), "LookupError: another key; was it"), (Raising(), "error: no room; was it")]:
        with pytest.raises(StillSealed, match=f"the payload codec cannot open it: {said}"):
            SealedCodec(CODEC, other).decode(SEALED.encode(5, int), int)


def test_a_value_of_a_user_is_never_taken_for_a_seal():
    forged = orjson.loads(SEALED.encode(5, int))
    for codec in (SEALED, SealedCodec(CODEC)):
        assert codec.decode(codec.encode(forged, Any), Any) == forged
        assert codec.decode(codec.encode(forged, dict[str, str]), dict[str, str]) == forged


Odd = TypedDict("Odd", {"$": str, "v": str})


def test_not_even_a_typed_dict_with_the_keys_of_a_tag_is():
    forged: Odd = {"$": "sealed", "v": "x"}
    for codec in (SEALED, SealedCodec(CODEC)):
        assert codec.decode(codec.encode(forged, Odd), Odd) == forged


def test_the_limit_holds_for_the_plain_value():
    codec = SealedCodec(type(CODEC)(limit=12), Masked())
    assert len(codec.encode("x" * 10, str)) > 12
    with pytest.raises(Unencodable, match="13 bytes of at most 12"):
        codec.encode("x" * 11, str)


# --- through an app --------------------------------------------------------------------------------------


class Declined(Exception):
    def __init__(self, card: str) -> None:
        super().__init__("it was declined")
        self.card = card


@step(retry=2)
def charge(card: str) -> str:
    if card.endswith("1"):
        raise Declined(card)
    return f"paid by {card}"


APPROVAL = hook("approval", dict[str, str])


@workflow
def buy(card: str) -> Flow[str]:
    yield open_hook("approval", dict[str, str])
    approved = yield from APPROVAL
    return (yield from charge(card)) + approved["by"]


@pytest.fixture
def app():
    app = App("memory:", payload_codec=Masked())
    yield app
    app.close()


def other(app: App, payload_codec: Any = None) -> App:
    """Another process on the same store."""
    made = App("memory:", payload_codec=payload_codec)
    made.store = app.store
    return made


def kept(app: App, run_id: str) -> bytes:
    return b"\n".join(map(pack, app.get(run_id).history()))


def test_all_values_of_a_run_are_sealed(app: App):
    run = app.start(buy("card-4242"), run_id="r")
    run.send(APPROVAL, {"by": "somebody"})
    assert run.result(timeout=10) == "paid by card-4242somebody"
    values = []
    for event in run.history():
        match event:
            case RunStarted(arguments=value) | HookReceived(payload=value):
                values.append(value)
            case CommandIssued(command=command) if hasattr(command, "arguments"):
                values.append(command.arguments)
            case CommandResolved(outcome=Ok(value)) | RunFinished(outcome=Ok(value)):
                values.append(value)
    assert len(values) == 5
    assert all(orjson.loads(value)["$"] == "sealed" for value in values)
    assert b"card-4242" not in kept(app, "r")
    assert b"somebody" not in kept(app, "r")


def test_the_arguments_and_attributes_of_a_failure_are_sealed_and_come_back(app: App):
    run = app.start(buy("card-1"), run_id="r")
    run.send(APPROVAL, {"by": "x"})
    with pytest.raises(RunFailed) as failed:
        run.result(timeout=10)
    cause = failed.value.__cause__
    assert isinstance(cause, Declined)
    assert (cause.card, cause.args) == ("card-1", ("it was declined",))
    (failure,) = [event.outcome.failure for event in run.history() if isinstance(event, RunFinished)]
    assert failure.message == "it was declined"  # what stays readable
    assert b"card-1" not in pack(RunFinished(1, Err(failure)))


def test_it_can_be_switched_on_while_runs_live_and_no_earlier_value_is_rewritten(app: App):
    before = other(app)
    before.start(buy("card-5"), run_id="r").send(APPROVAL, {"by": "a"})
    assert app.get("r").result(timeout=10) == "paid by card-5a"
    assert b"card-5" in kept(app, "r")
    assert b"paid by" not in kept(app, "r")


def test_an_app_without_it_blocks_the_run_and_says_what_to_set(app: App):
    app.start(buy("card-5"), run_id="r")
    lacking = other(app)
    tended = lacking.runtime.tend("r")
    assert tended.state == "blocked"
    assert "set the one of the app that wrote it: App(payload_codec=…)" in lacking.get("r").summary().note.reason
    app.send("r", APPROVAL, {"by": "a"})
    assert app.get("r").result(timeout=10) == "paid by card-5a"  # nothing is lost


def test_a_worker_without_it_gives_a_step_back_and_counts_no_attempt(app: App):
    """It has no program to be blocked by: it only serves the queue of the step."""

    @step(queue="gpu")
    def render(text: str) -> str:
        return text.upper()

    @workflow
    def renders(text: str) -> Flow[str]:
        return (yield from render(text))

    run = app.start(renders("a"), run_id="r")
    lacking = other(app)
    lacking.workshop.registry = app.registry
    app.workshop.begun(1, ("yieldflow",)).tend("r")
    assert lacking.workshop.begun(1, ("gpu",)).tend("r").state == "waiting"
    assert [type(event).__name__ for event in run.history()] == ["RunStarted", "CommandIssued"]
    (entry,) = app.store.work("r")
    assert entry.not_before > 0  # it was claimed, and put off for somebody else


def test_what_cannot_be_sealed_is_the_callers_mistake_or_a_fatal_error():
    app = App("memory:", payload_codec=Raising())
    with pytest.raises(BadArguments, match="the payload codec failed with error: no room"):
        app.start(buy("x"))
    plain = App("memory:")
    run = plain.start(buy("x"), run_id="r")
    failing = other(plain, Raising())
    with pytest.raises(BadPayload, match=r"approval.*no room"):
        failing.send("r", APPROVAL, {"by": "a"})
    run.send(APPROVAL, {"by": "a"})
    failing.runtime.tend("r")
    assert failing.get("r").status() == "blocked"  # the call of a step cannot be recorded
    assert run.result(timeout=10) == "paid by xa"


def test_an_event_in_a_log_keeps_a_seal_to_the_byte():
    event = HookReceived(5, "a", SEALED.encode({"x": [1.5, None]}, Any), "k")
    assert unpack(pack(event)) == event


def test_it_can_be_named_in_the_settings(monkeypatch):
    monkeypatch.setenv("YIELDFLOW_PAYLOAD_CODEC", f"{__name__}:SHARED")
    assert App("memory:").codec.payload_codec is SHARED
    mine = Masked()
    assert App("memory:", payload_codec=mine).codec.payload_codec is mine
    monkeypatch.setenv("YIELDFLOW_PAYLOAD_CODEC", f"{__name__}:NOWHERE")
    with pytest.raises(UsageError, match="has no 'NOWHERE'"):
        App("memory:").start(buy("x"))
    for place, said in [("shop", "spell it as module:name"), ("nowhere.keys:codec", "No module named 'nowhere'")]:
        monkeypatch.setenv("YIELDFLOW_PAYLOAD_CODEC", place)
        with pytest.raises(UsageError, match=said):
            App("memory:").start(buy("x"))


SHARED = Masked()


def test_a_step_whose_answer_cannot_be_sealed_fails_for_good():
    class Full(Masked):
        def encode(self, data: bytes) -> bytes:
            if b"paid" in data:
                raise OSError("full")
            return super().encode(data)

    app = App("memory:", payload_codec=Full())
    run = app.start(buy("x"), run_id="r")
    run.send(APPROVAL, {"by": "a"})
    with pytest.raises(RunFailed) as failed:
        run.result(timeout=10)
    assert isinstance(failed.value.__cause__, FatalError)
    assert "the answer of tests.codec.test_sealed:charge, value" in str(failed.value.__cause__)


def test_a_payload_that_is_still_sealed_is_not_skipped_as_one_that_does_not_fit(app: App):
    """The run began without a codec: its arguments can be read everywhere, its payload cannot."""
    lacking = other(app)
    lacking.start(buy("card-5"), run_id="r")
    lacking.runtime.tend("r")
    app.send("r", APPROVAL, {"by": "a"})
    assert lacking.runtime.tend("r").state == "blocked"
    assert "it is sealed" in lacking.get("r").summary().note.reason
    assert app.get("r").result(timeout=10) == "paid by card-5a"
