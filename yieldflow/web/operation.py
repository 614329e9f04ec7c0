"""What one operation of the API is: its method, path, parameters, body and answers, and the function that does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeAlias

from attrs import frozen

from yieldflow.web.asked import Asked
from yieldflow.web.desk import Desk
from yieldflow.web.schema import Schema

Do: TypeAlias = Callable[[Desk, Asked], Awaitable[Any]]


@frozen
class Parameter:
    """*place*: in the path, the query or a header. A list comes as a name that is given several times."""

    name: str
    place: Literal["path", "query", "header"]
    schema: Schema
    text: str

    @property
    def required(self) -> bool:
        return self.place == "path"


@frozen
class Operation:
    """*body*: schema of what has to be sent, if anything; an optional one may be left out. *refusals*: statuses besides
    those that all have.
    """

    name: str
    method: Literal["GET", "POST"]
    path: str
    text: str
    do: Do
    answers: tuple[int, Schema]
    parameters: tuple[Parameter, ...] = ()
    body: Schema | None = None
    needs_body: bool = False
    refusals: tuple[int, ...] = ()

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(self.path.split("/")[1:])
