"""What cannot be a new field with a default: a former form is read as what it has become."""

import pytest

from yieldflow.codec import pack, unpack
from yieldflow.codec.upcasts import UPCASTS
from yieldflow.core.events import CommandAbandoned, CommandResolved
from yieldflow.core.outcome import Ok
from yieldflow.errors import Undecodable


@pytest.fixture
def once_upon_a_time(monkeypatch):
    """Made up: an answer was `done`, later `answered` with its path as a list, and is `resolved` today."""
    monkeypatch.setitem(UPCASTS, "done", lambda old: {**old, "e": "answered", "path": [old["step"]]})
    monkeypatch.setitem(
        UPCASTS, "answered", lambda old: {**old, "e": "resolved", "path": ".".join(map(str, old["path"])), "is": "ok"}
    )


@pytest.mark.usefixtures("once_upon_a_time")
def test_former_forms_are_read_and_written_as_today():
    event = CommandResolved(5, (3,), Ok(b"[1]"), 2)
    for line in (
        b'{"e":"done","at":5,"step":3,"value":[1],"attempt":2}',
        b'{"e":"answered","at":5,"path":[3],"value":[1],"attempt":2}',
        b'{"e":"resolved","at":5,"path":"3","is":"ok","value":[1],"attempt":2}',
    ):
        assert unpack(line) == event
    assert pack(event).startswith(b'{"e":"resolved","at":5,"path":"3","is":"ok"')


@pytest.mark.usefixtures("once_upon_a_time")
def test_others_are_left_alone_and_garbage_is_told():
    assert unpack(pack(CommandAbandoned(5, (1,)))) == CommandAbandoned(5, (1,))
    with pytest.raises(Undecodable, match="KeyError: 'step'"):
        unpack(b'{"e":"done","at":5}')


def test_a_form_of_the_future_is_not_read_as_anything_else():
    with pytest.raises(Undecodable, match="'resolved-2' is not known here; a newer yieldflow wrote it"):
        unpack(b'{"e":"resolved-2","at":5,"path":"3","is":"ok","value":1}')
