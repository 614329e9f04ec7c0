"""Classes that a user's cattrs converter teaches: its hooks, and around them the checks that cattrs leaves out.

A class is taught by a hook in each direction that is registered for this very class or one of its bases. What
cattrs does by itself coerces, so it is not asked for the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from cattrs import Converter
from cattrs.errors import CattrsError

from yieldflow.codec.unions import spelled
from yieldflow.codec.untyped import REFUSALS, Json, Misfit, Shape, dump, load, unfit
from yieldflow.core.values import Annotation

Taught: TypeAlias = Callable[[Annotation, type], Shape | None]


def taught(converter: Converter) -> Taught:
    """Gives the shape of an annotation whose class *converter* has hooks for."""
    theirs, nobodys = _by_class_only(converter), _by_class_only(Converter())

    def shape(annotation: Annotation, cls: type) -> Shape | None:
        write, read = theirs.get_unstructure_hook(cls), theirs.get_structure_hook(cls)
        if write is nobodys.get_unstructure_hook(cls) or read is nobodys.get_structure_hook(cls):
            return None
        name = spelled(annotation)

        def dump_taught(value: Any) -> Json:
            if not isinstance(value, cls):
                raise unfit(value, f"it is annotated as {name}")
            try:
                plain = write(value)
            except (*REFUSALS, CattrsError) as error:
                raise unfit(value, f"its hook failed with {type(error).__name__}: {error}") from None
            return dump(plain)

        def load_taught(data: Json) -> Any:
            plain = load(data)
            try:
                return read(plain, annotation)
            except (*REFUSALS, CattrsError) as error:
                raise Misfit(name, f"{type(error).__name__}: {error}") from None

        return Shape(name, dump_taught, load_taught)

    return shape


def _by_class_only(converter: Converter) -> Converter:
    """Cattrs looks among the hooks of classes first, and then asks the predicate that was registered last."""
    asked = converter.copy()
    asked.register_unstructure_hook_factory(lambda _: True, lambda _: _no_hook)
    asked.register_structure_hook_factory(lambda _: True, lambda _: _no_hook)
    return asked


def _no_hook(*_: object) -> None:
    raise NotImplementedError
