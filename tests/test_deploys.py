"""The transcript of docs/deploys.md is true: its files are written, its commands are given, and they say what it shows.

`python -m tests.test_deploys` writes the page anew, with what the commands say now.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "deploys.md"
FENCE = re.compile(r"^```(?P<kind>python|sh)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (?P<name>\S+\.py)\n")
SAME = (  # what differs from one time to the next
    (re.compile(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d(\.\d+)?( UTC|Z)"), r"2026-11-02\g<1>09:30:00\g<3>"),
    (re.compile(r"\b\d+(\.\d)? s\b"), "2 s"),
    (re.compile(r"\brung \d+ times?\b"), "rung 2 times"),
    (re.compile(r"\bnext look is due\b"), "next look in 2 s"),
    (re.compile(r"\bworker \d+"), "worker 4711"),
    (re.compile(r"\b[\w-]+:[0-9a-f]{8}:\d+:\d+:\d+\b"), "host:4711"),
)


class Terminal:
    """A folder in which commands are given; `export` lasts, as in a shell."""

    def __init__(self, home: Path) -> None:
        self.home = home
        command = home / "bin" / "yieldflow"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m yieldflow "$@"\n')
        command.chmod(0o755)
        paths = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
        self.env = {"PATH": paths, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1", "HOME": str(home)}
        self.code = 0

    def says(self, line: str) -> list[str]:
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            self.env[name] = value
            return []
        if line == "echo $?":
            return [str(self.code)]
        done = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=self.home,
            env=self.env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=60,
        )
        self.code = done.returncode
        return [alike(said, self.home) for said in done.stdout.splitlines()]


def alike(line: str, home: Path) -> str:
    line = line.replace(f"{home}/", "").replace(str(home), ".")
    for changing, same in SAME:
        line = changing.sub(same, line)
    return line.rstrip()


def played(text: str, home: Path) -> str:
    """The page with what its commands say now."""
    terminal = Terminal(home)

    def block(fence: re.Match[str]) -> str:
        code = fence["code"]
        if fence["kind"] == "python":
            if named := FILE.match(code):
                (home / named["name"]).write_text(code.removeprefix(named[0]))
            return fence[0]
        return f"```sh\n{''.join(f'{line}' + chr(10) for line in lines(terminal, code))}```"

    return FENCE.sub(block, text)


def lines(terminal: Terminal, code: str) -> Iterator[str]:
    for line in code.splitlines():
        if line.startswith("$ "):
            yield line
            yield from terminal.says(line.removeprefix("$ "))


def test_the_transcript_is_what_the_commands_say(tmp_path: Path):
    text = PAGE.read_text(encoding="utf-8")
    said = played(text, tmp_path)
    assert said.splitlines() == text.splitlines()


def test_the_transcript_tells_of_the_mistake_and_of_its_end():
    """What it is there for: were it written anew while something is broken, it must not show that as right."""
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.split("## The fix")
    for told in (
        "order-1\tblocked\t",
        "asked:    look_for_fraud('o-1')",
        "fraud = yield from look_for_fraud(order)",
        "2 histories replayed: 0 go on, 2 would be blocked",
    ):
        assert told in before, told
    for told in ("2 histories replayed: 2 go on", "order-1\tcompleted\t", '"parcel o-1"', "order-2  imported, paused"):
        assert told in after, told


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(played(PAGE.read_text(encoding="utf-8"), Path(folder)), encoding="utf-8")
