"""The hints that lie in some RQ queues, taken by a worker of ours: several at once, in one round trip.

A job of another kind is taken by itself only: it is somebody's, and no alarm brings it back if we die.
"""

from __future__ import annotations

import json
import time
import zlib

import redis
from attrs import define, field, frozen
from redis.commands.core import Script

from yieldflow.rq.queue import HINT_IDS, TEND_RUN

_LONGEST_HINT = 10_000  # bytes; a hint carries a run id

_TAKE = """
if #ARGV > 2 then redis.call('DEL', unpack(ARGV, 3)) end
local found = {}
for number, key in ipairs(KEYS) do
  while #found < tonumber(ARGV[1]) do
    local id = redis.call('LINDEX', key, 0)
    local hint = id and string.sub(id, 1, #ARGV[2]) == ARGV[2]
    if not id or (not hint and #found > 0) then break end
    redis.call('LPOP', key)
    found[#found + 1] = {number, id, redis.call('HGET', 'rq:job:' .. id, 'data')}
    if not hint then return found end
  end
end
return found
"""


@frozen
class Hint:
    job_id: str
    queue: str
    run_id: str | None  # None: a job of another kind


@define(eq=False)
class Inbox:
    """*queues* in their order; *keys* are those of their lists."""

    connection: redis.Redis
    queues: list[str]
    keys: list[str]
    _looked: float = field(default=0.0, init=False)
    _done: list[str] = field(factory=list, init=False)  # the jobs of hints, which the next look deletes
    _script: Script = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._script = self.connection.register_script(_TAKE)

    def take(self, most: int) -> list[Hint]:
        """At most *most* hints, or one job of another kind. Raises `redis.RedisError`."""
        found = self._script(keys=self.keys, args=[most, HINT_IDS, *self._done])
        self._looked = time.monotonic()
        hints = [
            Hint(job.decode(errors="replace"), self.queues[number - 1], run_of(data)) for number, job, data in found
        ]
        self._done = [f"rq:job:{hint.job_id}" for hint in hints if hint.run_id is not None]
        return hints

    def looked_within(self, seconds: float) -> bool:
        return time.monotonic() - self._looked < seconds

    def wait(self) -> None:
        """Until a hint lies in the first queue, which is not taken; the others are looked at now and then."""
        pause = 1 if len(self.keys) == 1 else 0.1
        self.connection.blmove(self.keys[0], self.keys[0], pause, "LEFT", "LEFT")  # type: ignore[arg-type]  # Redis takes fractions

    def close(self) -> None:
        if self._done:
            self.connection.delete(*self._done)


def run_of(packed: bytes | None) -> str | None:
    """The run that a job's data hints at, or None for a job that is no hint."""
    if packed is None:
        return None
    try:
        data = json.loads(zlib.decompressobj().decompress(packed, _LONGEST_HINT))
    except (zlib.error, ValueError, RecursionError):
        return None
    match data:
        case [str(function), _, [str(run_id), *_], _] if function == TEND_RUN:
            return run_id
        case _:
            return None
