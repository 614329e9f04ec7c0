"""From `package.module:name` or `path/to/file.py:name` and JSON texts to the call of a workflow.

Code is loaded as the registry loads it, and only what a person names: nothing that a store holds is imported.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from traceback import extract_tb
from typing import Any, TextIO

from yieldflow.app import App
from yieldflow.authoring.registry import DEFAULT, Registry
from yieldflow.authoring.workflow import Workflow
from yieldflow.cli.errors import BrokenModule, NoModule
from yieldflow.core.asks import WorkflowCall, WorkflowDefinition
from yieldflow.errors import BadDefinition, UnknownTarget, UsageError, shortened
from yieldflow.given import call_of, parse


def module_of(target: str) -> str:
    """The module of a target, or what was given, if it names nothing in it."""
    module, colon, name = target.rpartition(":")
    return module if colon and name and "/" not in name else target


def load(modules: Iterable[str], out: TextIO | None = None) -> None:
    """Import modules and files; what they print goes to *out*, by default stderr. Raises `NoModule`, `BrokenModule`."""
    for module in modules:
        _expect(module, out)
        try:
            with redirect_stdout(out or sys.stderr):
                DEFAULT.load((module,))
        except BadDefinition as error:
            raise BrokenModule(module, str(error)) from error
        except (Exception, SystemExit) as error:  # user code: an import may raise whatever it likes
            raise BrokenModule(module, _where(error)) from error


def find(target: str) -> Workflow[Any, Any]:
    """The workflow of a target whose module is loaded. Raises `UnknownTarget`."""
    module, _, name = target.rpartition(":")
    if not module or not name:
        raise UnknownTarget(target, f"it names none{_instead('', vars(sys.modules[imported_as(target)]))}")
    namespace = vars(sys.modules[imported_as(module)])
    if name not in namespace:
        raise UnknownTarget(target, f"{module} has no {name!r}{_instead(name, namespace)}")
    found = namespace[name]
    if not isinstance(found, Workflow):
        raise UnknownTarget(target, f"{name!r} is a {type(found).__name__}{_instead(name, namespace)}")
    return found


def defined_in(registry: Registry, modules: Iterable[str]) -> Iterator[WorkflowDefinition]:
    """The workflows of these modules and of what is below them, as often as they have names."""
    homes = {imported_as(module) for module in modules}
    for definition in registry.workflows():
        module = definition.fn.__module__
        if any(module == home or module.startswith(f"{home}.") for home in homes):
            yield definition


def called(app: App, workflow: Workflow[Any, Any], args: Sequence[str], kwargs: Sequence[str]) -> WorkflowCall[Any]:
    """The call with these JSON texts as arguments. Raises `BadJson`, `BadArguments`."""
    positional = [_argument(number, text) for number, text in enumerate(args, 1)]
    named = dict(_named(text) for text in kwargs)
    return call_of(workflow.definition, positional, named, app.codec.plain, _shown(workflow))


def _argument(number: int, text: str) -> Any:
    if text.startswith("-") and not text[1:2].isdigit():
        option = shortened(text.partition("=")[0], 60)
        name = option.lstrip("-").replace("-", "_")
        kw = f"; an argument is given by its name as --kw {name}=JSON" if name.isidentifier() else ""
        raise UsageError(f"there is no option {option}{kw}; `yieldflow run --help` lists the options that there are")
    return parse(f"argument {number}", text)


def _named(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise UsageError(
            f"--kw {shortened(text, 60)} names no argument: write --kw NAME=JSON, such as --kw 'name=\"World\"'"
        )
    return name, parse(f"--kw {shortened(name, 60)}", value)


def _expect(module: str, out: TextIO | None) -> None:
    """A missing module is another mistake than one that cannot be imported."""
    if module.endswith(".py"):
        file = Path(module)
        if not os.path.isfile(file):  # noqa: PTH113 - of what no file can be called, too
            beside = file.parent.glob("*.py") if os.path.isdir(file.parent) else ()  # noqa: PTH112
            near = get_close_matches(file.stem, [other.stem for other in beside])  # all of them end alike
            also = f"; did you mean {file.parent / near[0]}.py?" if near else ""
            raise NoModule(module, f"there is no such file in {Path.cwd()}{also}")
        return
    parent, _, _ = module.rpartition(".")
    if not all(part.isidentifier() for part in module.split(".")):
        raise NoModule(module, "it is neither a module nor a file that ends in .py")
    if parent:
        load((parent,), out)
    if module not in sys.modules and not _is_there(module):
        raise NoModule(module, f"there is no module of this name in {Path.cwd()} or on the Python path")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # its parent is no package; `__main__`
        return False


def imported_as(module: str) -> str:
    return Path(module).stem if module.endswith(".py") else module


def _instead(name: str, namespace: dict[str, Any]) -> str:
    known = [key for key, value in namespace.items() if isinstance(value, Workflow)]
    if not known:
        return ", and there is no workflow in that module"
    near = get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else f"; its workflows are {', '.join(sorted(known))}"


def _shown(workflow: Workflow[Any, Any]) -> str:
    signature = inspect.signature(workflow.fn).replace(return_annotation=inspect.Signature.empty)
    return f"{workflow.fn.__qualname__}{signature}"


def _where(error: BaseException) -> str:
    """The exception, and the last line that it passed outside of Python's own library."""
    kind, text = type(error).__name__, str(error)
    if isinstance(error, SyntaxError):
        return f"{kind} at {error.filename}:{error.lineno}: {error.msg}"
    own = (str(Path(json.__file__).parents[1]), "<frozen")
    lines = [frame for frame in extract_tb(error.__traceback__) if not frame.filename.startswith(own)]
    place = f" at {lines[-1].filename}:{lines[-1].lineno}" if lines else ""
    return f"{kind}{place}: {text}" if text else f"{kind}{place}"
