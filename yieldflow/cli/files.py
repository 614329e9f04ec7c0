"""Files that hold histories: which words of a command name some, and how the file of a run is called."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from yieldflow.errors import NotFoundError, StoreError, error, shortened

ENDING = ".jsonl"
_LONGEST_NAME = 180  # bytes; file systems take 255, and we add some


@error
class NoHistory(NotFoundError):
    place: str

    def __str__(self) -> str:
        place = shortened(self.place, 200)
        return f"there is no file or folder {place}; `yieldflow export RUN > RUN.jsonl` makes a history"


@error
class UnusableFile(StoreError):
    place: str
    reason: str

    def __str__(self) -> str:
        return f"{shortened(self.place, 200)} cannot be used ({self.reason})"


def is_history(word: str) -> bool:
    """A folder that is a package is code."""
    path = Path(word)
    return word.endswith(ENDING) or (os.path.isdir(path) and not (path / "__init__.py").exists())  # noqa: PTH112 - of what no file can be called, too


def files_in(word: str) -> list[Path]:
    """A file, or those of a folder. Raises `NoHistory`."""
    place = Path(word)
    if os.path.isdir(place):  # noqa: PTH112 - likewise
        return sorted(place.glob(f"*{ENDING}"))
    if not os.path.isfile(place):  # noqa: PTH113 - likewise
        raise NoHistory(word)
    return [place]


def lines_of(file: Path) -> list[bytes]:
    """Raises `NoHistory`, `UnusableFile`."""
    try:
        return file.read_bytes().splitlines()
    except FileNotFoundError:
        raise NoHistory(str(file)) from None
    except OSError as wrong:
        raise UnusableFile(str(file), wrong.strerror or type(wrong).__name__) from wrong


def name_of(run_id: str) -> str:
    """What the file of a run is called; two runs share none, where file names keep their case.

    >>> name_of("order/42~2")
    'order%2F42~2.jsonl'
    """
    name = quote(run_id, safe=" @+=,")
    if len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME // 2]}-{sha256(run_id.encode()).hexdigest()}"
    return name + ENDING


def write_whole(file: Path, lines: Sequence[bytes]) -> None:
    """Under its name there is never half a history. Raises `UnusableFile`."""
    beside = file.with_name(f".{file.name[:_LONGEST_NAME]}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(b"".join(line + b"\n" for line in lines))
        beside.replace(file)
    except OSError as wrong:
        raise UnusableFile(str(file), wrong.strerror or type(wrong).__name__) from wrong
