"""From a URL to a store, by its scheme. What a scheme needs is imported when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from urllib.parse import unquote, urlsplit

from yieldflow.errors import BadUrl
from yieldflow.ports import Queue, Store

_LONGEST_URL = 2_000  # characters
_REDIS = ("redis", "rediss", "unix")


def is_embedded(url: str) -> bool:
    return scheme_of(url) not in _REDIS


def scheme_of(url: str) -> str:
    """Raises `BadUrl`."""
    if len(url) > _LONGEST_URL or not url.isprintable():
        raise BadUrl(url, "is too long, or holds characters that are not printable")
    try:
        return urlsplit(url).scheme
    except ValueError as error:
        raise BadUrl(url, f"cannot be read ({error})") from error


def connect(url: str, prefix: str, *, fsync: bool = False) -> Store:
    """*fsync*: what it has written survives a loss of power. Raises `BadUrl`, `StoreUnreachable`, `StoreUnsuitable`."""
    store: Store
    match scheme_of(url):
        case "memory":
            store = found_in("yieldflow.stores.memory", "MemoryStore")()
        case "sqlite":
            store = found_in("yieldflow.stores.sqlite", "SqliteStore")(file_of(url), fsync=fsync)
        case scheme if scheme in _REDIS:
            client = found_in("yieldflow.stores.redis.server", "connect")(url)
            found_in("yieldflow.stores.redis.server", "check_server")(client, fsync=fsync)
            store = found_in("yieldflow.stores.redis.store", "RedisStore")(client, prefix, fsync=fsync)
        case "":
            raise BadUrl(url, "has no scheme")
        case scheme:
            raise BadUrl(url, f"has the scheme {scheme!r}, which no store has")
    return store


def reading(url: str, prefix: str) -> Store:
    """A store that is only read. A SQLite file refuses all else; of Redis, nothing else is asked. Raises as `connect`
    does.
    """
    if scheme_of(url) != "sqlite":
        return connect(url, prefix)
    store: Store = found_in("yieldflow.stores.sqlite", "SqliteStore")(file_of(url), mode="ro")
    return store


def store_on(connection: Any, prefix: str, *, fsync: bool = False) -> Store:
    """The store on a connection that somebody else has made."""
    client = found_in("yieldflow.stores.redis.server", "without_retries")(connection)
    store: Store = found_in("yieldflow.stores.redis.store", "RedisStore")(client, prefix, fsync=fsync)
    return store


def hints(client: Any) -> Queue:
    """The queue that carries the hints of a Redis store: RQ, on the same server."""
    queue: Queue = found_in("yieldflow.rq.queue", "RqQueue")(client)
    return queue


def fleet(client: Any) -> Any:
    """The workers that RQ knows of, on the same server."""
    return found_in("yieldflow.rq.fleet", "Fleet")(client)


def file_of(url: str) -> str:
    """`sqlite:///shop.db` is relative, `sqlite:////var/shop.db` is not. Raises `BadUrl`."""
    rest = url.partition(":")[2]
    if not rest.startswith("///") or len(rest) == 3:
        raise BadUrl(url, "names no file")
    if not (file := unquote(rest[3:])).isprintable():
        raise BadUrl(url, "names a file with characters that are not printable")
    return file


def found_in(module: str, name: str) -> Any:
    """Imported when it is asked for."""
    import_module(module.rpartition(".")[0])  # two threads that begin with two modules of it wait for each other
    return getattr(import_module(module), name)
