"""What the README and the tutorial show is run as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def run(folder: Path, *command: str) -> str:
    env = os.environ | {"PYTHONPATH": str(ROOT), "YIELDFLOW_URL": "sqlite:///run.db", "YIELDFLOW_MODULES": ""}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_of_the_readme_runs_and_runs_again(tmp_path: Path):
    (tmp_path / "shop.py").write_text(blocks("README.md")[0])
    for _ in range(2):
        assert run(tmp_path, sys.executable, "shop.py") == "receipt-o-42, parcel-o-42\n"


def test_what_the_readme_says_of_a_trip_is_what_the_page_on_testing_prints():
    (told,) = re.findall(r"^```text\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    printed = "".join(f"# prints {line}\n" for line in told.splitlines())
    assert printed in (ROOT / "docs" / "testing.md").read_text()


def test_the_first_program_of_the_tutorial_runs(tmp_path: Path):
    (tmp_path / "shop.py").write_text(blocks("docs/tutorial.md")[0].replace("time.sleep(2)", "time.sleep(0.01)"))
    command = ("-m", "yieldflow", "run", "shop.py:checkout", '"book"', "995", "--run-id", "order-1")
    assert run(tmp_path, sys.executable, *command) == '"reservation of book, receipt for 995"\n'
