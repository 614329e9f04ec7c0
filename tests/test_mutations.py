"""Single lines that each carry a rule: each is changed on a copy of the package, and a test must turn red.

Whoever rewrites such a line gives its new text here, or another line that carries the rule.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from attrs import frozen

ROOT = Path(__file__).parents[1]
SECONDS = 60  # for one mutant; a loop without an end is red, too
AT_A_TIME = 2
PLUGINS = ("-p", "pytest_timeout")  # those of other packages take longer to import than a test takes
QUIETLY = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
FAILED = 1  # pytest's exit code: tests ran, and some failed


@frozen
class Mutant:
    file: str  # below yieldflow/
    line: str
    instead: str
    red: str  # the test that must fail, below tests/


FOLD, COMBINATORS = "rulings/test_fold.py", "rulings/test_combinators.py"
SPECULATION, CLAIMS = "rulings/test_engine_speculation.py", "rulings/test_engine_claims.py"
SHIELDS, TASKS = "rulings/test_shields_and_timeouts.py", "rulings/test_tasks.py"
LATE = "core/test_late_regressions.py"
MEMORY, REDIS = "stores/test_memory.py::TestMemoryStore", "stores/test_redis.py"

MUTANTS = [
    Mutant(
        "core/run.py",
        "if self.ended is not None:",
        "if False:",
        f"{FOLD}::test_nothing_follows_the_end",
    ),
    Mutant(
        "core/run.py",
        "self.time, self.fed = max(self.time, event.at), self.length",
        "self.time, self.fed = event.at, self.length",
        "rulings/test_timers.py::test_9_time_does_not_run_backwards",
    ),
    Mutant("core/run.py", 'self._once(event, f"hook:{key}")', "pass", f"{FOLD}::test_an_impossible_event_is_refused"),
    Mutant(
        "core/tree.py",
        "if group.left == 0:",
        "if group.left == 0 or (group.closing is not None and group.result is None):",
        f"{COMBINATORS}::test_19_a_failed_gather_waits_for_the_clean_up_of_the_others",
    ),
    Mutant(
        "core/tree.py",
        "group.closing = worse(group.closing, result)",
        "pass",
        f"{COMBINATORS}::test_20_an_error_in_clean_up_replaces_an_answer",
    ),
    Mutant(
        "core/tree.py",
        "case Branch(result=None, started=False) as branch:",
        "case Branch(result=None, started=None) as branch:",
        f"{COMBINATORS}::test_23_a_branch_cancelled_before_its_first_step_never_starts",
    ),
    Mutant(
        "core/tree.py",
        "branch.held = True",
        "branch.held = False",
        f"{COMBINATORS}::test_21_a_closing_combinator_holds_the_cancellation",
    ),
    Mutant(
        "core/ledger.py",
        "for path, command in self._unasked.items():",
        "for path, command in ():",
        "rulings/test_deploys.py::test_4_a_step_that_was_dropped_is_missed_before_anything_is_decided",
    ),
    Mutant(
        "core/ledger.py",
        "if self._asked.pop(path, None) is None:",
        "if self._asked.pop(path, None) is not self:",
        "rulings/test_cancellation.py::test_2_what_was_asked_and_let_go_before_it_was_written_is_not_written_at_all",
    ),
    Mutant(
        "core/settling.py",
        "return deepcopy(default)",
        "return default",
        "rulings/test_app_hooks.py::test_72_a_default_is_answered_fresh_each_time_and_not_recorded",
    ),
    Mutant(
        "core/compare.py",
        "return codec.same(mine, theirs)",
        "return False",
        "rulings/test_determinism.py::test_14_a_field_with_a_default_that_was_added_since_blocks_no_run",
    ),
    Mutant(
        "core/tree.py",
        "case Group(result=None, closing=None, command=Shield()):",
        "case Group(result=None, closing=None, command=None):",
        f"{SHIELDS}::test_21_a_race_with_a_shield_in_it_waits_for_the_shield",
    ),
    Mutant(
        "core/tree.py",
        "if branch.held and isinstance(result, Raised) and _is_shield(awaited):",
        "if False:",
        f"{SHIELDS}::test_21_b_a_shielded_failure_under_a_cancellation_is_one_unwinding",
    ),
    Mutant(
        "core/tree.py",
        "if branch.held and not isinstance(item, Shield):",
        "if branch.held:",
        f"{SHIELDS}::test_21_c_what_is_asked_in_a_shield_is_carried_out_while_the_cancellation_is_held",
    ),
    Mutant(
        "core/tree.py",
        "if task.child is not None and task.result is None and not task.cancelled:",
        "if task.child is not None and task.result is None:",
        f"{TASKS}::test_26_the_clean_up_of_a_task_is_not_interrupted_when_its_branch_ends",
    ),
    Mutant(
        "core/tree.py",
        "task.heard = task.heard or bool(task.waiters)",
        "task.heard = True",
        f"{TASKS}::test_26_a_failure_that_nobody_heard_of_fails_the_branch_when_it_returns",
    ),
    Mutant(
        "core/nodes.py",
        "return limit is None or self.left - len(self.later) < limit",
        "return True",
        f"{LATE}::test_a_lower_limit_holds_for_what_the_log_has_not_begun",
    ),
    Mutant(
        "core/leaves.py",
        "if not written or leaf.path in self.run.open:  # else its end came in a pause, and is told in a moment",
        "if True:",
        f"{LATE}::test_a_loser_that_reports_in_a_pause_is_not_abandoned_afterwards",
    ),
    Mutant(
        "core/leaves.py",
        "if not known and self.ledger.passed(branch.path, number):",
        "if False:",
        "rulings/test_patches.py::test_15_a_run_that_passed_here_with_old_code_takes_the_old_way",
    ),
    Mutant(
        "core/questions.py",
        "while fork is not None and run.fed < fork.position:",
        "while fork is not None and run.fed <= fork.position:",
        f"{LATE}::test_a_fork_that_is_cut_behind_a_fact_asks_with_a_seed_of_its_own",
    ),
    Mutant(
        "core/ledger.py",
        "if self.length <= self.copied:",
        "if False:",
        "rulings/test_forks.py::test_11_tokens_of_a_fork_are_its_own_and_arguments_are_not_compared_in_what_it_copied",
    ),
    Mutant(
        "core/interpreter.py",
        "if self.run.paused:",
        "if False:",
        "rulings/test_pauses.py::test_28_facts_of_a_pause_are_kept_and_told_in_their_order_with_the_time_of_the_resume",
    ),
    Mutant(
        "core/endings.py",
        "if asked is not None and asked.key == DEADLINE:",
        "if False:",
        "rulings/test_pauses.py::test_29_a_deadline_cancels_and_ends_failed_with_a_run_timeout",
    ),
    Mutant(
        "core/mail.py",
        "self._box(name).waiters.remove(waiter)",
        "pass",
        "rulings/test_hooks.py::test_31_an_abandoned_waiter_takes_nothing",
    ),
    Mutant(
        "core/mail.py",
        "except Undecodable:",
        "except KeyError:",
        "rulings/test_hooks.py::test_32_what_does_not_fit_is_skipped_stays_in_the_log_and_the_hook_goes_on_waiting",
    ),
    Mutant(
        "core/agenda.py",
        "if not (attempt and at <= now):",
        "if at is not None:",
        "rulings/test_timers.py::test_a_closed_wait_wakes_nobody_and_a_retry_that_may_begin_is_no_longer_the_clocks",
    ),
    Mutant(
        "core/agenda.py",
        "while (timer := _earliest(run, now)) is not None and timer[0] <= now:",
        "while (timer := _earliest(run, now)) is not None and timer[0] < now:",
        "rulings/test_timers.py::test_34_due_timers_come_in_the_order_of_their_ends_then_of_their_paths",
    ),
    Mutant(
        "core/retry.py",
        "asked_for = TIMEOUT in failure.names or RETRYABLE in failure.names",
        "asked_for = False",
        "rulings/test_retry.py::test_39_a_policy_matches_the_names_of_what_was_raised",
    ),
    Mutant(
        "engine/tend.py",
        "if not stale:",
        "if True:",
        "rulings/test_engine_memory.py::test_16_what_an_old_execution_complains_of_is_confirmed_from_scratch",
    ),
    Mutant(
        "engine/concluding.py",
        "t.drop()",
        "pass",
        f"{SPECULATION}::test_1_a_timer_that_was_refused_is_not_known_to_anybody",
    ),
    Mutant(
        "engine/concluding.py",
        "t.tools.cache.refused(t.run_id)",
        "pass",
        f"{SPECULATION}::test_1_after_a_refusal_the_run_reports_plainly_eight_times",
    ),
    Mutant(
        "engine/working.py",
        "return run.work == 1 and path in run.open and t.tools.cache.may_speculate(t.run_id)",
        "return path in run.open and t.tools.cache.may_speculate(t.run_id)",
        f"{SPECULATION}::test_1_nobody_speculates_while_another_task_of_the_run_is_claimed",
    ),
    Mutant(
        "engine/working.py",
        "t.give_back()  # others may tend while the body runs",
        "pass",
        "rulings/test_engine_memory.py::test_59_who_runs_a_body_leaves_the_execution_to_others",
    ),
    Mutant(
        "engine/attempts.py",
        "again = claim.work.losses + 1 < call.options.lost",
        "again = True",
        "engine/test_walks.py::test_b11_after_the_last_loss_the_step_fails",
    ),
    Mutant(
        "engine/outside.py",
        "if not same_arguments(existing.arguments, encoded(call, codec), workflow.parameters, codec):",
        "if existing.arguments != encoded(call, codec):",
        "rulings/test_engine_outsiders.py::test_42_a_start_with_a_default_that_was_added_since_is_the_same_start",
    ),
    Mutant(
        "engine/reading.py",
        "if log is None or log.gap:",
        "if log is None:",
        f"{SPECULATION}::test_3_a_log_shorter_than_what_is_known_is_read_from_the_start",
    ),
    Mutant(
        "stores/conditions.py",
        'return None if held else Refused("resolved", now)',
        "return None",
        f"{CLAIMS}::test_6_a_revoked_claim_reports_nothing_any_more",
    ),
    Mutant(
        "stores/conditions.py",
        "return claim is not None and _held(claim, revoke.token) and (revoke.gone or claim.until <= now)",
        "return claim is not None and _held(claim, revoke.token)",
        f"{MEMORY}::test_a_claim_is_not_revoked_while_its_lease_lasts",
    ),
    Mutant(
        "stores/conditions.py",
        "if at == run.head:",
        "if at is not None and at.length == run.head.length:",
        f"{MEMORY}::test_the_same_length_under_another_commit_id_is_not_the_head",
    ),
    Mutant(
        "stores/redis/conditions.lua",
        "for name, kind in pairs(expected) do",
        "for name, kind in pairs({}) do",
        f"{REDIS}::test_a_key_of_a_strange_type_is_met_before_anything_is_written",
    ),
    Mutant(
        "stores/redis/chain.lua",
        "if plan.once then",
        "if false then",
        f"{REDIS}::TestRedisStore::test_a_delivery_with_the_same_key_is_refused_with_the_position_of_the_first",
    ),
]
NAMES = [mutant.red.rpartition("::")[2].removeprefix("test_") for mutant in MUTANTS]


def lines_of(mutant: Mutant) -> list[str]:
    source = ROOT / "yieldflow" / mutant.file
    return source.read_text(encoding="utf-8").splitlines(keepends=True)


def changed(mutant: Mutant, package: Path) -> None:
    """Change that line and nothing else."""
    lines = [
        line.replace(mutant.line, mutant.instead) if line.strip() == mutant.line else line for line in lines_of(mutant)
    ]
    (package / mutant.file).write_text("".join(lines), encoding="utf-8")


def outcome(package: Path, tests: Path, *red: str) -> subprocess.CompletedProcess[str]:
    """Run tests of the copy in *tests* on the package below *package*."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "--tb=line",
        "-o",
        "addopts=",
        "-p",
        "no:cacheprovider",
        *PLUGINS,
    ]
    environment = {**os.environ, **QUIETLY, "PYTHONPATH": str(package)}
    ids = [f"tests/{name}" for name in red]
    return subprocess.run(
        [*command, *ids], cwd=tests, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def copied(to: Path) -> Path:
    shutil.copytree(ROOT / "yieldflow", to / "yieldflow", ignore=shutil.ignore_patterns("__pycache__"))
    return to


@pytest.fixture(scope="module")
def tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tests, without a package beside it."""
    folder = tmp_path_factory.mktemp("tests")
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture(scope="module")
def runs(tests: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Mutant, Future]]:
    """What became of each mutant, two at a time."""

    def run(mutant: Mutant) -> subprocess.CompletedProcess[str]:
        package = copied(tmp_path_factory.mktemp("mutant"))
        changed(mutant, package / "yieldflow")
        return outcome(package, tests, mutant.red)

    with ThreadPoolExecutor(AT_A_TIME) as threads:
        yield {mutant: threads.submit(run, mutant) for mutant in MUTANTS}


def test_the_lines_are_there_once():
    counts = [[line.strip() for line in lines_of(mutant)].count(mutant.line) for mutant in MUTANTS]
    assert [mutant.line for mutant, count in zip(MUTANTS, counts, strict=True) if count != 1] == []
    assert len({(mutant.file, mutant.line) for mutant in MUTANTS}) == len(MUTANTS) >= 20


def test_the_unchanged_package_is_green(tests: Path, tmp_path: Path):
    told = outcome(copied(tmp_path), tests, *dict.fromkeys(mutant.red for mutant in MUTANTS))
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("mutant", MUTANTS, ids=NAMES)
def test_the_change_of_a_line_that_carries_a_rule_is_found(mutant: Mutant, runs: dict[Mutant, Future]):
    told = runs[mutant].result()
    assert told.returncode == FAILED, told.stdout + told.stderr
