"""A connection to a Redis or Valkey server, and whether that server will keep what it is given.

The client never sends a command twice: a call whose reply is lost may have been applied, and only the
engine can tell, by reading the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import redis
from redis import exceptions as failures
from redis.backoff import NoBackoff
from redis.retry import Retry

from yieldflow.errors import BadUrl, ReplyLost, StoreUnreachable, StoreUnsuitable

SCHEMES = ("redis", "rediss", "unix")
_SAYS_WHAT_IT_KEEPS = (7, 2)  # the version of Redis that has WAITAOF
CONNECT_SECONDS = 5.0
REPLY_SECONDS = 30.0  # a reply that takes longer counts as lost

_log = logging.getLogger(__name__)


def connect(url: str, **options: Any) -> redis.Redis:
    """A client for redis://, rediss:// or unix://, its server seen to answer; *options* are those of redis-py.

    Raises `BadUrl` and `StoreUnreachable`.
    """
    if urlsplit(url).scheme not in SCHEMES:
        raise BadUrl(url, "is not one of a Redis server")
    settings = {"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": REPLY_SECONDS, **options}
    try:
        client = redis.Redis.from_url(url, **{**settings, **_never_twice()})
    except ValueError as error:
        raise BadUrl(url, f"cannot be read ({error})") from error
    try:
        client.ping()
    except (failures.RedisError, OSError) as error:  # or what answers is no Redis
        client.close()
        raise StoreUnreachable(url, str(error)) from error
    return client


def without_retries(client: redis.Redis) -> redis.Redis:
    """A client for the same server that re-sends nothing and answers bytes; *client* itself is left as it is.

    For a connection that somebody else made, such as that of an RQ job.
    """
    pool = client.connection_pool
    kwargs = {**pool.connection_kwargs, **_never_twice()}
    return redis.Redis(connection_pool=redis.ConnectionPool(connection_class=pool.connection_class, **kwargs))


def check_server(client: redis.Redis, *, fsync: bool = False) -> None:
    """Refuse a server that cannot hold runs, or with *fsync* cannot say that they are on its disk, with
    `StoreUnsuitable`; warn, a line each, of one that may lose them.

    A server that does not tell its settings is taken as it is.
    """
    with replies():
        try:
            told = client.info()
        except (failures.NoPermissionError, failures.ResponseError):
            return
    if int(told.get("cluster_enabled", 0)) or told.get("redis_mode") == "cluster":
        raise StoreUnsuitable(where(client), "it is a Redis Cluster, and a run's keys would lie on several nodes")
    if fsync and (told.get("aof_enabled") == 0 or _version(told) < _SAYS_WHAT_IT_KEEPS):
        reason = 'durability="fsync" needs Redis 7.2 or Valkey with appendonly yes, best with appendfsync always'
        raise StoreUnsuitable(where(client), reason)
    if told.get("aof_enabled") == 0:
        _log.warning("%s: appendonly is off, a crash of the server loses runs; set appendonly yes", where(client))
    if told.get("maxmemory_policy", "noeviction") != "noeviction":
        _log.warning(
            "%s: maxmemory-policy is %s, the server may throw runs away; set noeviction",
            where(client),
            told["maxmemory_policy"],
        )


@contextmanager
def replies() -> Iterator[None]:
    """What goes wrong between a call and its reply, in the words of the port."""
    try:
        yield
    except failures.AuthenticationError as error:
        raise StoreUnreachable("redis", str(error)) from error
    except failures.OutOfMemoryError as error:
        raise StoreUnsuitable("redis", "its memory is used up; nothing was written") from error
    except (failures.ConnectionError, failures.TimeoutError, failures.ReadOnlyError) as error:
        raise ReplyLost(str(error) or type(error).__name__) from error
    except failures.RedisError as error:  # what a script refuses is refused before its first write
        raise StoreUnsuitable("redis", str(error)) from error


def where(client: redis.Redis) -> str:
    """The server's address, for people; never its password."""
    kwargs = client.connection_pool.connection_kwargs
    return str(kwargs["path"]) if "path" in kwargs else f"{kwargs.get('host')}:{kwargs.get('port')}"


def _version(told: Mapping[str, Any]) -> tuple[int, ...]:
    """Valkey tells the version of Redis that it is like."""
    return tuple(int(part) for part in str(told.get("redis_version", "0")).split(".")[:2] if part.isdecimal())


def _never_twice() -> dict[str, Any]:
    # redis-py sends a command up to ten times by default: a commit that was applied would come back as a conflict
    return {"retry": Retry(NoBackoff(), 0), "retry_on_error": [], "decode_responses": False}
