"""Every promise of docs/guarantees.md is kept by a test of its name, and every test of this folder is of a promise."""

import ast
import re
from itertools import chain
from pathlib import Path

HERE = Path(__file__).parent
TEXT = (HERE.parents[1] / "docs" / "guarantees.md").read_text(encoding="utf-8")
PROMISED = {int(number): name for number, name in re.findall(r"^\| (\d+) \| ([^|]+) \|", TEXT, re.MULTILINE)}

KEPT_BY = {  # promise -> file: its tests there; the first of them has its name
    1: {
        "test_core_promises.py": ("test_a_second_tend_has_nothing_to_say",),
        "test_engine_promises.py": (
            "test_a_second_tend_has_nothing_to_say",
            "test_a_second_tend_has_nothing_to_say_while_a_run_waits",
        ),
    },
    2: {
        "test_core_promises.py": (
            "test_every_prefix_replays",
            "test_the_random_programs_come_everywhere",
            "test_a_fork_of_any_prefix_goes_on_and_replays",
        ),
    },
    3: {
        "test_core_promises.py": (
            "test_incremental_is_from_scratch",
            "test_decisions_may_be_written_later_without_changing_meaning",
        ),
    },
    4: {
        "test_core_promises.py": ("test_only_the_core_writes_history", "test_a_code_error_is_never_written"),
        "test_engine_promises.py": (
            "test_only_the_core_writes_history",
            "test_a_code_error_is_never_committed",
        ),
    },
    5: {"test_engine_promises.py": ("test_a_crash_is_a_pause", "test_two_crashes_are_two_pauses")},
    6: {"test_engine_promises.py": ("test_whoever_is_owed_something_has_an_alarm",)},
    7: {
        "test_engine_promises.py": (
            "test_committed_once",
            "test_a_stale_workers_late_result_is_refused",
            "test_bodies_run_at_least_once_and_a_result_that_was_acknowledged_stays",
        ),
    },
    8: {
        "test_core_promises.py": ("test_first_sight_is_replay_sight",),
        "test_app_promises.py": ("test_first_sight_is_replay_sight_in_another_process",),
    },
    9: {
        "test_app_promises.py": (
            "test_nobody_can_guess_a_hook_token",
            "test_nothing_stored_is_ever_unpickled_or_imported_by_name",
        ),
    },
    10: {
        "test_app_promises.py": ("test_the_cost_of_a_step_does_not_grow_with_the_history",),
        "test_cost.py": (
            "test_one_more_step_of_a_cached_run_sends_once_and_decodes_one_answer",
            "test_one_more_fact_sends_once_however_many_branches_are_open",
            "test_one_more_fact_calls_as_few_functions_however_many_commands_are_open",
        ),
    },
}


def defined_in(file: str) -> set[str]:
    tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def named_after(promise: str) -> list[str]:
    """A promise of two halves is two names."""
    halves = promise.lower().replace("is unpickled", "is ever unpickled").split(", and ")
    return ["test_" + re.sub(r"[^a-z0-9]+", "_", half).strip("_") for half in halves]


def test_the_table_has_the_promises_of_the_document_in_order():
    assert list(PROMISED) == list(KEPT_BY) == list(range(1, 11))


def test_each_promise_is_kept_by_a_test_of_its_name():
    names = {number: set(chain(*files.values())) for number, files in KEPT_BY.items()}
    assert [
        name for number, promise in PROMISED.items() for name in named_after(promise) if name not in names[number]
    ] == []


def test_each_test_of_the_table_exists_and_there_are_no_others():
    for file in sorted(HERE.glob("test_*.py")):
        if file.name == Path(__file__).name:
            continue
        kept = list(chain(*(files.get(file.name, ()) for files in KEPT_BY.values())))
        assert len(kept) == len(set(kept)), file
        assert set(kept) == defined_in(file.name), file
