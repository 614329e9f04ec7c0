"""Which names of a log belong to which functions of this process.

Names are only looked up here: nothing that is stored ever says what to import. Modules come from the
app's configuration.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from yieldflow.authoring.signatures import default_name
from yieldflow.core.asks import StepDefinition, WorkflowDefinition
from yieldflow.errors import BadDefinition

Definition = TypeVar("Definition", StepDefinition, WorkflowDefinition)


class Registry:
    """The steps and workflows that this process knows by name."""

    def __init__(self) -> None:
        self._steps: dict[str, StepDefinition] = {}
        self._workflows: dict[str, WorkflowDefinition] = {}

    def step(self, name: str) -> StepDefinition | None:
        return self._steps.get(name)

    def workflow(self, name: str) -> WorkflowDefinition | None:
        return self._workflows.get(name)

    def workflows(self) -> tuple[WorkflowDefinition, ...]:
        return tuple({id(known): known for known in self._workflows.values()}.values())

    @property
    def names(self) -> tuple[frozenset[str], frozenset[str]]:
        """Of the workflows, and of the steps."""
        return frozenset(self._workflows), frozenset(self._steps)

    def load(self, modules: Iterable[str]) -> None:
        """Import modules, each `package.module` or `path/to/file.py`, so that what they define is known.

        What an import raises passes through.
        """
        for module in modules:
            if module.endswith(".py"):
                _import_file(Path(module).resolve())
            else:
                importlib.import_module(module)

    def add_step(self, definition: StepDefinition) -> None:
        """Raises BadDefinition if another function has one of its names."""
        _add(self._steps, definition, "step")

    def add_workflow(self, definition: WorkflowDefinition) -> None:
        """Raises BadDefinition if another function has one of its names."""
        _add(self._workflows, definition, "workflow")


DEFAULT = Registry()
"""Where the decorators put what they define."""


def _add(table: dict[str, Definition], definition: Definition, kind: str) -> None:
    names = (definition.name, *definition.also_known_as)
    for name in names:
        former = table.get(name)
        if former is not None and _origin(former) != _origin(definition):
            raise BadDefinition(
                f"{kind} {name!r} is defined twice, by {_origin(former)} and by {_origin(definition)}: "
                "give one of them a name of its own (name=...)"
            )
    if definition.name in table:  # a cell run again, a reload: yesterday's names go
        _forget(table, table[definition.name])
    table.update(dict.fromkeys(names, definition))


def _forget(table: dict[str, Definition], definition: Definition) -> None:
    for name in [name for name, known in table.items() if known is definition]:
        del table[name]


def _origin(definition: StepDefinition | WorkflowDefinition) -> str:
    return default_name(definition.fn)


def _import_file(file: Path) -> None:
    """As if it were the script: known by its stem, its directory on the path; once only."""
    known = sys.modules.get(file.stem)
    if _runs(known, file) or _runs(sys.modules["__main__"], file):
        return
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if known is not None or spec is None or spec.loader is None:
        raise BadDefinition(f"{file} cannot be loaded: a module named {file.stem!r} is loaded already, rename the file")
    if str(file.parent) not in sys.path:
        sys.path.insert(0, str(file.parent))
    module = importlib.util.module_from_spec(spec)
    with ExitStack() as undo:
        sys.modules[file.stem] = module
        undo.callback(sys.modules.pop, file.stem)
        spec.loader.exec_module(module)
        undo.pop_all()  # it is loaded: it stays


def _runs(module: Any, file: Path) -> bool:
    origin = getattr(module, "__file__", None)
    return origin is not None and Path(origin).resolve() == file
