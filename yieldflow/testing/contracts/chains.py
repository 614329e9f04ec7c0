"""Chains: generations of one run share their mailed links and the keys of their payloads, and know the newest."""

from __future__ import annotations

from typing import Any

import pytest

from yieldflow.ports import KEYS_CARRIED, Commit, Done, Open, Reply, Status
from yieldflow.testing.contracts.harness import Harness, append, change, done, log, new_id, refused, start, summary


def go_on(harness: Harness, run_id: str, following: str, **fields: Any) -> None:
    """End a generation as continued and start the next one."""
    append(harness, b"end", run_id=run_id, done=True, summary=summary(run_id, status="continued"))
    start(harness, run_id=following, **fields)


def deliver(harness: Harness, key: str, run_id: str) -> Reply:
    return change(harness, Open(key), b"payload", run_id=run_id)


class ChainContract:
    def test_the_newest_of_a_chain_is_its_last_generation(self, harness: Harness) -> None:
        assert harness.store.newest("x") == "x"
        start(harness, run_id="x")
        assert harness.store.newest("x") == "x"
        go_on(harness, "x", "x~2")
        assert harness.store.newest("x") == "x~2"
        for number in range(3, 12):
            go_on(harness, f"x~{number - 1}", f"x~{number}")
        assert harness.store.newest("x") == "x~11"

    def test_a_child_and_its_generations_are_a_chain_of_their_own(self, harness: Harness) -> None:
        for run_id in ("x", "x~2", "x~1.3", "x~1.3~2", "x~1.3~3", "xx~7"):
            start(harness, run_id=run_id)
        found = [harness.store.newest(chain) for chain in ("x", "x~1.3", "xx", "x~1.4")]
        assert found == ["x~2", "x~1.3~3", "xx~7", "x~1.4"]

    def test_a_generation_that_comes_late_is_not_the_newest(self, harness: Harness) -> None:
        for run_id in ("x", "x~3", "x~2"):
            start(harness, run_id=run_id)
        assert harness.store.newest("x") == "x~3"

    # --- hooks ------------------------------------------------------------------------------------------------------

    def test_a_mailed_link_opens_the_hook_of_the_chain_whatever_the_generation(self, harness: Harness) -> None:
        start(harness, run_id="x", hooks={"hash": "approval"})
        assert harness.store.resolve("hash") == ("x", "approval")
        go_on(harness, "x", "x~2", hooks={"second": "reply"})
        assert harness.store.resolve("hash") == ("x", "approval")
        assert harness.store.resolve("second") == ("x", "reply")
        append(harness, b"b", run_id="x~2", hooks={"hash": "approval"})
        go_on(harness, "x~2", "x~3")
        assert harness.store.resolve("hash") == ("x", "approval")

    def test_links_survive_while_there_is_no_next_generation_yet(self, harness: Harness) -> None:
        start(harness, run_id="x", hooks={"hash": "approval"})
        append(harness, b"end", run_id="x", done=True, summary=summary("x", status="continued"), hooks={"last": "h"})
        append(harness, run_id="x", alarm=1)
        assert (harness.store.resolve("hash"), harness.store.resolve("last")) == (("x", "approval"), ("x", "h"))

    @pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
    def test_links_end_with_the_last_generation(self, harness: Harness, status: Status) -> None:
        start(harness, run_id="x", hooks={"hash": "approval"})
        start(harness, run_id="x~1.3", hooks={"the child's": "reply"})
        start(harness, run_id="xx", hooks={"other": "approval"})
        go_on(harness, "x", "x~2", hooks={"second": "reply"})
        append(harness, b"end", run_id="x~2", done=True, summary=summary("x~2", status=status))
        assert (harness.store.resolve("hash"), harness.store.resolve("second")) == (None, None)
        assert harness.store.resolve("other") == ("xx", "approval")
        assert harness.store.resolve("the child's") == ("x~1.3", "reply")
        append(harness, b"end", run_id="x~1.3", done=True, summary=summary("x~1.3", status=status))
        assert harness.store.resolve("the child's") is None

    # --- keys -------------------------------------------------------------------------------------------------------

    def test_a_payload_counts_once_in_a_chain(self, harness: Harness) -> None:
        start(harness, run_id="x")
        done(deliver(harness, "hook:a:1", "x"))
        go_on(harness, "x", "x~2")
        again = refused(deliver(harness, "hook:a:1", "x~2"))
        assert (again.reason, again.position) == ("twice", 0)
        done(deliver(harness, "hook:a:2", "x~2"))
        assert refused(deliver(harness, "hook:a:2", "x~2")).position == 2
        go_on(harness, "x~2", "x~3")
        for key in ("hook:a:1", "hook:a:2"):
            again = refused(deliver(harness, key, "x~3"))
            assert (again.reason, again.position) == ("twice", 0)
        assert log(harness, "x~3").events == (b"started",)

    def test_the_generation_that_took_a_payload_still_says_where(self, harness: Harness) -> None:
        start(harness, run_id="x")
        done(deliver(harness, "hook:a:1", "x"))
        go_on(harness, "x", "x~2")
        assert refused(deliver(harness, "hook:a:1", "x")).position == 2
        assert refused(deliver(harness, "hook:a:2", "x")).reason == "ended"

    def test_whoever_cancelled_a_generation_may_cancel_the_next_one(self, harness: Harness) -> None:
        start(harness, run_id="x")
        done(deliver(harness, "cancel:1", "x"))
        done(deliver(harness, "hooks", "x"))
        go_on(harness, "x", "x~2")
        done(deliver(harness, "cancel:1", "x~2"))
        done(deliver(harness, "hooks", "x~2"))

    def test_another_chain_starts_without_keys(self, harness: Harness) -> None:
        start(harness, run_id="x")
        done(deliver(harness, "hook:a:1", "x"))
        for run_id in ("x~1.3", "xx", "x~3", "x~1.3~3"):  # a child, another run, and no successor of any of them
            start(harness, run_id=run_id)
            done(deliver(harness, "hook:a:1", run_id))

    def test_the_last_so_many_keys_are_carried(self, harness: Harness) -> None:
        def deliver_many(run_id: str, keys: list[str]) -> None:
            commits = [Commit(run_id, new_id(), Open(key), (b"p",)) for key in keys]
            assert all(isinstance(reply, Done) for reply in harness.store.commit(commits))

        def known(run_id: str, keys: list[str]) -> list[bool]:
            commits = [Commit(run_id, new_id(), Open(key), (b"p",), payloads=1, inbox=0) for key in keys]
            return [refused(reply).reason == "twice" for reply in harness.store.commit(commits)]

        # Their order is not that of their names, and others take nobody's place.
        keys = [f"hook:{number * 619 % 1009:04}" for number in range(KEYS_CARRIED + 5)]
        start(harness, run_id="x")
        deliver_many("x", [*keys, *(f"cancel:{number}" for number in range(9))])
        go_on(harness, "x", "x~2")
        assert known("x~2", keys) == [False] * 5 + [True] * KEYS_CARRIED
        late = ["hook:9", "hook:0"]
        deliver_many("x~2", late)
        go_on(harness, "x~2", "x~3")
        assert known("x~3", [*keys, *late]) == [False] * 7 + [True] * KEYS_CARRIED

    # --- delete -----------------------------------------------------------------------------------------------------

    def test_deleting_a_later_generation_deletes_only_that(self, harness: Harness) -> None:
        start(harness, run_id="x", hooks={"hash": "approval"})
        done(deliver(harness, "hook:a:1", "x"))
        go_on(harness, "x", "x~2", hooks={"second": "reply"})
        go_on(harness, "x~2", "x~3")
        harness.store.delete("x~2")
        assert (harness.store.read("x~2"), harness.store.newest("x")) == (None, "x~3")
        assert log(harness, "x").head.length == 3
        assert harness.store.resolve("hash") == ("x", "approval")
        assert harness.store.resolve("second") == ("x", "reply")
        assert refused(deliver(harness, "hook:a:1", "x~3")).reason == "twice"

    def test_deleting_the_newest_makes_the_one_before_it_the_newest(self, harness: Harness) -> None:
        for run_id in ("x", "x~2", "x~3", "x~4"):
            start(harness, run_id=run_id)
        harness.store.delete("x~3")
        harness.store.delete("x~4")
        assert harness.store.newest("x") == "x~2"
        harness.store.delete("x~2")
        assert harness.store.newest("x") == "x"

    def test_deleting_the_first_closes_the_links_of_its_chain(self, harness: Harness) -> None:
        start(harness, run_id="x", hooks={"hash": "approval"})
        start(harness, run_id="x~1.3", hooks={"the child's": "reply"})
        go_on(harness, "x", "x~2", hooks={"second": "reply"})
        harness.store.delete("x")
        assert (harness.store.resolve("hash"), harness.store.resolve("second")) == (None, None)
        assert harness.store.resolve("the child's") == ("x~1.3", "reply")
        assert log(harness, "x~2").events == (b"started",)

    @pytest.mark.parametrize("order", [("x", "x~2", "x~3"), ("x~3", "x~2", "x"), ("x~2", "x", "x~3")])
    def test_a_chain_that_is_deleted_leaves_nothing_in_whatever_order(
        self, harness: Harness, order: tuple[str, ...]
    ) -> None:
        start(harness, run_id="x", hooks={"hash": "approval"})
        done(deliver(harness, "hook:a:1", "x"))
        go_on(harness, "x", "x~2")
        go_on(harness, "x~2", "x~3")
        for run_id in order:
            harness.store.delete(run_id)
        assert (harness.store.newest("x"), harness.store.resolve("hash")) == ("x", None)
        start(harness, run_id="x")
        done(deliver(harness, "hook:a:1", "x"))

    def test_the_newest_is_known_while_there_is_one_though_the_first_is_gone(self, harness: Harness) -> None:
        """A chain is pruned from its first generation on; its id is free when the last one is gone."""
        for run_id in ("x", "x~2", "x~3"):
            start(harness, run_id=run_id)
        harness.store.delete("x")
        assert harness.store.newest("x") == "x~3"
        harness.store.delete("x~3")
        assert harness.store.newest("x") == "x~2"
        harness.store.delete("x~2")
        assert harness.store.newest("x") == "x"
