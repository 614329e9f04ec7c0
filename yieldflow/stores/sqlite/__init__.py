"""A store in one SQLite file: no server, survives kill -9, may be shared by the processes of one host."""

from yieldflow.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
