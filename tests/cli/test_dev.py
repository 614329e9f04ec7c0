"""`dev` and `worker` as a newcomer meets them: what is wrong is said once and ends it; the rest takes few lines."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from tests.cli.conftest import ROOT
from tests.servers import valkey
from yieldflow import App

ASKS = """
import logging

from yieldflow import Flow, get_logger, open_hook, step, workflow

@step
def tell(order: str) -> None:
    get_logger("shop").info("charging %s", order)
    logging.getLogger("shop.plain").info("plain %s", order)

@workflow
def pays(order: str) -> Flow[None]:
    yield from tell(order)

@workflow
def asks() -> Flow[str | None]:
    asked = yield from open_hook("asked")
    return asked.url
"""
BROKEN = "def oders(:\n"
WITHOUT_UVICORN = "import sys\nsys.modules['uvicorn'] = None\n"  # as if it were not installed


@pytest.fixture
def asks(shell):
    (shell.home / "asks.py").write_text(ASKS)
    shell.env |= {"YIELDFLOW_MODULES": ""}
    return shell


@pytest.fixture(params=["sqlite", "redis"])
def url(request, shell):
    if request.param == "sqlite":
        yield shell.url
        return
    with valkey() as server:
        yield server.url


@contextmanager
def serving(shell, *words, until):
    """A service, from when it has said *until*; answers what it has said by then, and after its end all of it."""
    process, said = shell.start(*words), []
    try:
        deadline = time.monotonic() + 20
        while until not in "".join(said) and time.monotonic() < deadline:
            line = process.stderr.readline()
            assert line, "".join(said)
            said.append(line.rstrip("\n"))
        yield said
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            said += process.communicate(timeout=20)[1].splitlines()
        finally:
            process.kill()
            process.wait(5)
    assert process.returncode in (0, -signal.SIGTERM), said  # told before it has begun to listen, it just ends


def ended(shell, *words):
    """It ends by itself, with one line."""
    process = shell.start(*words)
    try:
        _, err = process.communicate(timeout=15)
    except subprocess.TimeoutExpired:
        process.terminate()
        pytest.fail(f"it goes on: {process.communicate(timeout=20)[1][:2_000]}")
    return process.returncode, err.splitlines()


@pytest.mark.parametrize("command", [("worker",), ("worker", "-n", "2"), ("dev", "--no-page")])
@pytest.mark.parametrize(
    ("module", "code", "sentence"),
    [
        ("oders.py", 3, "oders.py cannot be loaded: there is no such file"),
        ("broken.py", 2, "broken.py cannot be imported: SyntaxError at"),
        ("lacks.py", 2, "lacks.py cannot be imported: ModuleNotFoundError at"),
    ],
)
def test_modules_that_cannot_be_loaded_are_said_in_a_line_and_nothing_is_started(
    command, module, code, sentence, shell, server
):
    (shell.home / "broken.py").write_text(BROKEN)
    (shell.home / "lacks.py").write_text("import no_such_module_anywhere\n")
    found, (line,) = ended(shell, *command, module, "--url", server.url)
    assert (found, sentence in line) == (code, True), line


def test_a_dev_without_its_module_starts_no_store(shell):
    code, (line,) = ended(shell, "dev", "oders.py")
    assert (code, "there is no such file" in line) == (3, True)
    assert not (shell.home / ".yieldflow").exists()


@pytest.mark.parametrize("command", [("worker",), ("worker", "-n", "2"), ("alarms",)])
def test_modules_of_the_environment_are_loaded_with_the_same_care(command, shell, server):
    shell.env |= {"YIELDFLOW_MODULES": "oders"}
    code, (line,) = ended(shell, *command, "--url", server.url)
    assert (code, "oders cannot be loaded: there is no module" in line) == (3, True)


def test_a_worker_that_cannot_begin_ends_those_who_would_start_it_again(asks, server):
    asks.env |= {"YIELDFLOW_OBSERVE": "no_such_module_anywhere:X"}
    code, lines = ended(asks, "worker", "asks.py", "-n", "2", "--url", server.url)
    assert code == 2
    assert any("observe=" in line for line in lines)
    assert not any("starting another" in line for line in lines)


def test_workers_without_a_store_are_not_started_again(asks):
    code, lines = ended(asks, "worker", "asks.py", "-n", "2", "--url", "redis://127.0.0.1:1/0")
    assert code == 4
    assert not any("starting another" in line for line in lines)


def test_a_store_that_was_there_once_is_waited_for(tmp_path):
    """What was started again meets no store, and is started again; with wrong usage it is over."""
    (tmp_path / "codes").write_text("1 4 2")
    program = "import sys\nfile = open('codes', 'r+')\ncode, *rest = file.read().split()\n"
    program += "file.seek(0), file.truncate(), file.write(' '.join(rest)), file.close()\nsys.exit(int(code))"
    supervisor = (
        "import sys\nfrom yieldflow.cli.processes import supervise\n"
        f"sys.exit(supervise([[sys.executable, '-c', {program!r}, 'worker']], print, restart=True))"
    )
    done = subprocess.run(
        [sys.executable, "-c", supervisor],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert re.findall(r"ended with (\d); starting another", done.stdout) == ["1", "4"]


def test_dev_says_the_store_with_its_exports_how_it_ends_and_last_the_page(asks, server):
    with serving(asks, "dev", "asks.py", "--url", server.url, until="the page: ") as said:
        store, url, base, ends, page = said
    link = re.match(r"the page: (http://127\.0\.0\.1:\d+)/ui/sign-in#", page)[1]
    assert (store, url, base) == (
        f"the store is {server.url}; in other terminals:",
        f"  export YIELDFLOW_URL={server.url}",
        f"  export YIELDFLOW_BASE_URL={link}",
    )
    assert ends == "working with asks.py; Ctrl-C ends it"


def test_links_of_hooks_lead_to_the_page_of_dev(asks, url):
    """Of a run that is started in another terminal, with what dev has said there."""
    port = free()
    with serving(asks, "dev", "asks.py", "--url", url, "--port", str(port), until="the page: ") as said:
        (exported,) = [line.partition("=")[2] for line in said if "export YIELDFLOW_BASE_URL=" in line]
        assert exported == f"http://127.0.0.1:{port}"
        asks.env |= {"YIELDFLOW_BASE_URL": exported}
        code, out, err = asks.run("start", "asks.py:asks", "--url", url)
        assert code == 0, err
        app = App(url)
        assert app.get(out.strip()).result(timeout=20).startswith(f"{exported}/hooks/")
        app.close()


def test_a_base_url_that_is_set_stays(asks):
    asks.env |= {"YIELDFLOW_BASE_URL": "https://shop.example"}
    with serving(asks, "dev", "asks.py", "--url", asks.url, until="the page: ") as said:
        assert "  export YIELDFLOW_BASE_URL=https://shop.example" in said


def test_a_page_goes_elsewhere_if_its_port_is_taken_and_one_that_was_asked_for_is_missed(asks):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, (line,) = ended(asks, "dev", "asks.py", "--url", asks.url, "--port", str(port))
    assert (code, f"127.0.0.1:{port} cannot be listened at" in line) == (2, True)
    with socket.socket() as usual:
        usual.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            usual.bind(("127.0.0.1", 8420))
            usual.listen()
        except OSError:  # somebody else has it: as good
            pass
        with serving(asks, "dev", "asks.py", "--url", asks.url, until="the page: ") as said:
            assert "127.0.0.1:8420/" not in said[-1]


def test_dev_says_why_it_has_no_page(asks):
    (asks.home / "sitecustomize.py").write_text(WITHOUT_UVICORN)
    with in_front(asks), serving(asks, "dev", "asks.py", "--url", asks.url, until="no page") as said:
        assert said[-1] == "no page: it needs uvicorn: pip install 'yieldflow[web]'"
        assert not any("BASE_URL" in line for line in said)
    with in_front(asks), serving(asks, "dev", "asks.py", "--url", asks.url, "--no-page", until="working") as said:
        pass
    assert not any("uvicorn" in line for line in said)


def test_a_page_that_was_asked_for_and_cannot_be_is_an_error(asks, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = asks("dev", "asks.py", "--page", "--url", asks.url)
    assert result.exit_code == 2
    assert "the page needs uvicorn: pip install 'yieldflow[web]'" in result.stderr


def test_lines_of_a_users_logger_are_shown_with_their_run(asks, url):
    assert asks.run("start", "asks.py:pays", '"o-1"', "--run-id", "one", "--url", url)[0] == 0
    code, _, err = asks.run("worker", "asks.py", "--burst", "--url", url)
    assert code == 0, err
    assert re.search(r" INFO shop: one asks:tell #1: charging o-1\n", err)
    assert re.search(r" INFO shop.plain: plain o-1\n", err)


def test_dev_shows_the_lines_of_a_users_logger(asks):
    assert asks.run("start", "asks.py:pays", '"o-1"', "--run-id", "one")[0] == 0
    with serving(asks, "dev", "asks.py", "--url", asks.url, "--no-page", until="plain o-1") as said:
        assert said[-2].endswith(" INFO shop: one asks:tell #1: charging o-1")


def test_logging_that_a_user_has_set_up_stays_as_it_is(asks):
    with (asks.home / "asks.py").open("a") as source:
        source.write("\nlogging.basicConfig(level='INFO', format='mine: %(message)s')\n")
    assert asks.run("start", "asks.py:pays", '"o-1"')[0] == 0
    _, _, err = asks.run("worker", "asks.py", "--burst")
    assert err.splitlines()[1:] == ["mine: charging o-1", "mine: plain o-1"]


def test_what_modules_of_a_worker_write_to_stdout_goes_there(asks):
    with (asks.home / "asks.py").open("a") as source:
        source.write("\nimport sys\nlogging.basicConfig(level='INFO', stream=sys.stdout, format='mine: %(message)s')\n")
    assert asks.run("start", "asks.py:pays", '"o-1"')[0] == 0
    assert asks.run("worker", "asks.py", "--burst")[1].splitlines() == ["mine: charging o-1", "mine: plain o-1"]


def test_with_json_every_line_is_json(asks, url):
    words = ("worker", "asks.py", "--log-format", "json", "--metrics", "0", "--url", url)
    with serving(asks, *words, until="/metrics") as said:
        pass
    lines = [json.loads(line)["message"] for line in said]
    assert re.match(r"worker \d+: .* with asks\.py; Ctrl-C ends it$", lines[0])
    assert re.match(r"worker \d+: its figures are at http://127\.0\.0\.1:\d+/metrics$", lines[1])


def test_with_json_the_lines_of_those_who_keep_workers_are_json(asks, server):
    with serving(asks, "worker", "asks.py", "-n", "2", "--log-format", "json", "--url", server.url, until="}") as said:
        pass
    assert "2 workers: queue yieldflow of" in json.loads(said[0])["message"]


def test_the_line_of_figures_comes_after_that_of_the_worker(asks):
    with serving(asks, "worker", "asks.py", "--metrics", "0", until="/metrics") as said:
        assert [bool(re.match(r"worker \d+: ", line)) for line in said] == [True, True]
        assert "Ctrl-C ends it" in said[0]


def test_start_names_who_would_carry_it_out(asks):
    result = asks("start", "asks.py:pays", '"o-1"', "--run-id", "one", "-m", "flows.py", "--url", asks.url)
    assert result.stderr.splitlines() == [
        f"{asks.url} has no workers of its own; all its runs: yieldflow worker flows.py asks.py --url {asks.url}",
        f"this run alone: yieldflow run asks.py:pays --run-id one --url {asks.url} -m flows.py",
    ]


def free():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


@contextmanager
def in_front(shell):
    """What lies in its directory is found before all else: of `sitecustomize` there may be another one."""
    former = shell.path
    shell.path = f"{shell.home}:{former}"
    yield
    shell.path = former
