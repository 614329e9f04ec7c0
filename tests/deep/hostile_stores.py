"""The doors of an app, on each store: what is refused changes nothing, and a run that waits there goes on as before."""

from __future__ import annotations

import hashlib
import sqlite3
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from traceback import extract_tb
from typing import Any, Literal

import redis
from attrs import frozen

from tests.deep.hostile_doors import LONGEST_SENTENCE
from tests.deep.hostile_inputs import TAGS, Inputs
from tests.servers import Server
from yieldflow import App, Flow, Handle, hook, open_hook, step, workflow
from yieldflow.core.chain import chain_of
from yieldflow.errors import YieldflowError

WORD = hook("word", Literal["the secret word"])
OURS = "/yieldflow/"
NAMES = ("victim", "{victim}*:")
LARGE = 3_000_000  # bytes; three times what a payload may have


@step(retry=1)
def keep(text: str) -> str:
    return text


@workflow
def waits(text: str, number: int = 0, *, extra: Any = None) -> Flow[str]:
    """Ends with the right word only, whatever else it is told."""
    kept = yield from keep(text)
    yield open_hook("word", Literal["the secret word"])
    word = yield from WORD
    return f"{kept}: {word}"


@workflow
def fails_after_a_hook() -> Flow[None]:
    yield open_hook("word")
    yield hook("word")
    raise KeyError("word")


@frozen
class Place:
    app: App
    dump: Callable[[], Any]  # all that the store holds


@contextmanager
def memory() -> Iterator[Place]:
    app = App("memory:")
    store: Any = app.store
    yield Place(app, lambda: (repr(store._runs), repr(store._hooks)))
    app.close()


@contextmanager
def sqlite() -> Iterator[Place]:
    with TemporaryDirectory(prefix="yieldflow-") as folder:
        file = Path(folder) / "shop.db"
        app = App(f"sqlite:///{file}")
        _ = app.store
        with_it = sqlite3.connect(file)
        yield Place(app, lambda: list(with_it.iterdump()))
        with_it.close()
        app.close()


@contextmanager
def on_server(server: Server) -> Iterator[Place]:
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
        app = App(server.url)
        yield Place(app, lambda: _all_of(client))
        app.close()


def _all_of(client: redis.Redis) -> dict[bytes, Any]:
    """What every key holds, without the order in which a hash table keeps it."""
    keys = sorted(client.keys())
    with client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.type(key)
        kinds = pipe.execute()
        for key, kind in zip(keys, kinds, strict=True):
            READ[kind](pipe, key)
        return {
            key: sorted(value) if isinstance(value, set) else value
            for key, value in zip(keys, pipe.execute(), strict=True)
        }


READ: Mapping[bytes, Callable[[Any, bytes], Any]] = {
    b"string": lambda pipe, key: pipe.get(key),
    b"list": lambda pipe, key: pipe.lrange(key, 0, -1),
    b"set": lambda pipe, key: pipe.smembers(key),
    b"hash": lambda pipe, key: pipe.hgetall(key),
    b"zset": lambda pipe, key: pipe.zrange(key, 0, -1, withscores=True),
}


def visit(place: Place, inputs: Inputs, calls: int) -> tuple[int, int]:
    """How many were refused, how many taken."""
    app = place.app
    victims = [app.start(waits("kept"), run_id=run_id, tags={"a": "b"}) for run_id in ("victim", "{victim}*:")]
    spare = app.start(waits("kept"), run_id="spare")
    for handle in (*victims, spare):
        app.runtime.tend(handle.run_id)
    tokens = [app.hooks(handle.run_id)[0].token for handle in victims]
    before, taken = place.dump(), 0
    for number in range(calls):
        name = inputs.one_of([*VERBS])
        if _refuses(name, app, inputs, number):
            assert (after := place.dump()) == before, (
                f"{name} was refused and changed the store: {_changes(before, after)}"
            )
        else:
            taken, before = taken + 1, place.dump()
            if app.get("spare").status() not in ("running", "paused"):
                app.store.delete("spare")
                app.start(waits("kept"), run_id="spare")
                before = place.dump()
    assert_no_token(place.dump(), tokens)
    for handle, token in zip(victims, tokens, strict=True):
        app.resume_hook(token, "the secret word")
        app.runtime.tend(handle.run_id)
        assert app.get(handle.run_id).result(timeout=0) == "kept: the secret word"
    return calls - taken, taken


def _changes(before: Any, after: Any) -> list[str]:
    """The first of them, for whoever looks for the reason."""
    one, other = (list(dump.items()) if isinstance(dump, dict) else list(dump) for dump in (before, after))
    return [repr(row)[:300] for row in (*one, *other) if (row in one) != (row in other)][:4]


def assert_no_token(dump: Any, tokens: list[str]) -> None:
    """Neither as it is, nor its bytes, in any notation; the digest of the whole token is all that is kept."""
    text = repr(dump)
    for token in tokens:
        raw = urlsafe_b64decode(token + "=")
        assert len(raw) == 32, "256 bits"
        notations = {
            token,
            token[4:-4],
            raw.hex(),
            raw.hex().upper(),
            repr(raw)[2:-1],
            token.encode().hex(),
            token[::-1],
        }
        assert not [one for one in notations if one in text]
        assert hashlib.sha256(token.encode()).hexdigest() in text


