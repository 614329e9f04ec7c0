"""A worker process of ours, in this process."""

from __future__ import annotations

import os
import warnings

from rq import Queue
from rq.serializers import JSONSerializer

from yieldflow.app import App
from yieldflow.rq.worker import Worker


def serve(app: App, queues: tuple[str, ...], *, burst: bool, alarms: bool) -> None:
    """Take hints of *queues* until stopped, or with *burst* until there are none."""
    connection = app.client
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a server that hides CLIENT LIST is none of the user's concern
        worker = Worker(
            [Queue(name, connection=connection, serializer=JSONSerializer) for name in queues],
            name=f"yieldflow-{os.getpid()}-{os.urandom(3).hex()}",
            connection=connection,
            serializer=JSONSerializer,
        )
    worker.alarms = alarms
    app.schedules.of_modules()
    worker.runtime = app.serving(queues)
    worker.work(burst=burst)
