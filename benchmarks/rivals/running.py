"""The sides of the other systems, as far as they are installed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measure import Figures, Place, Side
from benchmarks.rivals.known import PLAYS, RIVALS, Play, Rival
from benchmarks.servers import has_postgres, postgres, valkey

SCRIPTS = Path(__file__).parent
TELL = (
    "import sys; from importlib.metadata import version as of; print(*[f'{n} {of(n)}' for n in sys.argv[1:]], sep=', ')"
)
SECONDS = 240.0  # for one measurement


def rivals(place: Place, stack: ExitStack, row: str) -> Sequence[Side]:
    """Those that play this row and are installed in the folder."""
    if place.rivals is None:
        return ()
    urls = dict[str, str]()
    return tuple(
        Side(
            play.name,
            play.durability,
            partial(_measure, place, rival, play, _server(play, urls, stack)),
            _versions(place.rivals, rival),
            rival=True,
        )
        for play in PLAYS[row]
        if (rival := RIVALS[play.rival]).is_installed(place.rivals) and (play.server != "postgres" or has_postgres())
    )


def _server(play: Play, urls: dict[str, str], stack: ExitStack) -> str:
    """One of each kind for all sides of a row."""
    if play.server and play.server not in urls:
        urls[play.server] = stack.enter_context(postgres() if play.server == "postgres" else valkey())
    return urls.get(play.server, "")


def _measure(place: Place, rival: Rival, play: Play, url: str) -> Figures:
    """Raises `RuntimeError` with what it said last."""
    assert place.rivals is not None
    asked = {**play.asks(place.sizes), "url": url, "home": str(place.rivals / rival.name)}
    command = [str(rival.python(place.rivals)), str(SCRIPTS / rival.script), play.verb, json.dumps(asked)]
    with (place.folder / "rivals.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=place.folder, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, process_group=0
        )
    try:
        said, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{play.name}: not within {SECONDS:g} s") from None
    finally:
        _end(process)
    if process.returncode != 0:
        tail = (place.folder / "rivals.log").read_text(errors="replace")[-1_500:]
        raise RuntimeError(f"{play.name} ended with {process.returncode}: {tail}")
    figures: dict[str, float] = json.loads(said.splitlines()[-1])
    return figures


def _end(process: subprocess.Popen[bytes]) -> None:
    """It, and the servers and workers that it has started and may have left: they are of its process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(2)


def _versions(folder: Path, rival: Rival) -> str:
    command = [str(rival.python(folder)), "-c", TELL, *rival.shows]
    found = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
    for package in rival.npm:
        told: dict[str, Any] = json.loads((folder / rival.name / "node_modules" / package / "package.json").read_text())
        found += f", {package.rpartition('/')[2]} {told['version']}"
    return found
