"""What an observer raises keeps nobody from working: it is logged. It watches over what is called within it."""

from __future__ import annotations

import logging
from types import TracebackType

_LOG = logging.getLogger("yieldflow.observing")


class _Harmless:
    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        _LOG.error("an observer was told something, and failed", exc_info=error)
        return True


harmless = _Harmless()
