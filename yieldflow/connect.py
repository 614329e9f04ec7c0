"""From a URL to a store, by its scheme. What a scheme needs is imported when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from urllib.parse import unquote, urlsplit

from yieldflow.errors import BadUrl
from yieldflow.ports import Queue, Store

_REDIS = ("redis", "rediss", "unix")


def is_embedded(url: str) -> bool:
    return urlsplit(url).scheme not in _REDIS


def connect(url: str, prefix: str) -> Store:
    """Raises `BadUrl`, `StoreUnreachable`, `StoreUnsuitable`."""
    store: Store
    match urlsplit(url).scheme:
        case "memory":
            store = _from("yieldflow.stores.memory", "MemoryStore")()
        case "sqlite":
            store = _from("yieldflow.stores.sqlite", "SqliteStore")(_file(url))
        case scheme if scheme in _REDIS:
            client = _from("yieldflow.stores.redis.server", "connect")(url)
            _from("yieldflow.stores.redis.server", "check_server")(client)
            store = _from("yieldflow.stores.redis.store", "RedisStore")(client, prefix)
        case "":
            raise BadUrl(url, "has no scheme")
        case scheme:
            raise BadUrl(url, f"has the scheme {scheme!r}, which no store has")
    return store


def store_on(connection: Any, prefix: str) -> Store:
    """The store on a connection that somebody else has made."""
    client = _from("yieldflow.stores.redis.server", "without_retries")(connection)
    store: Store = _from("yieldflow.stores.redis.store", "RedisStore")(client, prefix)
    return store


def hints(client: Any) -> Queue:
    """The queue that carries the hints of a Redis store: RQ, on the same server."""
    queue: Queue = _from("yieldflow.rq.queue", "RqQueue")(client)
    return queue


def _file(url: str) -> str:
    """`sqlite:///shop.db` is relative, `sqlite:////var/shop.db` is not."""
    rest = url.partition(":")[2]
    if not rest.startswith("///") or len(rest) == 3:
        raise BadUrl(url, "names no file")
    return unquote(rest[3:])


def _from(module: str, name: str) -> Any:
    return getattr(import_module(module), name)
