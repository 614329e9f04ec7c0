"""Calls of scripts over a connection of redis-py's pool, packed here and read one by one: its client and its pipelines
cost more than such a call does.

It sends nothing twice, and a connection that failed is not used again.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import redis
from redis.exceptions import ResponseError

Word: TypeAlias = str | bytes | int


class Wire:
    def __init__(self, client: redis.Redis) -> None:
        self._pool = client.connection_pool
        named = inspect.signature(self._pool.get_connection).parameters.get("command_name")
        self._purpose = ("EVALSHA",) if named is not None and named.default is inspect.Parameter.empty else ()

    def begin(self, commands: Sequence[bytes]) -> Callable[[], list[Any]]:
        """Send them all at once; calling what this answers, once, waits for what each is answered, an error of the
        server as a value. Until then the connection is nobody else's.

        Both raise the errors of redis-py where there may be no answer.
        """
        connection: Any = self._pool.get_connection(*self._purpose)  # before redis-py 5.3 it wants to know what for
        sent = False
        try:
            connection.send_packed_command((b"".join(commands),))
            sent = True
        finally:
            if not sent:
                self._give_back(connection, whole=False)
        return lambda: self._read(connection, len(commands))

    def _read(self, connection: Any, count: int) -> list[Any]:
        answers: list[Any] = []
        try:
            for _ in range(count):
                answers.append(_read(connection))  # noqa: PERF401 - how many came is looked at below
        finally:
            self._give_back(connection, whole=len(answers) == count)
        return answers

    def _give_back(self, connection: Any, *, whole: bool) -> None:
        if not whole:  # an answer may still come, and would be taken for that of the next call
            connection.disconnect()
        self._pool.release(connection)


class Command:
    """A command that begins with the same words each time."""

    def __init__(self, *words: Word) -> None:
        self._count, self._start = len(words), b"".join([_word(word) for word in words])

    def __call__(self, words: Sequence[Word]) -> bytes:
        return b"*%d\r\n%b%b" % (self._count + len(words), self._start, b"".join([_word(word) for word in words]))


def _word(word: Word) -> bytes:
    if not isinstance(word, bytes):
        word = str(word).encode()
    return b"$%d\r\n%b\r\n" % (len(word), word)


def _read(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error
