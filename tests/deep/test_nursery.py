"""What is forked in a nursery is told apart by its pid, ends in time, and leaves nobody behind."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.deep.nursery import nursery

HERE = __name__


def says(file: str, text: str) -> None:
    Path(file).write_text(f"{text} {os.getpid()} {os.environ.get('NURSERY')}")


def fails(text: str) -> None:
    raise ValueError(text)


def leaves(code: int) -> None:
    raise SystemExit(code)


def stays() -> None:
    time.sleep(60)


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_who_is_forked_does_what_it_is_told_and_says_how_it_ended(tmp_path: Path):
    with nursery([HERE], output=tmp_path / "output") as n:
        pid = n.fork(f"{HERE}:says", [str(tmp_path / "said"), "hello"], env={"NURSERY": "yes"})
        assert n.wait(pid) == 0
        assert (tmp_path / "said").read_text() == f"hello {pid} yes"
        assert n.wait(n.fork(f"{HERE}:fails", ["because"])) == 1
        assert n.wait(n.fork(f"{HERE}:leaves", [7])) == 7
    assert "ValueError: because" in (tmp_path / "output").read_text()


def test_who_is_killed_says_by_what_and_nobody_is_left_at_the_end():
    with nursery([HERE]) as n:
        killed, stopped, left = (n.fork(f"{HERE}:stays") for _ in range(3))
        n.kill(killed)
        n.kill(stopped, signal.SIGTERM)
        assert (n.wait(killed), n.wait(stopped)) == (-signal.SIGKILL, -signal.SIGTERM)
        assert n.ended(left) is None
        n.kill(killed)  # another process of that pid would not be met
        late = n.fork(f"{HERE}:stays", seconds=0.05)
        assert n.wait(late, 5) == -signal.SIGKILL
        with pytest.raises(TimeoutError):
            n.wait(left, 0.01)
    assert not is_there(left)


def test_who_is_forked_does_not_outlive_a_nursery_that_was_killed():
    with nursery([HERE]) as n:
        left = n.fork(f"{HERE}:stays")
        n.process.kill()
        n.process.wait(10)
        end = time.monotonic() + 5
        while is_there(left) and time.monotonic() < end:
            time.sleep(0.01)
        assert not is_there(left)
        with pytest.raises(BrokenPipeError):
            n.fork(f"{HERE}:stays")
