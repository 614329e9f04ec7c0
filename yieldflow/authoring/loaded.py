"""Exception classes by name, among what this process has loaded already. Never imports anything."""

from __future__ import annotations

import sys
from types import ModuleType

from yieldflow.core.retry import class_name


def loaded(name: str) -> type[BaseException] | None:
    """The class of "module:qualname", if it is an exception class that still goes by this name."""
    module, _, qualname = name.partition(":")
    found: object = sys.modules.get(module)
    for part in qualname.split("."):
        if not isinstance(found, ModuleType | type):
            return None
        found = vars(found).get(part)  # not getattr: a module's `__getattr__` may import
    if not isinstance(found, type) or not issubclass(found, BaseException):
        return None
    return found if class_name(found) == name else None
