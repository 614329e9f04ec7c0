"""Who does not explore by chance needs no Hypothesis; who does is told what to install."""

import subprocess
import sys

PROGRAM = """
import sys
sys.modules["hypothesis"] = None  # as if it were not installed

from yieldflow import Flow, step, workflow
from yieldflow.errors import UsageError
from yieldflow.testing import explore, outcomes, rehearse, replay, simulate

@step
def add(n: int) -> int:
    return n + 1

@workflow
def adds(n: int) -> Flow[int]:
    return (yield from add(n))

assert rehearse(adds(1), [(add(1), 2)]) == 2
sim = simulate(adds(1), steps={add: lambda n: n + 1})
assert sim.result == 2
replay(adds, sim.history)
fakes = {add: outcomes(2)}
print(explore(adds(1), steps=fakes, exhaustive=True, elsewhere=False).all)
print(explore(adds(1), steps=fakes, schedule=["crash"], elsewhere=False).schedules)
try:
    explore(adds(1), steps=fakes, elsewhere=False)
except UsageError as error:
    print(error)
"""
MISSING = (
    "explore() chooses with Hypothesis, which is not installed: pip install 'yieldflow[testing]' "
    "(exhaustive=True and schedule= do without)"
)
LOADED = "import sys, yieldflow.testing; print('hypothesis' in sys.modules)"


def told(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_all_but_chance_works_without_it_and_the_sentence_says_what_to_install():
    assert told(PROGRAM) == ["True", "1", MISSING]


def test_it_is_loaded_only_for_chance():
    assert told(LOADED) == ["False"]
