"""What `yieldflow inspect` shows in a real terminal: of a run that waits on each kind of thing, and at each end.

`python -m tests.cli.screens` writes the golden screens anew, tests/screens/ and those of docs/inspect.md: read them.
"""

import os
import pty
import re
import select
import shlex
import shutil
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from yieldflow import App
from yieldflow.cli.commands import yieldflow
from yieldflow.runtime import Runtime
from yieldflow.stores.sqlite import SqliteStore

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "inspect.md"
SCREENS = ROOT / "tests" / "screens"
NEXT = "--- the next command ---"
WIDTHS = (80, 140)
HOUR = 3_600_000
WORKER = "vm:boot:1:42:7"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")
_CHANGING = [
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "2026-01-31 12:00:00"),
    (re.compile(r"\b0\.\d s\b"), "0.0 s"),
    (re.compile(r"\b(since|due) \d\d s\b"), r"\1 12 s"),
]


class Silent:
    """A queue that loses all hints: what is tended is said here."""

    def offer(self, run_id, queue, count=1):
        pass

    def offer_each(self, runs):
        pass


class Stage:
    """A folder with `flows.py` and a store whose time is set."""

    def __init__(self, home):
        self.home = home
        shutil.copy(Path(__file__).with_name("scenes.py"), home / "flows.py")
        self.now = int(time.time() * 1_000) - 26 * HOUR - HOUR // 3
        self.app = App(f"sqlite:///{home}/screens.db")
        self.app.registry.load((str(home / "flows.py"),))
        self.app.store = SqliteStore(str(home / "screens.db"), clock=lambda: self.now)
        self.runtime = Runtime(self.app.store, self.app.codec, self.app.registry, ("yieldflow",), Silent(), 1)

    def close(self):
        self.runtime.pool.stop()
        self.app.close()

    def start(self, run_id, name, *args, **options):
        self.app.runtime.clock.heard(self.now)
        self.app.start(getattr(sys.modules["flows"], name)(*args), run_id=run_id, **options)
        self.tend(run_id)

    def tend(self, *run_ids, later=20_200):
        for run_id in run_ids:
            self.now += later
            self.runtime.clock.heard(self.now)  # else its time slice would be over with the first look
            self.runtime.tend(run_id)

    def play(self):
        """All the runs of the screens."""
        self.start("sleep", "naps", 3)
        self.start("retry", "pays", "o-2")
        self.start("hook", "asks", "o-3", tags={"region": "eu", "tier": "gold"}, timeout="40 days")
        self.start("branches", "branches", "o-4")
        self.tend("branches~1.2.3")
        self.start("children", "parents", ["o-5", "o-6"])
        for run_id in ("children~1.1.1", "children~1.2.1"):
            self.tend(run_id, f"{run_id}~1.1.1", f"{run_id}~1.1.2")
        self.app.send("children~1.2.1~1.1.2", "approval", True)
        self.tend("children~1.2.1~1.1.2", "children~1.2.1")
        self.start("child", "family", "o-7")
        self.tend("child~1.1.1", "child~1.1.2")
        self.start("paused", "asks", "o-8")
        self.app.pause("paused", "the bank is on holiday")
        self.start("failed", "fails", "o-9")
        self.start("cancelled", "cleans", "o-10")
        self.app.cancel("cancelled", "out of stock")
        self.tend("cancelled")
        self.start("completed", "asks", "o-11")
        self.app.send("completed", "approval", True)
        self.app.send("completed", "unknown", "nobody reads this")
        self.tend("completed", later=HOUR)
        self.start("blocked", "asks", "o-12")
        self.start("running", "learns", 2_000)
        self.now = int(time.time() * 1_000) - HOUR // 2 - 31_000
        self.start("free", "learns", 1_000)
        self.now = int(time.time() * 1_000) - 12_000
        self.app.store.claim("running", ("gpu",), WORKER, ("token",))


class Home:
    """The folder, in which commands are given: each is a process of its own."""

    def __init__(self, home):
        self.home = home

    def deploy(self, old, new):
        """Other code, which a worker finds that it cannot go on with."""
        source = (self.home / "flows.py").read_text()
        assert old in source
        (self.home / "flows.py").write_text(source.replace(old, new))
        self.shell("result", "blocked", "-m", "flows.py", "--timeout", "5")

    def shell(self, *words):
        """In a pipe."""
        return self.python("yieldflow", *words)

    def each(self, names, *options):
        """name -> what its command prints into a pipe."""
        done = self.python("tests.cli.screens", *names, *options)
        return dict(zip(names, done.stdout.decode().split(f"{NEXT}\n")[1:], strict=True))

    def python(self, *words):
        command = [sys.executable, "-m", *words]
        return subprocess.run(command, cwd=self.home, env=self._env(), capture_output=True, timeout=60)

    def following(self, run_id):
        command = [sys.executable, "-u", "-m", "yieldflow", "inspect", run_id, "--follow"]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.home, env=self._env(), stdout=pipe, stderr=pipe)

    def _env(self):
        return {**os.environ, "PYTHONPATH": str(ROOT), "YIELDFLOW_URL": f"sqlite:///{self.home}/screens.db"}


