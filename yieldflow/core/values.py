"""How values travel: what the core needs to know of a function, and the codec it is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

from attrs import field, frozen

from yieldflow.core.record import record

Annotation: TypeAlias = Any  # a type form: int, list[int], Order | None, …; `Any` where nothing is known


class Readable:
    """As an annotation: any value as plain data, for people to read. It is no class of values."""


@frozen
class Parameters:
    """The annotations by which the arguments of one function travel."""

    names: tuple[str, ...] = ()  # parameters that can be given by position, in order
    annotations: Mapping[str, Annotation] = field(factory=dict)  # of all named parameters
    rest: Annotation = Any  # of `*args`
    others: Annotation = Any  # of `**kwargs`
    required: tuple[str, ...] = ()  # those without a default
    defaults: Mapping[str, object] = field(factory=dict)  # of the others; never stored, a run follows today's
    unnamed: int = 0  # so many of *names* can be given by position only

    def by_position(self, index: int) -> Annotation:
        return self.annotations.get(self.names[index], Any) if index < len(self.names) else self.rest

    def by_name(self, name: str) -> Annotation:
        return self.annotations.get(name, self.others)


class Shape(Protocol):
    """How the arguments and the answer of one function travel. It may be found out at the first look."""

    @property
    def parameters(self) -> Parameters: ...
    @property
    def returns(self) -> Annotation: ...


@frozen
class KnownShape:
    """A shape that is given."""

    parameters: Parameters = Parameters()
    returns: Annotation = Any


@record
class Arguments:
    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = field(factory=dict)


class Codec(Protocol):
    """Turns values into bytes and back, by annotation first. Pure: the same value gives the same bytes."""

    def encode(self, value: object, annotation: Annotation) -> bytes:
        """Raises `Unencodable`, naming the place in the value."""
        ...

    def decode(self, data: bytes, annotation: Annotation) -> object:
        """A fresh object each time. Raises `Undecodable`."""
        ...

    def encode_arguments(self, arguments: Arguments, parameters: Parameters) -> bytes:
        """Raises `Unencodable`."""
        ...

    def decode_arguments(self, data: bytes, parameters: Parameters) -> Arguments:
        """Raises `Undecodable`."""
        ...

    def same(self, one: bytes, other: bytes) -> bool:
        """Whether two encoded values are equal but for the order of keys."""
        ...
