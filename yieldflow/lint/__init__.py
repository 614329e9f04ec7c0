"""The determinism lint: what in a workflow, or in a helper that it calls, a replay would do otherwise.

It looks at source only. What `@workflow` refuses is certain; here is also what is nearly so, and each finding says what
to write instead. `# yieldflow: ok because ...` excuses a line, with its reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from yieldflow.authoring.source import Source
from yieldflow.authoring.source_check import SILENCED, Finding, mistakes, spanned
from yieldflow.lint.asking import no_commands, unasked
from yieldflow.lint.order import unordered
from yieldflow.lint.reach import Reached, reached
from yieldflow.lint.state import changed
from yieldflow.lint.world import outside, streams

__all__ = ["Finding", "findings"]

_EXCUSED = re.compile(r"#\s*yieldflow:\s*ok\s+because\s+\S")
_NO_REASON = "an excuse needs its reason: write `# yieldflow: ok because ...`"


def findings(programs: Iterable[Callable[..., Any]]) -> list[Finding]:
    """The findings in these generator functions (`my_workflow.fn`) and what they call, in the order of files and lines;
    one a line.
    """
    found: dict[tuple[str, int], Finding] = {}
    for program in programs:
        for part in reached(program):
            for finding in _findings(part):
                found.setdefault((finding.file, finding.line), finding)
    return [found[place] for place in sorted(found)]


def _findings(part: Reached) -> Iterator[Finding]:
    source = part.source
    for line, text in _own_lines(source):
        if SILENCED.search(text) and not _EXCUSED.search(text):
            yield Finding(source.file, line, _NO_REASON)
    for node, says in _complaints(part):
        if not any(SILENCED.search(text) for text in spanned(source, node)):
            yield Finding(source.file, node.lineno, says)


def _own_lines(source: Source) -> Iterator[tuple[int, str]]:
    definition = source.definition
    for line in range(definition.lineno, (definition.end_lineno or definition.lineno) + 1):
        yield line, source.lines.get(line, "")


def _complaints(part: Reached) -> Iterator[tuple[ast.expr, str]]:
    source = part.source
    yield from mistakes(source)
    for node in source.nodes:
        if isinstance(node, ast.Call) and (says := outside(node, source)):
            yield node, says
    yield from streams(source)
    yield from changed(source)
    yield from unasked(source)
    yield from unordered(source)
    if part.asks:
        yield from no_commands(source)
