"""Plays rows with durabletask and its backend in memory. Run by its own environment."""

# ruff: noqa: ANN001, ANN003, ANN201 - another environment runs it, no checker of types sees it

import json
import socket
import sys
import time

from durabletask.client import TaskHubGrpcClient
from durabletask.testing.in_memory_backend import create_test_backend
from durabletask.worker import TaskHubGrpcWorker


def nothing(_, number):
    return number


def chain(ctx, steps):
    last = 0
    for number in range(steps):
        last = yield ctx.call_activity(nothing, input=number)
    return last


def embedded(runs, steps, **_):
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    backend = create_test_backend(port=port)
    address = f"localhost:{port}"
    with TaskHubGrpcWorker(host_address=address) as worker:
        worker.add_orchestrator(chain)
        worker.add_activity(nothing)
        worker.start()
        client = TaskHubGrpcClient(host_address=address)
        client.wait_for_orchestration_completion(client.schedule_new_orchestration(chain, input=2), timeout=30)
        since = time.monotonic()
        for run in [client.schedule_new_orchestration(chain, input=steps) for _ in range(runs)]:
            client.wait_for_orchestration_completion(run, timeout=200)
        seconds = time.monotonic() - since
    backend.stop()
    return {"steps/s": runs * steps / seconds}


if __name__ == "__main__":
    print(json.dumps({"embedded": embedded}[sys.argv[1]](**json.loads(sys.argv[2]))))
