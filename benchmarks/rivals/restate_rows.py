"""Plays rows with Restate: its server, an endpoint and a client. Run by its own environment."""

# ruff: noqa: ANN001, ANN003, ANN201, ANN202, PLW0108 - another environment runs it, no checker of types sees it; Restate asks for signatures, which builtins do not have

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import restate

service = restate.Service("bench")


@service.handler()
async def chain(ctx: restate.Context, steps: int) -> int:
    last = 0
    for number in range(steps):
        last = await ctx.run_typed(f"s{number}", lambda number=number: number)
    return last


@service.handler()
async def stamped(ctx: restate.Context, steps: int) -> list[float]:
    return [await ctx.run_typed("s", lambda: time.monotonic()) for _ in range(steps)]


@service.handler()
async def spread(ctx: restate.Context, steps: int) -> int:
    done = await restate.gather(*[ctx.run_typed(f"s{n}", lambda n=n: n) for n in range(steps)])
    return len(done)


@service.handler()
async def nap(ctx: restate.Context, due: float) -> float:
    left = await ctx.run_typed("left", lambda: max(0.0, due - time.time()))
    await ctx.sleep(timedelta(seconds=left))
    return time.time() - due


app = restate.app([service])


async def sequential(call, runs, steps, at_once, **_):
    free = asyncio.Semaphore(at_once)

    async def one():
        async with free:
            await call("chain", steps)

    await asyncio.gather(*(call("chain", 2) for _ in range(at_once)))
    since = time.monotonic()
    await asyncio.gather(*(one() for _ in range(runs)))
    return {"steps/s": runs * steps / (time.monotonic() - since)}


async def starts(call, starts, **_):
    took = []
    await call("chain", 1)
    for _ in range(starts):
        await asyncio.sleep(0.005)
        since = time.monotonic()
        await call("chain", 1)
        took.append(time.monotonic() - since)
    return milliseconds(took)


async def inside(call, steps, **_):
    await call("chain", 2)
    times = await call("stamped", steps)
    return milliseconds([after - before for before, after in pairwise(times)])


async def spread_out(call, steps, **_):
    await call("spread", 5)
    since = time.monotonic()
    await call("spread", steps)
    seconds = time.monotonic() - since
    return {"s": seconds, "µs a step": seconds / steps * 1e6}


async def waking(call, count, settle, **_):
    due = time.time() + settle
    late = await asyncio.gather(*(call("nap", due) for _ in range(count)))
    return milliseconds(late)


@contextmanager
def serving():
    """Answers the address to call."""
    home = Path(PARAMS["home"])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        ports = {name: free_port() for name in ("INGRESS", "ADMIN", "NODE", "ENDPOINT")}
        env = {
            **os.environ,
            "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ports['INGRESS']}",
            "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{ports['ADMIN']}",
            "RESTATE_BIND_ADDRESS": f"127.0.0.1:{ports['NODE']}",
            "RESTATE_ADVERTISED_ADDRESS": f"http://127.0.0.1:{ports['NODE']}",
            "RESTATE_BASE_DIR": folder,
            "RESTATE_NODE_NAME": "bench",
            "RESTATE_CLUSTER_NAME": "bench",
            "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_LOG_FILTER": "warn",
            "DO_NOT_TRACK": "1",
        }
        hypercorn = [home / "bin" / "hypercorn", "-w", "1", "-b", f"127.0.0.1:{ports['ENDPOINT']}", "restate_rows:app"]
        with (
            running([server_of(home)], folder, env),
            running(hypercorn, Path(__file__).parent, os.environ),
        ):
            register(ports["ADMIN"], ports["ENDPOINT"])
            yield f"http://127.0.0.1:{ports['INGRESS']}/bench"


def server_of(home):
    """The server itself, not npm's launcher: it is stopped by its own pid."""
    packages = home / "node_modules" / "@restatedev"
    return str(next(packages.glob("restate-server-*/bin/restate-server")))


@contextmanager
def running(command, folder, env):
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=sys.stderr, stderr=sys.stderr)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def register(admin, endpoint):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with suppress(httpx.HTTPError):
            answer = httpx.post(
                f"http://127.0.0.1:{admin}/deployments", json={"uri": f"http://127.0.0.1:{endpoint}"}, timeout=10
            )
            if answer.is_success:
                return
        time.sleep(0.1)
    raise SystemExit("the endpoint could not be registered")


async def play(verb, address, params):
    limits = httpx.Limits(max_connections=4_000, max_keepalive_connections=4_000)
    async with httpx.AsyncClient(limits=limits, timeout=120) as client:

        async def call(handler, value):
            answer = await client.post(f"{address}/{handler}", json=value)
            answer.raise_for_status()
            return answer.json()

        end = time.monotonic() + 20
        while True:  # it is registered, and known to those who route a moment later
            try:
                await call("chain", 1)
                break
            except httpx.HTTPStatusError:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(0.1)
        return await verb(call, **params)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def milliseconds(took):
    ordered = sorted(took)
    return {f"p{p} ms": ordered[max(0, -(-len(ordered) * p // 100) - 1)] * 1_000 for p in (50, 99)}


VERBS = {"sequential": sequential, "starts": starts, "inside": inside, "spread": spread_out, "waking": waking}

if __name__ == "__main__":
    PARAMS = json.loads(sys.argv[2])
    with serving() as address:
        print(json.dumps(asyncio.run(play(VERBS[sys.argv[1]], address, PARAMS))))
