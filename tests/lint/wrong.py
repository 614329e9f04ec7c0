# ruff: noqa: F841, LOG015, PLC0208, PTH109, PTH110, PTH207
"""Programs with a mistake each: the lint finds it at the line that says so, and nothing else."""

import asyncio
import glob
import itertools
import logging
import os
import platform
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread as Worker

import redis

from tests.lint import elsewhere
from tests.lint.elsewhere import is_late
from yieldflow import App, Flow, gather, hook, open_hook, rng, sleep, step, until, workflow
from yieldflow.classes import Workflow

log = logging.getLogger("shop")
APP = App("memory:")
SEEDED = random.Random(5)
SEEN: list[str] = []
PRICES = {"book": 5}
NUMBERS = itertools.count()
LOCK = threading.Lock()
DATABASE = sqlite3.connect(":memory:", check_same_thread=False)
SERVER = redis.Redis()
COLOURS = {"red", "green"}
HOME = Path("shop")
orders = 0


@step
def charge(what: str) -> int:
    return 1


@workflow
def child() -> Flow[None]:
    yield sleep(1)


async def fetch(url: str) -> str:
    return url


def helper() -> Flow[None]:
    yield sleep(1)


# --- clocks, chance, ids ----------------------------------------------------------------------------------------------


def reads_the_hour():
    if time.localtime().tm_hour > 18:  # found: time.localtime() in a workflow: `yield from now()` instead
        yield sleep("1h")


def shows_the_date():
    yield charge(time.strftime("%Y"))  # found: `yield from now()` instead


def measures_the_processor():
    yield sleep(1)
    return time.process_time()  # found: `yield from now()` instead


def draws_from_a_new_generator():
    yield charge(str(random.Random().random()))  # found: `yield from rng()` instead


def draws_from_a_global_generator():
    yield charge(SEEDED.choice(["a", "b"]))  # found: SEEDED.choice() in a workflow: `yield from rng()` instead


def takes_a_hash():
    yield charge(str(hash("order")))  # found: it answers something else in another process


def takes_an_address():
    yield charge(str(id("order")))  # found: it answers something else in another process


# --- the machine ------------------------------------------------------------------------------------------------------


def reads_its_directory():
    yield charge(os.getcwd())  # found: os.getcwd() in a workflow: pass the value as an argument


def reads_its_command_line():
    yield charge(sys.argv[1])  # found: sys.argv in a workflow


def reads_the_name_of_the_machine():
    yield charge(platform.node())  # found: pass the value as an argument, or read it in a step


def lists_files():
    for name in glob.glob("*.csv"):  # found: glob.glob() in a workflow
        yield charge(name)


def looks_for_a_file():
    if os.path.exists("stop"):  # found: os.path.exists() in a workflow
        return
    yield sleep(1)


def reads_a_file():
    yield charge(Path("orders.csv").read_text())  # found: do it in a step


def reads_a_file_by_its_name():
    file = Path("orders.csv")
    yield charge(file.read_text())  # found: file.read_text() in a workflow: do it in a step


def reads_a_file_in_a_global_folder():
    yield charge((HOME / "orders.csv").read_text())  # found: do it in a step


def makes_a_folder():
    folder = tempfile.mkdtemp()  # found: tempfile.mkdtemp() in a workflow: do it in a step
    yield charge(folder)


def copies():
    shutil.copy("a", "b")  # found: shutil.copy() in a workflow: do it in a step
    yield sleep(1)


def writes_to_the_terminal():
    sys.stdout.write("begin")  # found: do it in a step
    yield sleep(1)


def opens_a_database():
    connection = sqlite3.connect("shop.db")  # found: sqlite3.connect() in a workflow: do it in a step
    yield charge(str(connection))


def asks_a_database():
    DATABASE.execute("SELECT 1")  # found: DATABASE.execute() in a workflow: do it in a step
    yield sleep(1)


def connects_to_a_server():
    yield charge(str(redis.Redis()))  # found: redis.Redis() in a workflow: do it in a step


def asks_a_server():
    SERVER.ping()  # found: SERVER.ping() in a workflow: do it in a step
    yield sleep(1)


def logs():
    log.info("begin")  # found: `get_logger()` is silent on replay
    yield sleep(1)


def logs_at_the_root():
    logging.warning("begin")  # found: `get_logger()` is silent on replay
    yield sleep(1)


def starts_a_run():
    APP.start(child())  # found: yield the call as a child run
    yield sleep(1)


# --- threads, async ---------------------------------------------------------------------------------------------------


def starts_a_thread():
    Worker(target=print).start()  # found: use `gather(...)`, `spawn(...)` or a step
    yield sleep(1)


def makes_a_pool():
    with ThreadPoolExecutor() as pool:  # found: ThreadPoolExecutor() in a workflow
        yield charge(str(pool))