SHOWN = {
    **{name: ("inspect", name, "-m", "flows.py") for name in ("sleep", "retry", "hook", "child", "running", "free")},
    **{name: ("inspect", name, "-m", "flows.py") for name in ("branches", "children", "paused", "failed")},
    **{name: ("inspect", name, "-m", "flows.py") for name in ("cancelled", "completed", "blocked")},
    "without-code": ("inspect", "retry"),
    "payloads": ("inspect", "retry", "-m", "flows.py", "--payloads"),
    "past": ("inspect", "completed", "-m", "flows.py", "--at", "3"),
    "events": ("inspect", "completed", "--events", "--payloads"),
    "file": ("inspect", "hook.jsonl", "-m", "flows.py"),
}


def drawn(home, names, columns):
    """name -> what a terminal of that width is told, without colours, and without what changes from time to time."""
    command = [sys.executable, "-m", "tests.cli.screens", *names]
    parts = settled(typed(home, command, columns).decode()).split(f"{NEXT}\n")
    assert len(parts) == len(names) + 1, parts[-1]
    return {name: f"{part.rstrip()}\n" for name, part in zip(names, parts[1:], strict=True)}


def settled(text):
    text = _ESCAPES.sub("", text)
    for pattern, instead in _CHANGING:
        text = pattern.sub(instead, text)
    return "".join(f"{line.rstrip()}\n" for line in text.split("\n"))


def typed(home, command, columns, keys=(), rows=50, then=None):
    """The raw output of a command in a terminal; each of *keys* is (what is waited for, what is then pressed). When
    all are pressed, *then* is called once.
    """
    main, side = pty.openpty()
    ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    env = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS", "LINES")}
    env |= {"PYTHONPATH": str(ROOT), "YIELDFLOW_URL": f"sqlite:///{home}/screens.db", "TERM": "xterm-256color"}
    process = subprocess.Popen(command, cwd=home, env=env, stdin=side, stdout=side, stderr=side, start_new_session=True)
    os.close(side)
    try:
        return _read(main, list(keys), then, time.monotonic() + 20)
    finally:
        process.kill()
        process.wait()
        os.close(main)


def _read(main, keys, then, deadline):
    out, seen = b"", 0
    while time.monotonic() < deadline:
        ready, _, _ = select.select([main], [], [], 0.1)
        if ready:
            try:
                part = os.read(main, 1 << 16)
            except OSError:  # whoever wrote there has ended
                return out
            if not part:
                return out
            out += part
        if keys and keys[0][0] in out[seen:]:
            seen = len(out)
            os.write(main, keys.pop(0)[1])
            if not keys and then is not None:
                then()
    raise AssertionError(out[-2_000:].decode())


def prepared(home):
    """All runs in a store of that folder: made by a process of its own, so that nobody else knows their code."""
    made = Home(home)
    done = made.python("tests.cli.screens", "play")
    assert done.returncode == 0, done.stderr.decode()
    (home / "hook.jsonl").write_bytes(made.shell("export", "hook").stdout)
    return made


def play():
    stage = Stage(Path.cwd())
    try:
        stage.play()
    finally:
        stage.close()


def screens(home):
    """(name, columns) -> text, of each golden screen."""
    stage = prepared(home)
    names = [name for name in SHOWN if name != "blocked"]
    found = {(name, width): text for width in WIDTHS for name, text in drawn(home, names, width).items()}
    stage.deploy("ok = yield from APPROVAL.options(", 'ok = yield from hook("permission", bool).options(')
    return found | {("blocked", width): drawn(home, ["blocked"], width)["blocked"] for width in WIDTHS}


def golden(name, columns):
    return SCREENS / f"{name}-{columns}.txt"


def write():
    SCREENS.mkdir(exist_ok=True)
    for file in SCREENS.glob("*.txt"):
        file.unlink()
    with TemporaryDirectory() as folder:
        for (name, columns), text in screens(Path(folder)).items():
            golden(name, columns).write_text(text, encoding="utf-8")
    PAGE.write_text(paged(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def paged(text):
    """docs/inspect.md with the golden screens below the commands that it shows."""
    names = {f"$ {shlex.join(('yieldflow', *words))}\n": name for name, words in SHOWN.items()}

    def with_screen(block):
        return f"```sh\n{block[1]}{golden(names[block[1]], 80).read_text(encoding='utf-8')}```\n"

    return re.sub(r"```sh\n(\$ yieldflow inspect [^\n]*\n).*?```\n", with_screen, text, flags=re.DOTALL)


def draw(names, options=()):
    """Several commands one after the other, for each of which Python need not be started."""
    for name in names:
        click.echo(NEXT)
        with suppress(SystemExit):
            yieldflow.main([*SHOWN[name], *options], prog_name="yieldflow")


if __name__ == "__main__":
    if sys.argv[1:] == ["play"]:
        play()
    elif sys.argv[1:]:
        draw([word for word in sys.argv[1:] if word in SHOWN], [word for word in sys.argv[1:] if word not in SHOWN])
    else:
        write()
