"""`explore` finds each mistake of the corpus, and nothing in its mended twin."""

from importlib import import_module
from pathlib import Path

import pytest

from tests.testing.corpus import Pair
from yieldflow.testing import explore

MODULES = sorted(file.stem for file in Path(__file__).parent.glob("corpus_*.py"))
PAIRS: list[Pair] = [one for name in MODULES for one in import_module(f"tests.testing.{name}").PAIRS]

each = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.mistake.replace(" ", "_"))


def test_there_are_many_and_each_is_another():
    assert len({pair.mistake for pair in PAIRS}) == len(PAIRS) >= 20


@each
def test_a_mistake_is_found_within_200_examples(pair: Pair):
    with pytest.raises(AssertionError) as found:
        explore(pair.faulty, examples=200, **pair.options)
    assert pair.says in str(found.value)


@each
def test_its_mended_twin_holds(pair: Pair):
    explored = explore(pair.mended, examples=200, **pair.options)
    assert explored.schedules == 200
    assert explored.only_here is None
