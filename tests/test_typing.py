"""Both type checkers know what every command answers: they accept `use.py` and reject each marked line of `bad.py`."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HERE = ROOT / "tests" / "typing"
FILES = ["use.py", "bad.py", "use_app.py", "bad_app.py", "classes.py"]


def run(*command):
    done = subprocess.run(
        [sys.executable, "-m", *command, *FILES],
        cwd=HERE,
        env=os.environ | {"MYPYPATH": f"{HERE}{os.pathsep}{ROOT}", "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def mypy():
    out = run(
        "mypy",
        "--strict",
        "--config-file=",
        "--python-version=3.11",
        "--follow-imports=silent",
        "--explicit-package-bases",
        "--cache-dir",
        os.devnull,
    )
    return {(name, int(line)) for name, line in re.findall(r"^(\w+\.py):(\d+): error:", out, re.MULTILINE)}


def pyright():
    found = json.loads(run("pyright", "--outputjson", "--pythonpath", sys.executable))["generalDiagnostics"]
    return {(Path(one["file"]).name, one["range"]["start"]["line"] + 1) for one in found if one["severity"] == "error"}


def marked():
    lines = [(name, *line) for name in FILES for line in enumerate((HERE / name).read_text().splitlines(), start=1)]
    return {(name, number) for name, number, text in lines if "# E: " in text}


@pytest.mark.parametrize("rejected_by", [mypy, pyright])
def test_type_checkers_reject_the_marked_lines_and_no_others(rejected_by):
    assert len(marked()) >= 19
    assert rejected_by() == marked()
