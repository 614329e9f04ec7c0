"""What a server makes of an append-only file that lost its end, as by a loss of power: it drops the last unit whole.

That is `aof-load-truncated yes`, the default; with `no` it does not start.
"""

from __future__ import annotations

from pathlib import Path

import redis

from tests.deep.redis_prefixes_stream import FILE, FOLDER, OPTIONS, commands, streaming, units
from tests.e2e import flows
from tests.servers import valkey
from yieldflow import App
from yieldflow.codec.packing import unpack
from yieldflow.core.run import fold

LOG = b"yieldflow:log:one"


def write(folder: Path) -> Path:
    """One run is played on a server, which then stops; its file is the answer."""
    with streaming(folder) as stream:
        app = App(stream.server.url)
        handle = app.start(flows.steps_in_a_row(2), run_id="one")
        app.serving((app.queue,)).tend("one")
        assert handle.result(timeout=1) == 1
        app.close()
    return folder / FOLDER / FILE


def cut_the_last_units(folder: Path, *, last: int, step: int) -> int:
    """At each *step*-th byte of the *last* units; answers how often."""
    file = write(folder)
    stream = file.read_bytes()
    ends = [0]
    for unit in units(stream):
        ends.append(ends[-1] + len(unit))
    cuts = sorted({*ends[-1 - last : -1], len(stream) - 1, *range(ends[-1 - last], len(stream), step)})
    for cut in cuts:
        whole = max(end for end in ends if end <= cut)
        file.write_bytes(stream[:cut])
        assert resumed(folder) == written(stream[:whole]), f"cut after {cut} of {len(stream)} bytes"
        assert file.read_bytes() == stream[:whole]  # what it writes next follows what it has read
    return len(cuts)


def resumed(folder: Path) -> list[bytes]:
    """The log that a server has which starts on this file; it folds."""
    with valkey(*OPTIONS, folder=folder) as server, redis.Redis.from_url(server.url) as client:
        items: list[bytes] = client.lrange(LOG, 0, -1)  # type: ignore[assignment]  # of bytes: nothing is decoded
    fold(unpack(item.partition(b" ")[2]) for item in items)
    return items


def written(stream: bytes) -> list[bytes]:
    pushed = [words for words, _ in commands(stream) if words[:2] == [b"RPUSH", LOG]]
    return [item for words in pushed for item in words[2:]]
