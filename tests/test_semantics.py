"""Every case of docs/semantics.md is played by a test that exists, and every ruling by one that is named there."""

import ast
import re
from functools import cache
from itertools import chain
from pathlib import Path

from tests.played import PLAYED

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "semantics.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`((?:tests|yieldflow/testing)/[\w/]+\.py::\w+)`", TEXT)


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def missing(names: list[str]) -> list[str]:
    return [name for name in names if name.partition("::")[2] not in functions(name.partition("::")[0])]


def a_sentence(name: str) -> bool:
    return re.fullmatch(r"test_(b?\d+_)?[a-z0-9]+(_[a-z0-9]+){2,}", name.partition("::")[2]) is not None


def test_each_test_that_is_named_exists():
    assert missing([*NAMED, *chain(*PLAYED.values())]) == []


def test_the_names_of_tests_are_sentences():
    assert [name for name in NAMED if not a_sentence(name)] == []


def test_each_ruling_is_played_by_a_test_that_the_document_names():
    assert sorted(PLAYED) == list(range(1, 73))
    assert [ruling for ruling, names in PLAYED.items() if not set(names) & set(NAMED)] == []


def test_the_document_names_the_tests_of_the_table_and_no_others():
    assert sorted(NAMED) == sorted(set(chain(*PLAYED.values())))


def test_each_case_of_the_document_is_followed_by_its_tests():
    cases = [number for number, part in enumerate(TEXT.split("\n\n")) if part.startswith("**")]
    named = ("- `tests/", "- `yieldflow/testing/")
    lists = [number for number, part in enumerate(TEXT.split("\n\n")) if part.startswith(named)]
    assert [number + 1 for number in cases] == lists
    assert len(cases) > 40
