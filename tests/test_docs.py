"""The pages of docs/: their Python is run as it stands there, and what they list is all there."""

import inspect
import io
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from itertools import zip_longest
from pathlib import Path
from types import ModuleType

import pytest
from attrs import frozen

import yieldflow
from yieldflow.lint import findings

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTS = re.compile(r"# prints (.*)$", re.MULTILINE)  # what a line of a page says of its output
A_FRAGMENT = "values.md"  # the whole of what it shows is examples/encrypted.py, which has a test
PAGES = sorted(page.name for page in DOCS.glob("*.md") if page.name != A_FRAGMENT)
CONCEPTS = {
    "branches.md",
    "cancellation.md",
    "children.md",
    "control.md",
    "determinism.md",
    "hooks.md",
    "limits.md",
    "logging.md",
    "sagas.md",
    "sleep.md",
    "steps.md",
    "testing.md",
    "workflows.md",
}
ONLY_SHOWN = 6  # blocks of our own code that are not run, in all pages together
DIFFERENCES = DOCS / "coming-from.md"


@frozen
class Block:
    """One fenced block of a page; *line* is where its first line stands."""

    kind: str
    line: int
    code: str


def blocks(text: str) -> Iterator[Block]:
    for fence in FENCE.finditer(text):
        yield Block(fence["kind"], text[: fence.start("code")].count("\n") + 1, fence["code"])


def run_page(name: str, text: str, folder: Path) -> None:
    """In one module, whose file has each line where the page has it: a workflow's source can be looked at."""
    file, module = folder / f"{name}.py", ModuleType(name)
    lines = [""] * text.count("\n")
    python = [block for block in blocks(text) if block.kind == "python"]
    for block in python:
        code = block.code.splitlines()
        lines[block.line - 1 : block.line - 1 + len(code)] = code
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    module.__file__ = str(file)
    sys.modules[name] = module
    for block in python:
        run_block(block, module, str(file), name)


def run_block(block: Block, module: ModuleType, file: str, page: str) -> None:
    printed = io.StringIO()
    compiled = compile("\n" * (block.line - 1) + block.code, file, "exec")
    with redirect_stdout(printed):
        exec(compiled, vars(module))
    said, shown = printed.getvalue().splitlines(), [text.rstrip() for text in PRINTS.findall(block.code)]
    for got, stated in zip_longest(said, shown):
        assert got == stated, f"docs/{page}, the block at line {block.line} prints {got!r}, and states {stated!r}"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with nothing in it, and the memory store by default; afterwards no app of a page is left."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YIELDFLOW_URL", "memory:")
    monkeypatch.setenv("YIELDFLOW_MODULES", "")
    yield tmp_path
    logging.getLogger("shop").handlers.clear()  # that of logging.md
    for name in [name for name in sys.modules if name.startswith("docs_")]:
        for value in vars(sys.modules.pop(name)).values():
            if isinstance(value, yieldflow.App):
                value.close()


@pytest.mark.parametrize("name", PAGES)
def test_the_python_of_a_page_runs_and_prints_what_it_states(name: str, place: Path):
    module = f"docs_{name.removesuffix('.md').replace('-', '_')}"
    run_page(module, (DOCS / name).read_text(encoding="utf-8"), place)
    shown = list(vars(sys.modules[module]).items())
    for test in [value for key, value in shown if key.startswith("test_") and not inspect.signature(value).parameters]:
        test()
    assert findings([value.fn for _, value in shown if isinstance(value, yieldflow.Workflow)]) == []


def test_a_page_that_prints_something_else_is_found(place: Path):
    for code in ("print(1)  # prints 2", "print(1)", "1 + 1  # prints 2"):
        with pytest.raises(AssertionError, match="prints"):
            run_page("docs_wrong", f"text\n```python\n{code}\n```\n", place)
    with pytest.raises(ZeroDivisionError):
        run_page("docs_wrong", "```python\n1 / 0\n```\n", place)


def test_every_concept_has_its_page_with_examples():
    for name in CONCEPTS:
        kinds = [block.kind for block in blocks((DOCS / name).read_text(encoding="utf-8"))]
        assert kinds.count("python") >= 2, name


def test_code_that_is_only_shown_is_rare():
    kinds = [
        block.kind
        for name in PAGES
        if name != DIFFERENCES.name
        for block in blocks((DOCS / name).read_text(encoding="utf-8"))
    ]
    assert set(kinds) <= {"python", "python no-run", "sh"}
    assert kinds.count("python no-run") <= ONLY_SHOWN


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(DOCS.glob("*.md"))], ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", text):
        linked = page.parent / target if target else page
        assert linked.exists(), f"{page.name} links {target}"
        assert not anchor or anchor in anchors(linked), f"{page.name} links {target}#{anchor}"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_links_every_page():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {page.name for page in DOCS.glob("*.md")} == set(re.findall(r"\]\(docs/([a-z-]+\.md)\)", text))


