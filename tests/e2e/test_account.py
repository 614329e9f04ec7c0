"""The account of a run under fire can fail: each of these histories is one that it must refuse."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.e2e.account import account
from tests.e2e.journal import Line
from yieldflow.core.commands import CallStep
from yieldflow.core.events import CommandIssued, CommandResolved
from yieldflow.core.outcome import Ok

ISSUED = CommandIssued(1, (1,), CallStep("step", b"[[],{}]"))
RESOLVED = CommandResolved(2, (1,), Ok(b"1"), 1, "host:boot:1:7:123", 1)
LOG = (ISSUED, RESOLVED)
BEGAN = Line("began", "1", "r", 1, 7, 7, 1)
ACKNOWLEDGED = Line("resolved", "1", "r", 1, 7, 7, 2)
ELSEWHERE = Line("began", "1", "r", 1, 8, 8, 1)
KILLED = Line("killed", "in a body", "", 0, 8, 8, 1)


def test_a_body_and_its_report_are_as_they_should_be():
    assert account([BEGAN, ACKNOWLEDGED], {"r": LOG}).again == 0


def test_a_body_of_a_killed_process_may_have_been_for_nothing():
    assert account([ELSEWHERE, KILLED, BEGAN, ACKNOWLEDGED], {"r": LOG}).again == 1
    assert account([ELSEWHERE, evolve(ELSEWHERE, at=2), KILLED, BEGAN, ACKNOWLEDGED], {"r": LOG}).again == 2


@pytest.mark.parametrize(
    ("journal", "log"),
    [
        pytest.param([ELSEWHERE, BEGAN, ACKNOWLEDGED], LOG, id="a body for nothing, and nobody was killed"),
        pytest.param(
            [ELSEWHERE, evolve(ELSEWHERE, path="2"), KILLED, BEGAN],
            (*LOG, evolve(ISSUED, path=(2,)), evolve(RESOLVED, path=(2,), worker="host:boot:1:8:123")),
            id="a body for nothing, and its thread went on",
        ),
        pytest.param([BEGAN, ACKNOWLEDGED, ELSEWHERE, KILLED], LOG, id="a body after the outcome was acknowledged"),
        pytest.param([], LOG, id="an outcome without a body"),
        pytest.param([BEGAN], (ISSUED,), id="no outcome"),
        pytest.param([BEGAN], (ISSUED, RESOLVED, evolve(RESOLVED, at=3)), id="two outcomes"),
        pytest.param([BEGAN], (ISSUED, ISSUED, RESOLVED), id="asked twice"),
    ],
)
def test_what_never_may_happen_is_found(journal, log):
    with pytest.raises(AssertionError):
        account(journal, {"r": log})
