"""The Lua scripts, one verb each, and how they are called: one round trip, by the hash of their text.

A script that the server does not know yet was not applied; it is loaded, and called once more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any, Literal, TypeAlias, get_args

import redis
from redis.exceptions import NoScriptError

from yieldflow.errors import ReplyLost
from yieldflow.ports import (
    CLAIMS_A_CALL,
    HINT_AFTER,
    KEYS_CARRIED,
    LONGEST_PUT_OFF,
    NEVER,
    NO_EVENTS,
    REPLAYS_KEPT,
    TAIL_BYTES,
    TAIL_EVENTS,
    Status,
)
from yieldflow.stores.redis.server import replies
from yieldflow.stores.redis.wire import Command, Wire, Word

Verb: TypeAlias = Literal["commit", "read", "claim", "renew", "release", "due", "delete", "list", "records", "mend"]

_PARTS: Mapping[Verb, Sequence[str]] = {
    "commit": (
        *("keys", "log", "queues", "work", "alarm", "hooks", "listed"),
        *("found", "conditions", "changes", "fields", "writes", "chain"),
    ),
    "read": ("keys", "log", "queues", "work"),
    "claim": ("keys", "log", "work", "alarm", "moving"),
    "renew": ("keys", "log", "work", "entries", "alarm", "moving"),
    "release": ("keys", "queues", "work", "entries", "alarm"),
    "due": ("keys",),
    "delete": ("keys", "queues", "hooks", "listed"),
    "list": ("keys", "places"),
    "records": ("keys", "log", "queues", "listed"),
    "mend": ("keys", "log", "queues", "work", "listed"),
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
    "NO_EVENTS": NO_EVENTS.length,
    "REPLAYS_KEPT": REPLAYS_KEPT,
    "STATUSES": "{{{}}}".format(", ".join(f'"{status}"' for status in get_args(Status))),
}


_LONGEST_FSYNC = 10_000  # milliseconds; what takes longer counts as a reply that is lost


class Scripts:
    """The verbs of one store, called by one client. *fsync*: when they answer, the disk has what they wrote."""

    def __init__(self, client: redis.Redis, prefix: str, *, fsync: bool = False) -> None:
        self._wire = Wire(client)
        self._kept = [Command("WAITAOF", 1, 0, _LONGEST_FSYNC)([])] if fsync else []
        texts = {verb: _text(verb) for verb in _PARTS}
        self._known = {verb: Command("EVALSHA", _hash(text), 0, prefix) for verb, text in texts.items()}
        self._load = {verb: Command("SCRIPT", "LOAD")([text]) for verb, text in texts.items()}

    def call(self, verb: Verb, *words: Word) -> Any:
        (answer,) = self.call_each(verb, [words])
        return answer

    def call_each(self, verb: Verb, calls: Sequence[Sequence[Word]]) -> list[Any]:
        """The calls in one round trip, each a script by itself."""
        return self.begin([(verb, words) for words in calls])()

    def begin(self, calls: Sequence[tuple[Verb, Sequence[Word]]]) -> Callable[[], list[Any]]:
        """Send calls of several scripts at once; calling what this answers waits for their answers."""
        if not calls:
            return list
        commands = [self._known[verb](words) for verb, words in calls]
        with replies():
            sent = self._wire.begin([*commands, *self._kept])
        return lambda: self._answers({verb: None for verb, _ in calls}, commands, sent)

    def _answers(self, verbs: Iterable[Verb], commands: Sequence[bytes], sent: Callable[[], list[Any]]) -> list[Any]:
        with replies():
            found = sent()
            missing = [index for index, reply in enumerate(found) if isinstance(reply, NoScriptError)]
            if missing:
                loads = [self._load[verb] for verb in verbs]
                again = self._wire.begin([*loads, *(commands[index] for index in missing), *self._kept])()[len(loads) :]
                for index, reply in zip(missing, again, strict=False):
                    found[index] = reply
                found[len(commands) :] = again[len(missing) :]
            for reply in found:
                if isinstance(reply, Exception):
                    raise reply
        if self._kept and found.pop()[0] < 1:
            raise ReplyLost(f"the server has not said within {_LONGEST_FSYNC / 1_000:g} s that it is on its disk")
        return found


def _hash(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324  # the protocol's


def _text(verb: Verb) -> str:
    folder = files("yieldflow.stores.redis")
    text = "\n".join((folder / f"{part}.lua").read_text("utf-8") for part in (*_PARTS[verb], verb))
    limits = "".join(f"local {name} = {value}\n" for name, value in _LIMITS.items() if name in text)
    return limits + text
