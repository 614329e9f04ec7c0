"""`check` on several cores: what it finds is what one process finds; and nothing that it does changes a store."""

import json
import signal

import pytest
import redis
from click.testing import CliRunner

from tests.cli.shop import asks, hello
from tests.cli.test_check import ENDLESS, changed
from yieldflow import App
from yieldflow.cli.commands import yieldflow
from yieldflow.cli.replaying import Order, opened
from yieldflow.errors import StoreUnsuitable

SHOP = "tests.cli.shop"


@pytest.fixture
def many(checkout):
    """A shell with 30 histories of `flows:asks`, one that is torn, and one of a workflow that nobody has."""
    text = checkout("export", "o1").stdout.replace(f"{SHOP}:", "flows:")
    folder = checkout.home / "histories"
    folder.mkdir()
    for number in range(30):
        (folder / f"o{number:02}.jsonl").write_text(text.replace('"o1', f'"o{number:02}'))
    (folder / "torn.jsonl").write_text('{"e":"started"')
    (folder / "gone.jsonl").write_text(text.replace("flows:asks", "flows:gone"))
    return checkout


def test_several_processes_find_what_one_finds(many):
    changed(many, ("ok = yield from APPROVAL", 'ok = yield from hook("approved", bool)'))
    one = many.run("check", "flows.py", "histories", "--jobs", "1", "--json")
    several = many.run("check", "flows.py", "histories", "--jobs", "3", "--json")
    assert one == several
    code, out, _ = several
    document = json.loads(out)
    assert (code, document["replayed"], len(document["findings"])) == (1, 32, 32)
    assert document["events"] > 32
    code, out, err = many.run("check", "flows.py", "histories", "-j2")
    assert (code, err) == (1, "")
    assert out.splitlines()[-1] == "32 histories replayed: 0 go on, 32 would be blocked"
    assert out.count("has changed under") == 1


def test_several_processes_read_a_store(shell):
    for number in range(5):
        assert shell.run("start", "flows.py:asks", f'"o{number}"', "--run-id", f"o{number}")[0] == 0
    assert shell.run("check", "flows.py", "-j2") == (0, "5 histories replayed: 5 go on\n", "")


def test_what_a_program_prints_in_another_process_does_not_spoil_the_answers(many):
    (many.home / "histories" / "torn.jsonl").unlink()
    (many.home / "histories" / "gone.jsonl").unlink()
    before = "    yield from pack(order)\n    ok"
    says = '    print("said")  # yieldflow: ok\n    os.system("echo said")  # yieldflow: ok\n'
    changed(many, (before, says + before))
    code, out, err = many.run("check", "flows.py", "histories", "-j2", "--json")
    assert (code, json.loads(out or err)["replayed"]) == (0, 30)
    assert err.count("said") == 60


def test_a_history_that_kills_the_process_is_found_and_the_others_go_on(many):
    """As endless recursion in C, or a memory limit, would."""
    kill = '    if order == "o07":\n        os.kill(os.getpid(), 9)\n    yield from pack(order)\n    ok'
    changed(many, ("    yield from pack(order)\n    ok", kill))
    for name in ("torn", "gone"):
        (many.home / "histories" / f"{name}.jsonl").unlink()
    code, out, _ = many.run("check", "flows.py", "histories", "-j2", "--json")
    document = json.loads(out)
    assert (code, document["replayed"]) == (1, 30)
    (found,) = document["findings"]
    assert found["history"] == "histories/o07.jsonl"
    assert f"ended with -{signal.SIGKILL}" in found["text"]


def test_a_replay_that_would_never_end_is_stopped_in_another_process_too(many):
    for name in ("torn", "gone"):
        (many.home / "histories" / f"{name}.jsonl").unlink()
    changed(many, ENDLESS, ("while order:", 'while order == "o07":'))
    code, out, _ = many.run("check", "flows.py", "histories", "-j2", "--json", "--timeout", "0.2s")
    document = json.loads(out)
    assert (code, document["replayed"]) == (1, 30)
    (found,) = document["findings"]
    assert (found["history"], found["error"]) == ("histories/o07.jsonl", "ReplayEndless")


