"""A crash is a pause: at every call of a few stories."""

from tests.deep.crashes import stories

KINDS = ("Read", "Save", "Take", "Execute", "Offer", "Newest", "ExecuteLocal")
FAULTS = ("killed before", "killed after", "unreachable", "reply lost", "request lost")


def test_a_fault_at_any_call_and_at_pairs_of_calls_is_a_pause():
    counts = stories(range(8), pairs=12).counts
    assert counts["engine stories"] == 8
    assert counts["engine crash points"] >= 500
    assert counts["pairs of engine crash points"] == 96
    assert [kind for kind in KINDS if not counts[f"engine crash points at {kind}"]] == []
    assert [fault for fault in FAULTS if not counts[f"engine crash points: {fault}"]] == []
