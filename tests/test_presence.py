"""What workers say of themselves: small, whatever they have loaded, and read from anybody's bytes."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from yieldflow.presence import LONGEST_NAME, MOST_NAMES, SILENT, Member, Presence, presence, unpacked

NAMES = st.frozensets(st.text(max_size=LONGEST_NAME), max_size=5)


@given(st.integers(0, 1 << 50), NAMES, NAMES, st.booleans(), st.integers(0, 99))
def test_what_is_said_is_understood(
    at: int, workflows: frozenset[str], steps: frozenset[str], rings: bool, stuck: int
) -> None:
    said = presence(at, workflows, steps, rings=rings, stuck=stuck)
    assert said == Presence(at, workflows, steps, rings, stuck)
    assert unpacked(said.packed()) == said


def test_names_beyond_a_bound_are_left_out_and_it_says_so() -> None:
    said = presence(0, (f"w{number}" for number in range(5_000)), ["x" * 5_000, "s"], rings=False, stuck=0)
    assert len(said.workflows) == MOST_NAMES
    assert said.steps == {"s"}
    assert not said.whole
    assert unpacked(said.packed()) == said


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["at", "steps", "workflows", "rings"]), inner),
)


@given(st.binary() | JSON.map(lambda tree: json.dumps(tree).encode()))
def test_what_others_wrote_there_is_no_presence_or_a_plain_one(written: bytes) -> None:
    told = unpacked(written)
    assert told is None or all(isinstance(name, str) for name in told.steps | told.workflows)


def test_a_worker_of_ours_is_silent_after_a_minute_and_a_stock_one_is_rqs_to_miss() -> None:
    ours = Member("w", ("q",), "host:1", presence(1_000, (), (), rings=False, stuck=0))
    assert ours.heard_of(1_000 + SILENT - 1)
    assert not ours.heard_of(1_000 + SILENT)
    assert Member("w", ("q",), "host:1", None).heard_of(1 << 50)
