"""The Lua scripts, one verb each, and how they are called: one round trip, by the hash of their text.

A script that the server does not know yet was not applied; it is loaded, and called once more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Literal, TypeAlias

import redis
from redis.exceptions import NoScriptError

from yieldflow.ports import (
    CLAIMS_A_CALL,
    HINT_AFTER,
    KEYS_CARRIED,
    LONGEST_PUT_OFF,
    NEVER,
    REPLAYS_KEPT,
    TAIL_BYTES,
    TAIL_EVENTS,
)
from yieldflow.stores.redis.server import replies

Verb: TypeAlias = Literal["commit", "read", "claim", "renew", "release", "due", "delete", "list"]
Word: TypeAlias = str | bytes | int

_PARTS: Mapping[Verb, Sequence[str]] = {
    "commit": ("keys", "log", "work", "alarm", "conditions", "summary", "chain"),
    "read": ("keys", "log"),
    "claim": ("keys", "log", "work", "alarm"),
    "renew": ("keys", "log", "work", "alarm"),
    "release": ("keys", "work", "alarm"),
    "due": ("keys",),
    "delete": ("keys", "summary", "chain"),
    "list": ("keys",),
}
_LIMITS = {
    "TAIL_EVENTS": TAIL_EVENTS,
    "TAIL_BYTES": TAIL_BYTES,
    "CLAIMS_A_CALL": CLAIMS_A_CALL,
    "HINT_AFTER": HINT_AFTER,
    "FIRST_PUT_OFF": 2_000,
    "LONGEST_PUT_OFF": LONGEST_PUT_OFF,
    "NEVER": NEVER,
    "KEYS_CARRIED": KEYS_CARRIED,
    "REPLAYS_KEPT": REPLAYS_KEPT,
}


class Scripts:
    """The verbs of one store, called by one client."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._texts = {verb: _text(verb) for verb in _PARTS}
        self._hashes = {verb: hashlib.sha1(text.encode()).hexdigest() for verb, text in self._texts.items()}  # noqa: S324  # the protocol's

    def call(self, verb: Verb, *words: Word) -> Any:
        with replies():
            try:
                return self._client.evalsha(self._hashes[verb], 0, *words)
            except NoScriptError:
                return self._client.eval(self._texts[verb], 0, *words)

    def call_each(self, verb: Verb, calls: Sequence[Sequence[Word]]) -> list[Any]:
        """The calls in one round trip, each a script by itself."""
        if len(calls) == 1:
            return [self.call(verb, *calls[0])]
        with replies():
            found = self._pipelined(verb, calls)
            missing = [index for index, reply in enumerate(found) if isinstance(reply, NoScriptError)]
            if missing:
                self._client.script_load(self._texts[verb])
                for index, reply in zip(missing, self._pipelined(verb, [calls[i] for i in missing]), strict=True):
                    found[index] = reply
        for reply in found:
            if isinstance(reply, Exception):
                raise reply
        return found

    def _pipelined(self, verb: Verb, calls: Sequence[Sequence[Word]]) -> list[Any]:
        with self._client.pipeline(transaction=False) as pipe:
            for words in calls:
                pipe.evalsha(self._hashes[verb], 0, *words)
            return pipe.execute(raise_on_error=False)


def _text(verb: Verb) -> str:
    limits = "".join(f"local {name} = {value}\n" for name, value in _LIMITS.items())
    folder = files("yieldflow.stores.redis")
    return "\n".join([limits, *((folder / f"{part}.lua").read_text("utf-8") for part in (*_PARTS[verb], verb))])
