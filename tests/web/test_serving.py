"""Where it is served: by `yieldflow web`, or mounted into an application of somebody else."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.web import shop
from tests.web.conftest import Client, opened
from yieldflow import App
from yieldflow.web import asgi

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-the-tests"


@contextmanager
def web(folder, *args, **env):
    known = {name: value for name, value in os.environ.items() if name != "YIELDFLOW_WEB_TOKEN"}
    process = subprocess.Popen(
        [sys.executable, "-m", "yieldflow", "web", "--url", f"sqlite:///{folder}/web.db", "--port", "0", *args],
        env=known | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **env},
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()  # whatever went wrong
        process.communicate(timeout=30)


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_the_command_serves_until_it_is_stopped_and_says_its_token(tmp_path, stop, code):
    module = str(ROOT / "tests" / "web" / "shop.py")
    with web(tmp_path, "-m", module, "--base-url", "https://shop.example") as process:
        try:
            place = re.search(r"http://[^;]+", process.stderr.readline())[0]
            token = process.stderr.readline().split()[-1]
            client = Client(place)
            asked = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            got = client("POST", "/runs", b'{"workflow": "shop:approval", "run_id": "a"}', asked)
            assert (got.status, got.json) == (202, {"run_id": "a"})
            assert client("GET", "/runs").status == 401
            assert "server" not in got.headers
            with_links = App(f"sqlite:///{tmp_path}/web.db")
            link = opened(with_links, shop.approval(), "b")["approval"]
            assert with_links.get("a").history()[0].base_url == "https://shop.example"
            with_links.close()
            assert client.post(f"/hooks/{link}", True).status == 202
        finally:
            process.send_signal(stop)
            out, err = process.communicate(timeout=30)
    assert link not in out + err
    assert process.returncode == code


def test_beyond_this_machine_it_listens_with_a_token_alone(tmp_path):
    with web(tmp_path, "--host", "0.0.0.0") as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err == ("yieldflow: whoever reaches 0.0.0.0 would reach the API: give it a token ($YIELDFLOW_WEB_TOKEN)\n")


@pytest.mark.parametrize(
    ("host", "token"), [("127.0.0.1", "short"), ("203.0.113.1", TOKEN), ("no.such.invalid", TOKEN), ("a..b", TOKEN)]
)
def test_a_place_or_token_that_cannot_be_is_said_in_a_sentence(tmp_path, host, token):
    with web(tmp_path, "--host", host, "--token", token) as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err.count("\n") == 1


WITHOUT = """
import sys
from importlib.abc import MetaPathFinder
class Nothing(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in ("uvicorn", "starlette", "h11"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Nothing())
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "uvicorn" else real(name, package)
"""


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
    )


def test_without_the_extra_the_command_says_what_to_install():
    said = python(f"{WITHOUT}\nsys.argv = ['yieldflow', 'web']\nfrom yieldflow.cli import main\nmain()")
    assert said.returncode == 2
    assert said.stderr == "yieldflow: yieldflow web needs uvicorn: pip install 'yieldflow[web]'\n"


def test_without_the_extra_it_can_be_mounted():
    said = python(f"{WITHOUT}\nfrom yieldflow import App\nfrom yieldflow.web import asgi\nprint(asgi(App('memory:')))")
    assert said.stdout == "<yieldflow over HTTP: links>\n", said.stderr


def test_yieldflow_itself_imports_nothing_of_it():
    loaded = python("import sys, yieldflow, yieldflow.app; print(*sys.modules)").stdout.split()
    assert not [name for name in loaded if name.startswith(("yieldflow.web", "uvicorn", "starlette"))]


# --- mounted --------------------------------------------------------------------------------------------------------


def asked(application, method, path, body=b"", headers=()):
    """One request, in this process; answers status and body."""
    said = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        said.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        "client": ("127.0.0.1", 1),
    }
    asyncio.run(application(scope, receive, send))
    return said[0]["status"], b"".join(part.get("body", b"") for part in said[1:])


@pytest.mark.parametrize("where", ["/flows", "/a/b"])
def test_it_is_mounted_below_a_path_of_somebody_else(lite, where):
    token = opened(lite, shop.approval(), "a/b")["approval"]
    mounted = Starlette(routes=[Mount(where, app=asgi(lite, token=TOKEN))])
    bearer = [("Authorization", f"Bearer {TOKEN}")]
    assert asked(mounted, "GET", f"{where}/runs/a%2Fb", headers=bearer)[0] == 200
    assert asked(mounted, "GET", f"{where}/runs/a%2Fb")[0] == 401
    assert asked(mounted, "POST", f"{where}/hooks/{token}", b"true", [("Content-Type", "application/json")])[0] == 202


def test_a_client_that_goes_away_is_told_nothing_and_nothing_is_delivered(lite):
    token = opened(lite, shop.approval(), "a")["approval"]
    application, said = asgi(lite), []

    async def gone():
        return {"type": "http.disconnect"}

    async def send(message):
        said.append(message)

    scope = {"type": "http", "method": "POST", "path": f"/hooks/{token}", "headers": [], "client": None}
    asyncio.run(application(scope, gone, send))
    assert said == []
    assert len(lite.get("a").history()) == 3


def test_lifespan_is_answered_and_websockets_are_closed(lite):
    application = asgi(lite)

    async def lived(kind, *messages):
        told, said = iter(messages), []

        async def receive():
            return {"type": next(told)}

        async def send(message):
            said.append(message["type"])

        await application({"type": kind}, receive, send)
        return said

    started = asyncio.run(lived("lifespan", "lifespan.startup", "lifespan.shutdown"))
    assert started == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert asyncio.run(lived("websocket", "websocket.connect")) == ["websocket.close"]
