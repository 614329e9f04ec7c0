"""The other side of `elsewhere`: an interpreter that imports workflows and replays histories, until nobody asks more.

It is told a line of JSON each on its standard input, and answers a line of JSON each.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Any

from yieldflow.authoring.registry import DEFAULT
from yieldflow.codec import JsonCodec
from yieldflow.codec.packing import unpack
from yieldflow.errors import CodeError
from yieldflow.testing.replaying import Differs, replayed


def serve() -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    with redirect_stdout(sys.stderr):  # what an import prints is no answer
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))), file=answers, flush=True)


def answer(asked: Mapping[str, Any]) -> dict[str, str]:
    """Nothing, if the replay fits; what `differs`; or why there `cannot` be one."""
    sys.path[:] = asked["path"]
    try:
        DEFAULT.load((asked["module"],))
    except Exception as error:  # noqa: BLE001 - user code: whatever its import raises, there is no replay
        return {"cannot": f"importing {asked['module']} raises {type(error).__name__}: {error}"}
    workflow = DEFAULT.workflow(asked["workflow"])
    if workflow is None:
        return {"cannot": f"importing {asked['module']} defines no workflow {asked['workflow']}"}
    try:
        replayed(workflow, [unpack(event.encode()) for event in asked["events"]], JsonCodec()).close()
    except (CodeError, Differs) as error:
        return {"differs": f"{error}"}
    return {}


if __name__ == "__main__":
    serve()
