"""A process that works on the runs of a store until it is told to stop: `python -m tests.e2e.serve_here URL`."""

from __future__ import annotations

import signal
import sys
from threading import Event as Flag

from yieldflow import App

if __name__ == "__main__":
    stop = Flag()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    app = App(sys.argv[1])
    with app.worker(threads=3):
        stop.wait(60)
    app.close()