def takes_a_lock():
    LOCK.acquire()  # found: LOCK.acquire() in a workflow
    yield sleep(1)


def calls_what_is_async():
    yield fetch("a")  # found: fetch() is async, and nobody awaits it: make it a step


def runs_a_loop():
    yield charge(asyncio.run(fetch("a")))  # found: asyncio.run() in a workflow


# --- state ------------------------------------------------------------------------------------------------------------


def counts_in_a_global():
    global orders
    orders += 1  # found: orders is a global: another replay finds another value
    yield sleep(1)


def keeps_in_a_global_list(name: str):
    SEEN.append(name)  # found: SEEN.append() in a workflow: another replay finds another value
    yield sleep(1)


def keeps_in_a_global_dict(name: str):
    PRICES[name] = 6  # found: PRICES[name] is changed, which is no run's own
    yield sleep(1)


def sets_an_attribute_of_a_module():
    elsewhere.rate = 5  # found: elsewhere.rate is changed
    yield sleep(1)


def takes_the_next_number():
    yield charge(str(next(NUMBERS)))  # found: next(NUMBERS) in a workflow


# --- order ------------------------------------------------------------------------------------------------------------


def goes_through_a_set():
    for name in {"a", "b"}:  # found: the order of {'a', 'b'} differs between processes: go through `sorted(
        yield charge(name)


def goes_through_what_is_left(names: list[str]):
    left = set(names) - {"a"}
    for name in left:  # found: the order of left differs between processes
        yield charge(name)


def goes_through_a_parameter(names: set[str]):
    yield gather(*[charge(name) for name in names])  # found: the order of names differs


def unpacks_a_set_into_branches(names: list[str]):
    yield gather(*{charge(name) for name in names})  # found: differs between processes


def joins_a_set():
    yield charge(", ".join(COLOURS))  # found: the order of COLOURS differs between processes


def takes_any_of_a_set(names: list[str]):
    left = set(names)
    yield charge(left.pop())  # found: the order of left differs between processes


def makes_a_list_of_keys_that_are_new(old: dict[str, int], new: dict[str, int]):
    for name in list(new.keys() - old.keys()):  # found: differs between processes
        yield charge(name)


# --- commands ---------------------------------------------------------------------------------------------------------


def keeps_what_it_never_asks():
    receipt = charge("a")  # found: charge(...) is never yielded: write `receipt = yield charge(...)`
    yield sleep(1)


def takes_a_command_for_its_answer():
    if hook("approval", bool):  # found: hook(...) is a command, no answer: write `(yield hook(...))`
        yield charge("a")


def adds_a_command():
    yield sleep(1)
    return 5 + charge("a")  # found: charge(...) is a command, no answer


def shows_a_command():
    yield sleep(1)
    return f"paid {charge('a')}"  # found: charge(...) is a command, no answer


def drops_a_receive():
    answers = yield from open_hook("answers", bool)
    answers.receive()  # found: answers.receive(...) is never yielded
    yield sleep(1)


def forgets_from():
    yield helper()  # found: helper(...) is a generator: write `yield from helper(...)`


def yields_several():
    yield charge("a"), charge("b")  # found: is no command: write `yield gather(...)`


def yields_nothing():
    yield  # found: `yield` asks nothing


def yields_an_answer():
    total = yield charge("a")
    yield f"paid {total}"  # found: is no command: `return` it


# --- where they hide --------------------------------------------------------------------------------------------------


def calls_a_helper_elsewhere():
    yield from elsewhere.waits_for_dawn()  # in elsewhere.py: `yield from now()` instead


def asks_a_function_elsewhere():
    if is_late(18):  # in elsewhere.py: `yield from now()` instead
        yield sleep("1d")


def has_a_function_of_its_own():
    def is_even() -> bool:
        return time.time_ns() % 2 == 0  # found: `yield from now()` instead

    if is_even():
        yield sleep(1)


def waits_for_a_condition_that_reads_a_clock(end: float):
    yield until(lambda: time.time() > end)  # found: time.time() in a workflow


def waits_for_a_condition_of_its_own(end: float):
    def is_over() -> bool:
        return time.time() > end  # found: time.time() in a workflow

    yield until(is_over)


class Greeting(Workflow):
    def run(self, name: str):
        yield from self.greet(name)

    def greet(self, name: str):
        yield charge(f"{name} at {time.time()}")  # found by a test of its own


def excuses_without_a_reason():
    print("begin")  # yieldflow: ok  # found: an excuse needs its reason
    yield sleep(1)


def excuses_what_is_in_order():
    generator = yield from rng()  # yieldflow: ok  # found: an excuse needs its reason
    yield charge(generator.choice("ab"))