def test_every_feature_of_the_other_systems_is_answered():
    text = DIFFERENCES.read_text(encoding="utf-8").partition("## Every feature\n")[2]
    sections = {part.partition("\n")[0]: rows(part) for part in text.split("### ")[1:]}
    assert {title: [row[0] for row in found] for title, found in sections.items()} == FEATURES
    for feature, state, here in (row for found in sections.values() for row in found):
        assert state in {"built", "later", "not wanted"}, feature
        assert here, feature


def test_every_verb_that_a_feature_names_is_there():
    """What is called built is a public name, or a method of one."""
    text = DIFFERENCES.read_text(encoding="utf-8").partition("## Every feature\n")[2]
    for called in re.findall(r"`(?:app|App)\.([a-z_]+)", text):
        assert hasattr(yieldflow.App, called), called
    for called in re.findall(r"`(?:run|Handle)\.([a-z_]+)", text):
        assert hasattr(yieldflow.Handle, called), called
    for called in re.findall(r"`@?([A-Za-z_0-9]+)\(", text):
        known = called in vars(yieldflow) or called in yieldflow.__all__ or called in METHODS
        assert known, called


def rows(section: str) -> list[list[str]]:
    """Feature, state and answer of each line of a table, its head left out."""
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


METHODS = {"start", "heartbeat"}  # of `App` and of `current_step()`, written without it in the tables

FEATURES = {
    "Writing workflows": [
        "workflow definition",
        "step definition",
        "no asyncio needed",
        "classes as workflows and steps",
        "start and handle",
        "attach to a run later",
        "access to the context",
        "typed context shared with steps",
        "switch between durable and transient",
        "tags, attributes",
        "validation of arguments",
    ],
    "Steps, retries, errors": [
        "default retries",
        "back-off",
        "delays as text",
        "error that is not retried",
        "error with a delay",
        "retry by the type of exception",
        "time-out of a step",
        "time-out of a workflow",
        "exception keeps its type",
        "attempt and id seen in a step",
        "equal calls in one run",
        "step in the turn itself",
        "checkpoint in a step",
    ],
    "Sleep and timers": [
        "sleep",
        "grammar of durations",
        "frees the worker",
        "mechanism",
        "cancel a timer",
        "time-out of a wait",
    ],
    "Hooks and messages": [
        "wait for an event from outside",
        "deliver",
        "token",
        "many payloads a hook",
        "typed payload",
        "webhook URL and HTTP answer",
        "deliver before it is awaited",
        "query a running workflow",
        "update with a validator",
        "signal with start",
        "send to another workflow",
        "list hooks",
    ],
    "Parallel work and children": [
        "all of several",
        "any, race, as completed",
        "limits of concurrency",
        "child workflow",
        "handle without waiting",
        "what happens when the parent ends",
        "limit of nesting",
        "equal children",
    ],
    "Determinism": [
        "random numbers",
        "ids",
        "time",
        "side effect",
        "data of a run",
        "changed code is found",
        "sandbox, linter",
    ],
    "Cancellation, fresh logs, limits": [
        "cancel",
        "seen in the workflow",
        "shield and clean-up",
        "clean-up of a run that waits",
        "pause and resume",
        "continue as new",
        "look up the chain",
        "limit of the history",
        "retention",
    ],
    "Schedules and triggers": [
        "cron",
        "interval, calendar",
        "time zone, start and end, jitter",
        "overlap",
        "pause, resume, change, delete a schedule",
        "run now, fill in",
        "schedule as a decorator",
        "react to a status, result, error or event",
    ],
    "Versions, restarts, idempotency": [
        "patch markers",
        "runs pinned to a version",
        "rerun, fork, rewind",
        "idempotent start",
        "idempotency key of a step",
    ],
    "Values, stores, operation": [
        "format of values",
        "own types, encryption, compression",
        "large payloads elsewhere",
        "stores",
        "steps on workers and queues of their own",
        "priorities, rates of a queue",
        "recovery from a crash",
        "command line",
        "web page",
        "streaming output of a run",
        "logs",
        "traces",
        "metrics",
        "unit tests, skipping time, replay of a history",
        "settings in files and environment",
        "integration with web frameworks",
    ],
}
