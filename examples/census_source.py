"""What one file of Python source has in it, and how such facts add up. Knows nothing of workflows."""

from __future__ import annotations

import ast
import builtins
import heapq
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import field, frozen

warnings.filterwarnings("ignore", module="<unknown>")  # what the parser says about other people's escapes

BUILTINS = frozenset(name for name in dir(builtins) if not name.startswith("_"))
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
BLOCKS = (
    *(ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match),
    *(ast.ClassDef, *FUNCTIONS),
)


@frozen(order=True)
class Function:
    lines: int
    name: str
    file: str


@frozen
class Facts:
    """Of a file, a package or everything."""

    files: int = 0
    unreadable: int = 0  # not this Python's syntax, or not to be decoded; their lines are counted
    lines: int = 0
    functions: int = 0
    coroutines: int = 0  # those of the functions that are `async def`
    classes: int = 0
    comprehensions: int = 0
    documented: int = 0  # modules, classes and functions with a docstring
    definitions: int = 0  # modules, classes and functions
    deepest: int = 0  # blocks in blocks
    longest: tuple[Function, ...] = ()
    calls: dict[str, int] = field(factory=dict)  # how often each builtin is called by its name

    @property
    def share(self) -> float:
        """How much of it is documented, from 0 to 1."""
        return self.documented / self.definitions if self.definitions else 0.0


@frozen
class Tile:
    """A file as the picture needs it."""

    file: str
    lines: int
    share: float


@frozen
class Package:
    name: str
    facts: Facts
    tiles: tuple[Tile, ...]  # its files, the largest first; perhaps not all of them


@frozen
class Report:
    title: str
    total: Facts
    packages: tuple[Package, ...]

    def __str__(self) -> str:
        found = self.total
        return (
            f"{self.title}: {found.lines:,} lines in {found.files:,} files of {len(self.packages)} packages, "
            f"{found.functions:,} functions, {found.share:.0%} documented, {found.unreadable} files unreadable"
        )


def total(parts: Iterable[Facts]) -> Facts:
    """The order of *parts* does not matter."""
    every = list(parts)
    calls: Counter[str] = Counter()
    for part in every:
        calls.update(part.calls)
    return Facts(
        files=sum(part.files for part in every),
        unreadable=sum(part.unreadable for part in every),
        lines=sum(part.lines for part in every),
        functions=sum(part.functions for part in every),
        coroutines=sum(part.coroutines for part in every),
        classes=sum(part.classes for part in every),
        comprehensions=sum(part.comprehensions for part in every),
        documented=sum(part.documented for part in every),
        definitions=sum(part.definitions for part in every),
        deepest=max((part.deepest for part in every), default=0),
        longest=tuple(heapq.nlargest(5, (function for part in every for function in part.longest))),
        calls=dict(sorted(calls.items())),
    )


def examine(root: Path, file: str) -> Facts:
    """Read and parse one file. One that cannot be read is a fact, not an error."""
    try:
        source = (root / file).read_bytes()
    except OSError:
        return Facts(files=1, unreadable=1)
    lines = len(source.splitlines())
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):  # ValueError: null bytes, for some versions
        return Facts(files=1, unreadable=1, lines=lines)
    return _facts(tree, file, lines)


def _facts(tree: ast.Module, file: str, lines: int) -> Facts:
    nodes = list(_walk(tree))
    functions = [node for node, _ in nodes if isinstance(node, FUNCTIONS)]
    classes = [node for node, _ in nodes if isinstance(node, ast.ClassDef)]
    lengths = (Function((node.end_lineno or node.lineno) - node.lineno + 1, node.name, file) for node in functions)
    return Facts(
        files=1,
        lines=lines,
        functions=len(functions),
        coroutines=sum(isinstance(node, ast.AsyncFunctionDef) for node in functions),
        classes=len(classes),
        comprehensions=sum(isinstance(node, COMPREHENSIONS) for node, _ in nodes),
        documented=sum(ast.get_docstring(node, clean=False) is not None for node in (tree, *classes, *functions)),
        definitions=1 + len(classes) + len(functions),
        deepest=max(depth for _, depth in nodes),
        longest=tuple(heapq.nlargest(5, lengths)),
        calls=dict(sorted(Counter(filter(None, (_builtin(node) for node, _ in nodes))).items())),
    )


def _walk(tree: ast.Module) -> Iterator[tuple[ast.AST, int]]:
    """All nodes, each with the number of blocks it lies in; an `elif` is as deep as its `if`."""
    waiting: list[tuple[ast.AST, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        inner = depth + isinstance(node, BLOCKS)
        waiting += ((child, depth if _is_elif(child, node) else inner) for child in ast.iter_child_nodes(node))


def _is_elif(node: ast.AST, parent: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(parent, ast.If) and parent.orelse == [node]


def _builtin(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in BUILTINS:
            return name
        case _:
            return None
