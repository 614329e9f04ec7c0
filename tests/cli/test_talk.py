"""`result`, `send`, `hook`, `cancel`, `ls` and `inspect` as they are typed."""

import json

import pytest

SHOP = "tests.cli.shop"


def test_result_of_a_finished_run_needs_no_code(shell):
    shell("run", f"{SHOP}:hello", '"z"', "--run-id", "z")
    assert shell.run("result", "z")[:2] == (0, '["z packed"]\n')


def test_result_without_the_code_only_waits_and_leaves_the_run_as_it_is(checkout):
    before = checkout.histories()
    code, out, err = checkout.run("result", "o1", "--timeout", "0.2")
    assert (code, out) == (1, "")
    assert "the code of tests.cli.shop:asks is not at hand" in err
    assert "has not ended within 0.2 s" in err
    assert checkout.histories() == before


def test_result_with_the_code_works_on_the_run(checkout):
    checkout("send", "o1", "approval", "true")
    result = checkout("result", "o1", "-m", SHOP)
    assert json.loads(result.stdout) == {"o1": True}


def test_send_without_the_code_says_where_it_was_put_and_that_nobody_checked_its_type(checkout):
    code, _, err = checkout.run("send", "o1", "approval", '"perhaps"')
    assert (code, err) == (0, "delivered to hook approval of run o1 at position 5; its type was not checked\n")


def test_a_payload_that_does_not_fit_the_type_in_the_code_is_refused_with_nothing_changed(checkout):
    before, token = checkout.histories(), token_of(checkout)
    for words in (("send", "o1", "approval"), ("hook", token)):
        code, out, err = checkout.run(*words, '"perhaps"', "-m", SHOP)
        assert (code, out) == (2, "")
        assert (
            err
            == "yieldflow: the payload does not fit hook 'approval': value cannot be read as bool: it holds 'perhaps'\n"
        )
    assert checkout.histories() == before


@pytest.mark.parametrize("verb", ["send", "hook"])
def test_a_payload_that_fits_the_type_in_the_code_is_delivered(checkout, verb):
    place = ["o1", "approval"] if verb == "send" else [token_of(checkout)]
    told = checkout(verb, *place, "true", "-m", SHOP).stderr
    assert told == "delivered to hook approval of run o1 at position 5\n"
    assert json.loads(checkout("result", "o1", "-m", SHOP).stdout) == {"o1": True}


def test_the_type_of_a_hook_that_the_run_has_not_come_to_is_not_known_to_the_code_either(checkout):
    told = checkout("send", "o1", "later", '"x"', "-m", SHOP).stderr.splitlines()
    assert told[0] == "delivered to hook later of run o1 at position 5; its type was not checked"
    assert told[1].startswith("the run has not opened a hook of this name yet")


def test_send_to_a_name_that_no_hook_has_names_those_that_there_are(checkout):
    result = checkout("send", "o1", "aproval", "true")
    assert "the run has not opened a hook of this name yet, so it is kept; opened: approval" in result.stderr


def test_a_second_cancellation_appends_nothing(checkout):
    checkout("cancel", "o1")
    before = checkout.histories()
    assert checkout("cancel", "o1").exit_code == 0
    assert checkout.histories() == before


def test_ls_lists_the_newest_first(checkout):
    checkout("run", f"{SHOP}:hello", "--run-id", "later")
    lines = checkout("ls").stdout.splitlines()
    assert [line.split("\t")[:3] for line in lines] == [
        ["later", "completed", f"{SHOP}:hello"],
        ["o1", "running", f"{SHOP}:asks"],
    ]
    assert [run["run_id"] for run in json.loads(checkout("ls", "--json", "--status", "running").stdout)["runs"]] == [
        "o1"
    ]
    assert len(checkout("ls", "--since", "1h", "--workflow", f"{SHOP}:asks").stdout.splitlines()) == 1


def test_inspect_shows_the_line_with_an_arrow(checkout):
    shown = checkout("-m", SHOP, "inspect", "o1").stdout
    assert "hook approval, open since" in shown
    assert "nobody has answered" in shown
    (arrow,) = [line for line in shown.splitlines() if "→" in line]
    assert arrow.endswith("ok = yield from APPROVAL")


def test_inspect_without_the_code_says_so(checkout):
    code, out, _ = checkout.run("inspect", "o1")
    assert code == 0
    assert "the code of workflow tests.cli.shop:asks is not at hand" in out
    assert "-m MODULE" in out
    assert "completed" in out  # the timeline is the log's


def test_tokens_and_payloads_are_shown_only_when_asked_for(checkout):
    checkout("send", "o1", "later", '"a secret"')
    plain = checkout("inspect", "o1").stdout
    assert "a secret" not in plain
    assert '"o1"' not in plain
    document = json.loads(checkout("inspect", "o1", "--json").stdout)
    assert document["hooks"][0]["token"] is None
    assert "value" not in document["unread"][0]
    open_ = json.loads(checkout("inspect", "o1", "--json", "--tokens", "--payloads", "--events").stdout)
    assert open_["unread"][0]["value"] == "a secret"
    assert open_["timeline"][0]["answer"] == "o1 packed"
    assert checkout("hook", open_["hooks"][0]["token"], "true").exit_code == 0


def test_the_log_is_told_in_known_words(checkout):
    rows = [line.split() for line in checkout("inspect", "o1", "--events").stdout.splitlines()]
    assert [row[3] for row in rows] == ["run_started", "step_started", "step_completed", "wait_created"]


def test_inspect_at_a_position_shows_the_past(checkout):
    shown = checkout("-m", SHOP, "inspect", "o1", "--at", "2").stdout
    assert "as it stood after event 2 of 4" in shown
    assert "yield from pack(order)" in next(line for line in shown.splitlines() if "→" in line)


def test_run_and_result_follow_a_run_that_goes_on_as_new(shell):
    ran = shell("run", f"{SHOP}:counts_on", "1", "3", "--run-id", "c")
    assert (ran.exit_code, ran.stdout) == (0, "3\n")
    assert ran.stderr.count("step pack done") + ran.stderr.count("1 step done") >= 1
    assert shell.run("result", "c")[:2] == (0, "3\n")


def test_a_token_that_begins_with_a_dash_is_a_token(checkout):
    result = checkout("hook", "-ug8IK5vNSeCAhAXG305WuCCXzzGP4BLpHYxjN4BV5I", "true")
    assert "no open hook has this token" in result.stderr


def test_a_hook_by_its_token_is_said_to_be_delivered_as_one_by_its_name(checkout):
    _, _, err = checkout.run("hook", token_of(checkout), "true")
    assert err == "delivered to hook approval of run o1 at position 5; its type was not checked\n"


def token_of(shell):
    return json.loads(shell("inspect", "o1", "--json", "--tokens").stdout)["hooks"][0]["token"]
