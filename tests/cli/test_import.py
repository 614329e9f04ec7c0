"""`export` of several runs and `import`: a store in files, and back; one sentence for what cannot be."""

import json
import threading
from pathlib import Path

import pytest

from tests.cli.shop import asks, counts_on
from yieldflow import App


@pytest.fixture
def several(shell):
    """A shell in which `o1` and `o/2` wait, and `c` has gone through three generations."""
    app = App(shell.url)
    for run_id in ("o1", "o/2"):
        app.start(asks(run_id), run_id=run_id)
        app.runtime.tend(run_id)
    assert app.run(counts_on(1, 3), run_id="c") == 3
    app.close()
    return shell


OTHER = ("--url", "sqlite:///other.db")
FILES = ["c.jsonl", "c~2.jsonl", "c~3.jsonl", "o%2F2.jsonl", "o1.jsonl"]


def files(folder):
    return sorted(file.name for file in Path(folder).glob("*"))


def logs(shell, url):
    app = App(url)
    try:
        return {run.run_id: app.get(run.run_id).history() for run in app.runs(limit=1000).runs}
    finally:
        app.close()


def test_all_runs_are_a_file_each_and_become_the_same_runs(several):
    result = several("export", "--all", "--into", "kept")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "5 histories in kept\n")
    assert files("kept") == FILES
    result = several("import", "kept", *OTHER)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "c  imported, continued",
        "c~2  imported, continued",
        "c~3  imported, completed",
        "o/2  imported, paused",
        "o1  imported, paused",
        "5 runs imported",
    ]
    assert result.stderr == "paused until `yieldflow resume RUN`; end them where they came from first\n"
    there = logs(several, "sqlite:///other.db")
    for run_id, events in logs(several, several.url).items():
        assert there[run_id][: len(events)] == events
    assert several("result", "c", *OTHER).stdout == "3\n"


def test_the_same_again_is_said(several):
    several("export", "--all", "--into", "kept")
    several("import", "kept", *OTHER)
    before = logs(several, "sqlite:///other.db")
    result = several("import", "kept", "--json", *OTHER)
    assert (result.exit_code, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert document[-1] == {"run_id": "o1", "status": "paused", "new": False}
    assert not any(run["new"] for run in document)
    assert logs(several, "sqlite:///other.db") == before
    assert several("import", "kept", *OTHER).stdout.endswith("0 runs imported, 5 there already\n")


def test_what_goes_on_is_carried_out_here(several):
    several("export", "o1", "--into", "kept")
    assert several("import", "kept", "--go-on", *OTHER).stdout == "o1  imported, running\n1 run imported\n"
    assert several("send", "o1", "approval", "true", *OTHER).exit_code == 0
    result = several("run", "tests.cli.shop:asks", '"o1"', "--run-id", "o1", *OTHER)
    assert (result.exit_code, result.stdout) == (0, '{"o1": true}\n')


def test_a_history_comes_through_a_pipe(several):
    history = several("export", "o1").stdout_bytes
    assert several("import", "-", *OTHER, stdin=history).stdout.splitlines()[0] == "o1  imported, paused"


def test_a_run_names_its_newest_generation_and_each_has_a_number(several):
    runs = [json.loads(several("export", run).stdout.splitlines()[0])["run"] for run in ("c", "c~1", "c~2", "c~3")]
    assert runs == ["c~3", "c", "c~2", "c~3"]
    several("export", "c", "--into", "chain")
    assert files("chain") == FILES[:3]


def test_all_is_narrowed_by_filters(several):
    for args, names in (
        (("--status", "running"), FILES[3:]),
        (("--workflow", "tests.cli.shop:counts_on"), FILES[:3]),
        (("--since", "1h", "--limit", "1", "--status", "running"), FILES[3:4]),
        (("--status", "failed"), []),
        (("--status", "failed", "--status", "continued"), FILES[:2]),
        (("--tag", "team=shop"), []),
    ):
        folder = f"kept-{'-'.join(args).replace(':', '')}"
        assert several("export", "--all", "--into", folder, *args).exit_code == 0
        assert files(folder) == names


def test_two_runs_never_share_a_file_however_long_their_names_are(shell):
    app = App(shell.url)
    names = ["x" * 199 + end for end in "ab"] + ["ä" * 190, ".hidden", ".."]
    for name in names:
        app.start(asks(name), run_id=name)
    app.close()
    assert shell("export", "--all", "--into", "kept").stderr == "5 histories in kept\n"
    assert len(files("kept")) == 5
    result = shell("import", "kept", "--json", *OTHER)
    assert {run["run_id"] for run in json.loads(result.stdout)} == set(names)


def test_wrong_calls_are_one_sentence_and_change_nothing(several):
    several("export", "--all", "--into", "kept")
    torn = (several.home / "kept" / "o1.jsonl").read_bytes()[:-20]
    (several.home / "torn.jsonl").write_bytes(torn)
    (several.home / "nothing").mkdir()
    for args, code, sentence in (
        (["export"], 2, "name a RUN, or several, or ask for --all"),
        (["export", "o1", "--all", "--into", "x"], 2, "not both"),
        (["export", "o1", "c"], 2, "say --into FOLDER"),
        (["export", "--all"], 2, "say --into FOLDER"),
        (["export", "o1", "--status", "failed"], 2, "filters such as --status choose among --all"),
        (["export", "gone", "--into", "x"], 3, "there is no run 'gone'"),
        (["export", "o1", "--into", "torn.jsonl"], 4, "torn.jsonl/o1.jsonl cannot be used"),
        (["import", "gone.jsonl", *OTHER], 3, "there is no file or folder gone.jsonl"),
        (["import", "nothing", *OTHER], 2, "there is no history in nothing"),
        (["import", "kept/c.jsonl", "torn.jsonl", *OTHER], 2, "torn.jsonl is no whole history: event 4 cannot be read"),
        (["import", "kept/c.jsonl", *OTHER], 2, "run 'c' went on as 'c~2', which is neither there nor among the files"),
    ):
        result = several(*args)
        assert (result.exit_code, result.stdout) == (code, ""), args
        assert sentence in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert logs(several, "sqlite:///other.db") == {}


def test_a_run_that_is_there_with_another_log_is_not_replaced(several):
    several("export", "o1", "--into", "kept")
    several("start", "tests.cli.shop:asks", '"else"', "--run-id", "o1", *OTHER)
    before = logs(several, "sqlite:///other.db")
    result = several("import", "kept", *OTHER)
    assert result.exit_code == 2
    assert "run 'o1' is there already, and from event 1 on its log is another one" in result.stderr
    assert logs(several, "sqlite:///other.db") == before


def test_a_file_is_never_seen_half_written(several):
    """Whoever reads the folder while it is written finds whole histories under their names."""
    several("export", "--all", "--into", "kept")
    torn, stop = [], threading.Event()

    def look():
        while not stop.is_set():
            torn.extend(file for file in (several.home / "kept").glob("*.jsonl") if file.read_bytes()[-1:] != b"\n")

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(20):
        several("export", "--all", "--into", "kept")
    stop.set()
    thread.join()
    assert torn == []
    assert files("kept") == FILES
