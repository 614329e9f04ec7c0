"""The command line, called in this process with what nobody would type: a sentence, an exit code, nothing changed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from attrs import frozen
from click.testing import CliRunner

from tests.deep.hostile_inputs import Inputs
from tests.deep.hostile_stores import waits
from yieldflow import App
from yieldflow.cli.commands import yieldflow

ROOT = Path(__file__).parents[2]
WAITS = "tests.deep.hostile_stores:waits"
CODES = (0, 1, 2, 3, 4)
LONGEST_ANSWER = 10_000  # characters on stderr
SECONDS = 60


@frozen
class Shell:
    """A store with a run that waits, and a folder of histories, one of them good."""

    home: Path
    url: str

    def __call__(self, *args: str) -> tuple[int, str]:
        result = CliRunner().invoke(yieldflow, args, env=self.environment())
        told = result.exception
        if told is not None and not isinstance(told, SystemExit):
            raise AssertionError(f"{[one[:200] for one in args]}: {type(told).__name__}: {str(told)[:500]}") from told
        return result.exit_code, result.stderr

    def told(self, *args: str) -> str:
        """On stdout and stderr."""
        return CliRunner().invoke(yieldflow, args, env=self.environment()).output

    def process(self, *args: bytes) -> tuple[int, str]:
        """One of its own, for bytes that are no text."""
        command = [sys.executable, "-m", "yieldflow", *args]
        env = {**os.environ, **self.environment(), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=env, cwd=self.home, capture_output=True, timeout=SECONDS, check=False)
        return done.returncode, done.stderr.decode()

    def environment(self) -> dict[str, str]:
        return {"YIELDFLOW_URL": self.url, "YIELDFLOW_MODULES": "", "COLUMNS": "100", "NO_COLOR": "1"}

    def dump(self) -> list[str]:
        store = sqlite3.connect(self.home / "shop.db")
        try:
            return list(store.iterdump())
        finally:
            store.close()


@contextmanager
def shell() -> Iterator[Shell]:
    with TemporaryDirectory(prefix="yieldflow-") as folder:
        home = Path(folder)
        found = Shell(home, f"sqlite:///{home}/shop.db")
        app = App(found.url)
        for run_id in ("victim", "spare"):
            app.start(waits("kept"), run_id=run_id)
            app.runtime.tend(run_id)
        app.close()
        yield found


def visit(here: Shell, inputs: Inputs, calls: int) -> tuple[int, int]:
    """How many were refused, how many taken."""
    before, refused = here.dump(), 0
    for _ in range(calls):
        args = [_typed(word) for word in inputs.one_of(COMMANDS)(inputs)]
        code, said = here(*args)
        expect_clean(args, code, said)
        after = here.dump()
        if code in (2, 3, 4):
            refused += 1
            assert after == before, f"{args} was refused and changed the store"
        before = after
    return refused, calls - refused


def expect_clean(args: list[Any], code: int, said: str) -> None:
    """Also on stderr nothing that moves a terminal's cursor."""
    shown = [repr(one)[:200] for one in args]
    assert code in CODES, (shown, code)
    assert "Traceback" not in said, (shown, said[-1_000:])
    assert len(said) <= LONGEST_ANSWER, (shown, said[:500])
    assert said.replace("\n", "").replace("\t", "").isprintable(), (shown, said[:500])
    assert code in (0, 1) or said.strip(), (shown, "it says nothing")


def _typed(word: Any) -> str:
    """As a process is given it: without NUL, whose bytes are no text perhaps."""
    text = word if isinstance(word, str) else repr(word)[:1_000]
    return text.replace("\0", "").encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")[:50_000]


