"""The store for production: one Redis (or Valkey) server, one Lua script a verb."""

from yieldflow.stores.redis.server import check_server, connect, without_retries
from yieldflow.stores.redis.store import RedisStore

__all__ = ["RedisStore", "check_server", "connect", "without_retries"]
