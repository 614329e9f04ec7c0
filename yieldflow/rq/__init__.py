"""RQ carries hints and supervises processes; nothing that matters is kept in it."""

from yieldflow.rq.worker import Worker

__all__ = ["Worker"]