COMMANDS = (
    lambda inputs: ("start", WAITS, inputs.json_text(), inputs.json_text()),
    lambda inputs: ("start", WAITS, '"x"', "--kw", f"{inputs.text()}={inputs.json_text()}"),
    lambda inputs: ("start", WAITS, '"x"', "--kw", f"extra={inputs.json_text()}", "--run-id", inputs.text()),
    lambda inputs: ("start", inputs.text(), '"x"'),
    lambda inputs: ("start", f"{inputs.text()}:{inputs.text()}"),
    lambda inputs: ("start", f"{inputs.text()[:100]}.py:waits"),
    lambda inputs: ("run", WAITS, inputs.json_text(), "--kw", "number=no"),
    lambda inputs: ("run", WAITS, '"kept"', "--run-id", inputs.text(), "--threads", "x" + inputs.text()),
    lambda inputs: ("send", inputs.text() + "x", "word", inputs.json_text()),
    lambda inputs: ("send", "spare", inputs.text(), inputs.json_text()),
    lambda inputs: ("send", "spare", "word", inputs.json_text(), "--key", inputs.text()),
    lambda inputs: ("hook", inputs.text(), inputs.json_text()),
    lambda inputs: ("cancel", inputs.text() + "x", "--reason", inputs.text()),
    lambda inputs: ("inspect", inputs.text(), "--at", inputs.text()),
    lambda inputs: ("inspect", "spare", "--at", inputs.text(), inputs.one_of(("--json", "--events", "--payloads"))),
    lambda inputs: ("inspect", inputs.one_of(("spare", "victim")), inputs.one_of(("--json", "--events", "--payloads"))),
    lambda inputs: ("ls", inputs.one_of(LS), inputs.text()),
    lambda inputs: ("ls", *(("--json",) if inputs.often(0.5) else ())),
    lambda inputs: ("result", inputs.text(), "--timeout", inputs.text()),
    lambda inputs: ("result", "spare", "--timeout", inputs.text() + "x"),
    lambda inputs: ("export", inputs.text()),
    lambda inputs: ("--url", inputs.one_of(URLS) + inputs.text(), "ls"),
    lambda inputs: ("--url", inputs.one_of(WHOLE_URLS), "ls"),
    lambda inputs: ("-m", inputs.text(), "ls"),
    lambda inputs: ("check", inputs.text()),
    lambda inputs: (inputs.text(), inputs.text()),
)
LS = ("--since", "--until", "--tag", "--cursor", "--workflow", "--status", "--limit")
URLS = ("", "sqlite:///", "sqlite://", "redis://127.0.0.1:1/", "redis://[", "memory:", "sqlite:///%00", "unix:///x")
WHOLE_URLS = (
    "redis://",
    "redis://127.0.0.1:x",
    "redis://127.0.0.1:99999",
    "redis://127.0.0.1:1/-1",
    "//",
    "sqlite:///.",
    ":",
)


def check_histories(here: Shell, inputs: Inputs, files: int) -> int:
    """Exported histories that somebody has damaged: each is a finding or fits, and the good one is never hurt."""
    folder = here.home / "histories"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    app = App(here.url)
    good = [*app.store.read("spare").events]  # type: ignore[union-attr]  # it is there
    app.close()
    (folder / "good.jsonl").write_bytes(b"".join(line + b"\n" for line in good))
    for number in range(files):
        lines = [
            inputs.event() if inputs.often(0.3) else inputs.one_of(good) for _ in range(inputs.random.randrange(4))
        ]
        text = b"\n".join((good[: inputs.random.randrange(4)] if inputs.often(0.7) else []) + lines)
        (folder / f"{number:04}.jsonl").write_bytes(inputs.bent(text) if inputs.often(0.3) else text)
    before = here.dump()
    result = CliRunner().invoke(
        yieldflow, ["check", WAITS.partition(":")[0], str(folder), "--json"], env=here.environment()
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    expect_clean(["check"], result.exit_code, result.stderr)
    assert len(result.stdout) <= (files + 1) * LONGEST_ANSWER
    assert "good.jsonl" not in result.stdout
    assert here.dump() == before
    return files
