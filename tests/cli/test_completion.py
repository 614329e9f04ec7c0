"""What a shell is told when it asks what could come next."""

from __future__ import annotations

import shlex
import shutil
import socket
import subprocess
import time
from threading import Event, Thread

import pytest

from tests.cli.shop import asks, hello
from tests.servers import valkey
from yieldflow import App
from yieldflow.cli.completion import PATIENCE


@pytest.fixture
def stocked(shell):
    app = App(shell.url)
    for number in range(3):
        app.start(asks(f"o{number}"), run_id=f"order-{number}", tags={"team": "shop"})
    app.run(hello(), run_id="other")
    app.pause("order-0")
    app.close()
    return shell


def completed(shell, line, **env):
    """The words for the last one of *line*, and all that is printed beside them."""
    words = shlex.split(line)
    last = len(words) - 1 if not line.endswith(" ") else len(words)
    asked = {"_YIELDFLOW_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(last)}
    result = shell(**asked, **env)
    assert result.exit_code == 0
    assert result.stderr == ""
    return [line.partition(",")[2] for line in result.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("yieldflow in", "inspect"),
        ("yieldflow inspect ord", "order-2 order-1 order-0"),
        ("yieldflow inspect ", "other order-2 order-1 order-0"),
        ("yieldflow result oth", "other"),
        ("yieldflow send o", "order-2 order-1 order-0"),
        ("yieldflow resume ", "order-0"),
        ("yieldflow ls --status co", "completed continued"),
        ("yieldflow ls --workflow tests.", "tests.cli.shop:hello tests.cli.shop:asks"),
        ("yieldflow ls --tag ", "team=shop"),
        ("yieldflow ls --st", "--status --stuck"),
        ("yieldflow inspect nothing", ""),
        ("yieldflow nothing ", ""),
    ],
)
def test_a_word_is_completed(stocked, line, words):
    found = completed(stocked, line)
    assert set(words.split()) <= set(found)
    assert len(found) == len(words.split()) or "nothing" in line


def test_the_store_may_be_named_before_the_command_or_after(stocked, tmp_path):
    elsewhere = {"YIELDFLOW_URL": f"sqlite:///{tmp_path}/none.db"}
    assert completed(stocked, "yieldflow inspect oth", **elsewhere) == []
    assert completed(stocked, f"yieldflow --url {stocked.url} inspect oth", **elsewhere) == ["other"]
    assert completed(stocked, f"yieldflow inspect --url {stocked.url} oth", **elsewhere) == ["other"]


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "sqlite:///none.db", "mongo://x", ""])
def test_where_the_store_is_away_nothing_is_said_and_soon(stocked, url):
    began = time.monotonic()
    assert completed(stocked, "yieldflow inspect o", YIELDFLOW_URL=url) == []
    assert time.monotonic() - began < PATIENCE + 1.0
    assert not (stocked.home / "none.db").exists()


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_server_that_is_none_of_ours_keeps_no_shell_waiting(stocked, says):
    over = Event()
    with socket.create_server(("127.0.0.1", 0)) as other:
        answering = Thread(target=answer, args=(other, says, over), daemon=True)
        answering.start()
        began = time.monotonic()
        url = f"redis://127.0.0.1:{other.getsockname()[1]}/0"
        assert completed(stocked, "yieldflow inspect o", YIELDFLOW_URL=url) == []
        assert time.monotonic() - began < PATIENCE + 1.0
        over.set()
        answering.join(5)


def answer(server, says, over):
    """That, and no more."""
    connection, _ = server.accept()
    with connection:
        connection.sendall(says)
        over.wait(PATIENCE + 3)


def test_a_server_that_may_lose_runs_does_not_say_so_into_the_line_that_is_typed(stocked):
    with valkey("--appendonly", "no") as server:
        stocked.env["YIELDFLOW_URL"] = server.url
        assert len(stocked.run("ls")[2].splitlines()) > 1
        stocked.env |= {"_YIELDFLOW_COMPLETE": "bash_complete", "COMP_WORDS": "yieldflow inspect o", "COMP_CWORD": "2"}
        assert stocked.run() == (0, "\n", "")


def test_no_code_is_loaded_to_complete_a_word(stocked):
    (stocked.home / "noisy.py").write_text("print('loaded')\nraise SystemExit(7)\n")
    assert completed(stocked, "yieldflow -m noisy inspect oth", YIELDFLOW_MODULES="noisy") == ["other"]


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_calls_the_command(shell, name):
    result = shell("completion", name)
    assert f"_YIELDFLOW_COMPLETE={name}_complete" in result.stdout
    assert f"yieldflow completion {name}" in shell("completion", name, "--how").stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_completes_a_run_with_the_script(stocked, tmp_path):
    (tmp_path / "script").write_text(stocked("completion", "bash").stdout)
    (tmp_path / "yieldflow").write_text("#!/bin/sh\necho plain,$COMP_CWORD-words\n")
    (tmp_path / "yieldflow").chmod(0o755)
    asked = (
        "source ./script; COMP_WORDS=(yieldflow inspect ord); COMP_CWORD=2; "
        "_yieldflow_completion ./yieldflow; echo ${COMPREPLY[@]}"
    )
    said = subprocess.run(
        ["bash", "--norc", "-c", asked], cwd=tmp_path, capture_output=True, text=True, timeout=20, check=True
    )
    assert said.stdout.strip() == "2-words"