def _refuses(name: str, app: App, inputs: Inputs, number: int) -> bool:
    try:
        VERBS[name](app, inputs)
    except (YieldflowError, ValueError, TypeError) as error:
        expect_sentence(error, f"call {number}, {name}")
        return True
    return False


def expect_sentence(error: Exception, where: str) -> None:
    """Of ours: no text of a library, and none that gives a large input back."""
    text = str(error)
    ours = isinstance(error, YieldflowError) or type(error) in (ValueError, TypeError)
    by_us = OURS in extract_tb(error.__traceback__)[-1].filename
    if not (ours and by_us and 0 < len(text) <= LONGEST_SENTENCE and text.isprintable()):
        raise AssertionError(f"{where}: {type(error).__name__}: {text[:500]}") from error


def _victim(app: App) -> Handle[Any]:
    return app.get("victim")


def _id(inputs: Inputs) -> Any:
    """Near misses of the runs that wait, too; but not one of their names, which anybody may pause or cancel."""
    given = inputs.text() if inputs.often(0.8) else inputs.object()
    return "x" if isinstance(given, str) and chain_of(given)[0] in NAMES else given


def _tags(inputs: Inputs) -> Any:
    return (
        inputs.one_of(TAGS)
        if inputs.often(0.7)
        else inputs.object()
        if inputs.often(0.5)
        else {inputs.text(): inputs.text()}
    )


def _large(inputs: Inputs) -> Any:
    """Now and then one that is too large."""
    return "x" * LARGE if inputs.often(0.002) else inputs.object()


VERBS: Mapping[str, Callable[[App, Inputs], Any]] = {
    "start, run id": lambda app, inputs: app.start(waits("x"), run_id=_id(inputs) or "\0"),
    "start, tags": lambda app, inputs: app.start(waits("x"), tags=_tags(inputs) or {5: 5}),
    "start, timeout": lambda app, inputs: app.start(waits("x"), timeout=_id(inputs) or "x"),
    "start, arguments": lambda app, inputs: app.start(waits(_large(inputs), inputs.object(), extra=_large(inputs))),
    "start, names": lambda app, inputs: app.start(waits("x", **{inputs.text(): 1})),
    "start, no call": lambda app, inputs: app.start(inputs.object()),
    "start, other arguments": lambda app, inputs: app.start(waits("other", extra=inputs.object()), run_id="victim"),
    "start, options": lambda app, inputs: app.start(waits("x").options(run_id=_id(inputs), queue=_id(inputs))),
    "start, tags of the call": lambda app, inputs: app.start(waits("x").options(tags=_tags(inputs))),
    "get": lambda app, inputs: app.get(_id(inputs)),
    "send, run id": lambda app, inputs: app.send(_id(inputs), "word", 1),
    "send, hook": lambda app, inputs: app.send("spare", _id(inputs), 1),
    "send, payload": lambda app, inputs: app.send("victim", "word", _large(inputs)),
    "send, typed payload": lambda app, inputs: app.send("victim", WORD, _large(inputs)),
    "send, key": lambda app, inputs: app.send("spare", "word", 1, key=_id(inputs)),
    "send of a handle": lambda app, inputs: _victim(app).send("word", inputs.object(), key=_id(inputs)),
    "token": lambda app, inputs: app.resume_hook(_id(inputs), 1),
    "hooks": lambda app, inputs: app.hooks(_id(inputs)),
    "cancel, run id": lambda app, inputs: app.cancel(_id(inputs)),
    "cancel, reason": lambda app, inputs: app.cancel("spare", _id(inputs)),
    "pause": lambda app, inputs: app.pause(_id(inputs)),
    "pause, reason": lambda app, inputs: app.pause("spare", _id(inputs)),
    "resume": lambda app, inputs: app.resume(_id(inputs)),
    "terminate": lambda app, inputs: app.terminate(_id(inputs)),
    "terminate, reason": lambda app, inputs: app.terminate("spare", _id(inputs)),
    "retry": lambda app, inputs: app.retry(_id(inputs)),
    "fork": lambda app, inputs: app.fork(_id(inputs)),
    "fork, new run id": lambda app, inputs: app.fork("victim", new_run_id=_id(inputs) or "\0"),
    "fork, position": lambda app, inputs: app.fork("victim", at=_id(inputs)),
    "prune": lambda app, inputs: app.prune(_id(inputs), dry_run=True),
    "list, status": lambda app, inputs: app.runs(status=_id(inputs)),
    "list, workflow": lambda app, inputs: app.runs(workflow=_id(inputs)),
    "list, tag": lambda app, inputs: app.runs(tag=(_id(inputs), _id(inputs)) if inputs.often(0.5) else _id(inputs)),
    "list, since": lambda app, inputs: app.runs(since=_id(inputs), until=_id(inputs)),
    "list, limit": lambda app, inputs: app.runs(limit=_id(inputs)),
    "list, cursor": lambda app, inputs: app.runs(cursor=_id(inputs)),
    "data, key": lambda app, inputs: _victim(app).data(_id(inputs) or "x", timeout=0),
    "data, timeout": lambda app, inputs: app.get("nobody").data("x", timeout=_id(inputs)),
    "history": lambda app, inputs: _victim(app).history(_id(inputs)),
    "inspect": lambda app, inputs: _victim(app).inspect(_id(inputs)),
    "result, timeout": lambda app, inputs: app.get("nobody").result(timeout=_id(inputs)),
}
