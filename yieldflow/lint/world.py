"""The world outside: what a workflow may not call, and what it does instead. Tables, and how a call is found in them.

Things are found by what they are, not by how they are called; nothing is imported to look for it.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import logging
import pathlib
import random
import sys
from collections import deque
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from yieldflow.authoring.source import UNKNOWN, Source

IN_A_STEP = "do it in a step: it would be done again on every replay"
AS_ARGUMENT = "pass the value as an argument, or read it in a step"
NOW = "`yield from now()` instead"
BRANCHES = "use `gather(...)`, `spawn(...)` or a step: only commands are waited for"
OTHERWISE = "it answers something else in another process: use a key of your own"
A_STATE = "another replay finds another value: keep it in a local variable"

_CALLS: tuple[tuple[str, str, str], ...] = (
    ("time", "process_time process_time_ns thread_time thread_time_ns clock_gettime clock_gettime_ns", NOW),
    ("random", "SystemRandom", "`yield from rng()`, or for secrets a step"),
    ("secrets", "SystemRandom", "make secrets in a step"),
    ("os", "getcwd getpid getppid cpu_count getlogin uname listdir scandir walk stat access getloadavg", AS_ARGUMENT),
    ("os", "remove unlink rename replace mkdir makedirs rmdir kill fork putenv unsetenv chdir chmod", IN_A_STEP),
    ("os.path", "exists isfile isdir islink getsize getmtime expanduser abspath realpath", AS_ARGUMENT),
    ("shutil", "copy copy2 copyfile copytree move rmtree make_archive unpack_archive which disk_usage", IN_A_STEP),
    ("tempfile", "mkdtemp mkstemp NamedTemporaryFile TemporaryFile TemporaryDirectory SpooledTemporaryFile", IN_A_STEP),
    ("glob", "glob iglob", AS_ARGUMENT),
    ("platform", "node platform system machine release uname python_version", AS_ARGUMENT),
    ("getpass", "getuser getpass", AS_ARGUMENT),
    ("subprocess", "getoutput getstatusoutput", IN_A_STEP),
    ("socket", "gethostname getfqdn gethostbyname getaddrinfo socketpair create_server", IN_A_STEP),
    ("sqlite3", "connect", IN_A_STEP),
    ("smtplib", "SMTP SMTP_SSL", IN_A_STEP),
    ("http.client", "HTTPConnection HTTPSConnection", IN_A_STEP),
    ("urllib.request", "urlretrieve build_opener", IN_A_STEP),
    ("threading", "Thread Timer Lock RLock Event Condition Semaphore BoundedSemaphore Barrier", BRANCHES),
    ("concurrent.futures", "ThreadPoolExecutor ProcessPoolExecutor wait as_completed", BRANCHES),
    ("multiprocessing", "Process Pool Queue Lock Manager Pipe", BRANCHES),
    ("asyncio", "run sleep gather wait wait_for create_task ensure_future to_thread as_completed", BRANCHES),
    ("asyncio", "get_event_loop new_event_loop get_running_loop Queue Event Lock Semaphore TaskGroup", BRANCHES),
    ("builtins", "id hash", OTHERWISE),
)
_WITHOUT: tuple[tuple[str, str, int, str], ...] = (  # functions that are so with no more than so many arguments
    ("time", "localtime gmtime ctime asctime", 0, NOW),
    ("time", "strftime", 1, NOW),
    ("random", "Random", 0, "`yield from rng()` instead"),
)
_STREAMS = {"argv": AS_ARGUMENT, "stdin": AS_ARGUMENT, "stdout": IN_A_STEP, "stderr": IN_A_STEP}
_LIBRARIES = {"aiohttp", "asyncpg", "boto3", "httpx", "paramiko", "psycopg", "psycopg2", "pymongo", "pymysql"}
_LIBRARIES |= {"redis", "requests", "urllib3"}
_HOLDS_A_DEVICE = _LIBRARIES | {"_io", "_socket", "ftplib", "smtplib", "socket", "sqlite3"}
_HOLDS_THREADS = {"_thread", "asyncio", "concurrent", "multiprocessing", "queue", "threading"}
_FILES = {"chmod", "exists", "expanduser", "glob", "is_dir", "is_file", "is_symlink", "iterdir", "mkdir", "open"}
_FILES |= {"read_bytes", "read_text", "rename", "replace", "resolve", "rglob", "rmdir", "stat", "symlink_to", "touch"}
_FILES |= {"unlink", "write_bytes", "write_text"}
_CHANGES = {"add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop", "popitem"}
_CHANGES |= {"popleft", "remove", "reverse", "setdefault", "sort", "update"}
_CHANGES |= {"difference_update", "intersection_update", "symmetric_difference_update"}
_MUTABLE = (list, dict, set, deque, bytearray)


def meant(node: ast.expr, source: Source) -> Any:
    """As the source says, and of classes what is written in them."""
    found = source.meant(node)
    if found is UNKNOWN and isinstance(node, ast.Attribute):
        owner = meant(node.value, source)
        if isinstance(owner, type):
            found = inspect.getattr_static(owner, node.attr, UNKNOWN)
            return found.__func__ if isinstance(found, classmethod | staticmethod) else found
    return found


def outside(call: ast.Call, source: Source) -> str | None:
    """What is wrong with a call, whatever is done with its answer."""
    target, shown = meant(call.func, source), f"{ast.unparse(call.func)}()"
    if target is not UNKNOWN and (says := _listed(target, len(call.args) + len(call.keywords))):
        return f"{shown} in a workflow: {says}"
    if _is_of_a_library(target):
        return f"{shown} in a workflow: {IN_A_STEP}"
    if inspect.iscoroutinefunction(target):
        return f"{shown} is async, and nobody awaits it: make it a step, `yield step({ast.unparse(call.func)}, ...)`"
    if isinstance(call.func, ast.Attribute) and (says := _of_an_object(call.func, source)):
        return f"{shown} in a workflow: {says}"
    is_next = target is next and call.args and isinstance(meant(call.args[0], source), itertools.count | Iterator)
    return f"next({ast.unparse(call.args[0])}) in a workflow: {A_STATE}" if is_next else None


def streams(source: Source) -> Iterator[tuple[ast.expr, str]]:
    """What a process was started with."""
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and source.meant(node.value) is sys and node.attr in _STREAMS:
            yield node, f"{ast.unparse(node)} in a workflow: {_STREAMS[node.attr]}"


def _listed(target: Any, arguments: int) -> str | None:
    for module, names, says in _CALLS:
        if any(target is _loaded(module, name) for name in names.split()):
            return says
    for module, names, most, says in _WITHOUT:
        if arguments <= most and any(target is _loaded(module, name) for name in names.split()):
            return says
    return None


def _loaded(module: str, name: str) -> Any:
    return vars(sys.modules[module]).get(name, _loaded) if module in sys.modules else _loaded


def _is_of_a_library(target: Any) -> bool:
    """Errors may be made, and told apart."""
    if not (inspect.isroutine(target) or isinstance(target, type)):
        return False
    is_error = isinstance(target, type) and issubclass(target, BaseException)
    return not is_error and _home(target) in _LIBRARIES


def _home(target: Any) -> str:
    module = getattr(target, "__module__", None)
    return module.partition(".")[0] if isinstance(module, str) else ""


def _of_an_object(func: ast.Attribute, source: Source) -> str | None:
    if func.attr in _FILES and is_path(func.value, source):
        return IN_A_STEP
    owner = meant(func.value, source)
    if owner is UNKNOWN or isinstance(owner, type | ModuleType):
        is_logging = owner is logging and func.attr in vars(logging.Logger)
        return "`get_logger()` is silent on replay: log with what it answers" if is_logging else None
    if isinstance(owner, logging.Logger):
        return "`get_logger()` is silent on replay: log with what it answers"
    if isinstance(owner, random.Random):
        return "`yield from rng()` instead"
    if isinstance(owner, _MUTABLE):
        return A_STATE if func.attr in _CHANGES else None
    return _by_type(type(owner))


def _by_type(kind: type) -> str | None:
    if (kind.__module__, kind.__name__) == ("yieldflow.app", "App"):
        return "yield the call as a child run, or ask with `send(...)`; what an app does is for code outside"
    home = _home(kind)
    if home in _HOLDS_A_DEVICE:
        return IN_A_STEP
    return BRANCHES if home in _HOLDS_THREADS else None


def is_path(node: ast.expr, source: Source) -> bool:
    """A `pathlib.Path`, as far as one can see."""
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr="cwd" | "home")):
            return meant(owner, source) is pathlib.Path
        case ast.Call(func=func):
            return meant(func, source) is pathlib.Path
        case ast.BinOp(left=left, op=ast.Div()):
            return is_path(left, source)
        case ast.Attribute(value=owner, attr="parent"):
            return is_path(owner, source)
        case ast.Name(id=name) if meant(node, source) is UNKNOWN:
            return source.given[name] == 1 and _is_local_path(name, source)
        case _:
            return isinstance(meant(node, source), pathlib.Path)


def _is_local_path(name: str, source: Source) -> bool:
    for node in ast.walk(source.definition):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=ast.Call(func=found)) if target == name:
                return meant(found, source) is pathlib.Path
            case ast.arg(arg=target, annotation=ast.expr() as found) if target == name:
                return meant(found, source) is pathlib.Path
            case _:
                pass
    return False
