"""What a worker may do next: runs that are noted to be looked at, and jobs that lie in RQ's queues.

It takes half of what is noted and wakes another worker for the rest, so that nobody takes all and leaves others idle.
A job of another kind is taken by itself only: it is somebody's, and no alarm brings it back if we die.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Collection
from contextlib import suppress
from typing import Literal, TypeAlias

import redis
from attrs import define, field, frozen
from redis.commands.core import Script

from yieldflow.errors import StoreError
from yieldflow.ports import Queue as HintQueue
from yieldflow.rq.queue import HINT_IDS, TEND_RUN, bell_of, noted_in

Mood: TypeAlias = Literal["idle", "busy", "job"]
"""idle: takes the jobs that were left to wake somebody · busy: leaves the last one of them to others · job: is one of
RQ's jobs itself, and takes none."""

_LONGEST_HINT = 10_000  # bytes; a hint carries a run id
_MOMENT = 0.25  # seconds

_TAKE = """
local most, hint, mood, first = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local held, done = tonumber(ARGV[5]), tonumber(ARGV[6])
local here, found, rest = {}, {}, {}
for index = 7, 6 + held do here[ARGV[index]] = true end
for index = 7 + held, 6 + held + done do redis.call('DEL', ARGV[index]) end

local function take_job(queue, jobs)
  local id = redis.call('LINDEX', jobs, 0)
  local run = id and string.sub(id, 1, #hint) == hint and redis.call('HGET', 'rq:job:' .. id, 'run')
  if not id or (run and mood == 'busy' and redis.call('LLEN', jobs) == 1) or (not run and #found > 0) then
    return false
  end
  redis.call('LPOP', jobs)
  found[#found + 1] = {queue, run, id, redis.call('HGET', 'rq:job:' .. id, 'data')}
  return run
end

for queue = 1, #KEYS / 2 do
  local jobs, noted = KEYS[2 * queue - 1], KEYS[2 * queue]
  local run = mood == 'job' and first or #found < most and take_job(queue, jobs)
  if #found == 1 and not found[1][2] then return {found, rest} end
  if run then
    if not here[run] then redis.call('ZREM', noted, run) end
    here[run] = true
  end
  local share = math.min(most - #found, math.ceil(redis.call('ZCARD', noted) / 2))
  for _, other in ipairs(share > 0 and redis.call('ZRANGE', noted, 0, share + held) or {}) do
    if share > 0 and not here[other] then
      redis.call('ZREM', noted, other)
      found[#found + 1] = {queue, other, false, false}
      share = share - 1
    end
  end
  if redis.call('LLEN', jobs) == 0 then
    for _, other in ipairs(redis.call('ZRANGE', noted, 0, held)) do
      if not here[other] then
        rest[#rest + 1] = {queue, other}
        break
      end
    end
  end
end
return {found, rest}
"""


@frozen
class Hint:
    queue: str
    run_id: str | None  # None: a job of another kind
    job_id: str | None = None  # None: it was noted, and woke nobody


@define(eq=False)
class Inbox:
    """*queues* in their order; *keys* are those of the lists of their jobs; *hints* wakes others."""

    connection: redis.Redis
    queues: list[str]
    keys: list[str]
    hints: HintQueue
    _looked: float = field(default=0.0, init=False)
    _done: list[str] = field(factory=list, init=False)  # the jobs of hints, which the next look deletes
    _script: Script = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._script = self.connection.register_script(_TAKE)

    def take(self, most: int, here: Collection[str] = (), mood: Mood = "idle", first: str = "") -> list[Hint]:
        """At most *most* hints, or one job of another kind. What is under way *here* stays noted, and so is looked at
        again once it has ended; *first* is being looked at. Raises `redis.RedisError`.
        """
        keys = [key for queue, jobs in zip(self.queues, self.keys, strict=True) for key in (jobs, noted_in(queue))]
        done, self._done = self._done, []
        args = [most, HINT_IDS, mood, first, len(here), len(done), *here, *done]
        found, rest = self._script(keys, args)
        self._looked = time.monotonic()
        hints = [self._hint(*one) for one in found]
        self._done = [f"rq:job:{hint.job_id}" for hint in hints if hint.job_id is not None and hint.run_id is not None]
        for number, run_id in rest:
            with suppress(StoreError):  # nobody is woken: the run stays noted, and its alarm is to come
                self.hints.offer(run_id.decode(errors="replace"), self.queues[number - 1])
        return [hint for hint in hints if hint.run_id is None or hint.run_id not in here]

    def looked_within(self, seconds: float) -> bool:
        return time.monotonic() - self._looked < seconds

    def wait(self) -> None:
        """Until somebody has noted a run, or for a moment: jobs of other kinds ring no bell."""
        self.connection.blpop([bell_of(queue) for queue in self.queues], _MOMENT)

    def close(self) -> None:
        if self._done:
            self.connection.delete(*self._done)

    def _hint(self, queue: int, run_id: bytes | None, job_id: bytes | None, data: bytes | None) -> Hint:
        return Hint(
            self.queues[queue - 1],
            run_of(data) if run_id is None else run_id.decode(errors="replace"),
            None if job_id is None else job_id.decode(errors="replace"),
        )


def run_of(packed: bytes | None) -> str | None:
    """The run that the data of a job, whoever made it, hints at; None: it is a job of another kind."""
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