def test_code_that_other_processes_cannot_load_is_one_sentence(many):
    once = "if os.path.exists('loaded'):\n    raise SystemExit('once is enough')\nopen('loaded', 'w').close()\n"
    changed(many, ("import os\n", f"import os\n{once}"))
    code, out, err = many.run("check", "flows.py", "histories", "-j2")
    assert (code, out) == (4, "")
    assert "yieldflow: a process that was to replay histories ended with 1" in err
    assert "once is enough" in err


def test_a_sample_is_the_newest_of_each_workflow_and_version(checkout):
    app = App(checkout.url)
    for number in range(4):
        app.start(asks(f"o{number}"), run_id=f"asks-{number}")
        app.start(hello(f"o{number}"), run_id=f"hello-{number}")
    app.close()
    assert checkout("check", SHOP).stdout == "9 histories replayed: 9 go on\n"
    assert checkout("check", SHOP, "--sample", "1").stdout == "2 histories replayed: 2 go on\n"
    assert checkout("check", SHOP, "--sample", "3").stdout == "6 histories replayed: 6 go on\n"
    assert checkout("export", "--all", "--into", "kept").exit_code == 0
    assert checkout("check", SHOP, "kept", "--sample", "2").stdout == "4 histories replayed: 4 go on\n"


def test_versions_are_sampled_each(checkout):
    text = checkout("export", "o1").stdout
    (checkout.home / "kept").mkdir()
    for number, version in enumerate(["1", "1", "2", "2", "2"]):
        versioned = text.replace('"queue"', f'"version":"{version}","queue"').replace(
            '"workflow":', f'"version":"{version}","workflow":', 1
        )
        (checkout.home / "kept" / f"{number}.jsonl").write_text(versioned)
    assert checkout("check", SHOP, "kept", "--sample", "1").stdout == "2 histories replayed: 2 go on\n"


# --- read-only --------------------------------------------------------------------------------------------------------


def test_sqlite_itself_keeps_the_store_from_changes(checkout):
    file = checkout.home / "shop.db"
    before = file.read_bytes()
    with opened(Order(checkout.url, (), (SHOP,), in_store=True)) as app:
        for change in (
            lambda: app.start(asks("new")),
            lambda: app.send("o1", "approval", True),
            lambda: app.cancel("o1"),
        ):
            with pytest.raises(StoreUnsuitable, match="readonly"):
                change()
    assert checkout("check", SHOP).exit_code == 0
    assert file.read_bytes() == before


def test_a_server_is_asked_for_no_command_that_writes(server, monkeypatch, tmp_path):
    """By its own account, of all that was called, also in scripts."""
    monkeypatch.chdir(tmp_path)
    app = App(server.url)
    for number in range(5):
        app.start(asks(f"o{number}"), run_id=f"o{number}")
    app.close()
    with redis.Redis.from_url(server.url) as client:
        for args in (["check", SHOP], ["check", SHOP, "-j2", "--sample", "3"], ["diff", "o1", "o2"], ["diff", "o1"]):
            client.config_resetstat()
            result = CliRunner().invoke(yieldflow, [*args, "--url", server.url])
            assert result.exit_code in (0, 1), result.output
            called = {name.removeprefix("cmdstat_").partition("|")[0] for name in client.info("commandstats")}
            called -= {"config"}  # ours
            told = {name: str(client.execute_command("COMMAND", "INFO", name)) for name in called}
            assert {"evalsha", "lrange"} <= called
            assert [name for name, flags in told.items() if "write" in flags] == []


def test_a_user_of_the_server_that_may_not_write_is_enough(server, monkeypatch, tmp_path):
    """As docs/deploys.md says it."""
    monkeypatch.chdir(tmp_path)
    app = App(server.url)
    app.start(asks("o"), run_id="o")
    app.close()
    rights = ["+@read", "+@scripting", "+@connection", "+info", "+time"]
    url = server.url.replace("redis://", "redis://reader:secret@")
    with redis.Redis.from_url(server.url) as client:
        client.execute_command("ACL", "SETUSER", "reader", "on", ">secret", "~*", "&*", *rights)
        try:
            reader = App(url)
            with pytest.raises(StoreUnsuitable, match=r"(?i)permission|acl"):
                reader.start(asks("another"))
            reader.close()
            result = CliRunner().invoke(yieldflow, ["check", SHOP, "--url", url])
            assert (result.exit_code, result.stdout) == (0, "1 history replayed: 1 go on\n"), result.output
        finally:
            client.execute_command("ACL", "DELUSER", "reader")
