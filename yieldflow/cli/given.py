"""Values of options as people write them: pairs, tags, moments. Knows no command and no store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from yieldflow.cli.options import span_of
from yieldflow.core.times import Millis, moment
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


def instant_of(option: str, text: str | None, now: Millis) -> datetime | None:
    """So long before *now*, or a moment: UTC where no zone is said. Raises `UsageError`."""
    if text is None:
        return None
    try:
        return moment(now - span_of(text.removesuffix("ago").rstrip()))
    except UsageError as error:
        try:
            return time_of(text)
        except ValueError:
            raise UsageError(f"{option}: {error}, nor is it a time such as 2026-01-31T12:00") from error
    except (OverflowError, ValueError) as error:
        raise UsageError(f"{option} {shortened(text, 60)} is too long ago") from error


def time_of(text: str) -> datetime:
    """ISO 8601, in UTC where no zone is said, as on all screens. Raises ValueError."""
    at = datetime.fromisoformat(text.removesuffix(" UTC"))
    return at if at.utcoffset() is not None else at.replace(tzinfo=UTC)
