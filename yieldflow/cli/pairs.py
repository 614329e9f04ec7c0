"""Options that are pairs of texts, tags among them. Knows no command and no store."""

from __future__ import annotations

from collections.abc import Iterable

from yieldflow.errors import UsageError, shortened


def tags_of(texts: Iterable[str]) -> dict[str, str]:
    """Raises `UsageError`."""
    tags = dict[str, str]()
    for name, value in pairs_of("--tag", "NAME=VALUE, such as --tag team=shop", texts):
        if tags.setdefault(name, value) != value:
            raise UsageError(f"--tag {shortened(name, 60)}: no run has two values of one tag")
    return tags


def pairs_of(option: str, form: str, texts: Iterable[str]) -> list[tuple[str, str]]:
    """Raises `UsageError`."""
    pairs = [text.partition("=") for text in texts]
    for name, equals, value in pairs:
        if not name or not equals:
            raise UsageError(f"{option} {shortened(name + equals + value, 60)!r} says nothing: write {option} {form}")
    return [(name, value) for name, _, value in pairs]
