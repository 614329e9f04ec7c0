"""What a Redis or Valkey server says of itself, judged: will it keep runs? It only judges; *told* is its INFO."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from yieldflow.doctor.findings import Finding, error, ok, warning

OLDEST = 7
FULL, NEARLY_FULL = 0.95, 0.85  # of maxmemory


def judged(told: Mapping[str, Any]) -> Iterator[Finding]:
    if not told:
        yield warning("server", "the server hides INFO, so its settings cannot be checked", "allow INFO to this user")
        return
    yield _version(told)
    yield from _role(told)
    yield from _persistence(told)
    yield _eviction(told)
    yield _memory(told)


def _version(told: Mapping[str, Any]) -> Finding:
    kind = "Valkey" if "valkey_version" in told else "Redis"
    version = str(told.get("valkey_version") or told.get("redis_version", ""))
    major = version.partition(".")[0]
    if major.isdigit() and int(major) < OLDEST:
        return warning("version", f"{kind} {version} is older than {OLDEST}", f"install {kind} {OLDEST} or newer")
    return ok("version", f"{kind} {version}")


def _role(told: Mapping[str, Any]) -> Iterator[Finding]:
    if int(told.get("cluster_enabled", 0)):
        says = "it is a Redis Cluster, and a run's keys would lie on several nodes"
        yield error("cluster", says, "use a server that is not one of a Cluster")
    if told.get("role") in ("slave", "replica"):
        primary = f"{told.get('master_host')}:{told.get('master_port')}"
        yield error("role", f"it is a replica of {primary}, and takes no writes", f"name the primary, {primary}")


def _persistence(told: Mapping[str, Any]) -> Iterator[Finding]:
    if not int(told.get("aof_enabled", 0)):
        says = "appendonly is off: a crash of the server loses all since its last snapshot"
        yield error("persistence", says, "set appendonly yes")
        return
    fsync, broken = str(told.get("appendfsync", "")), _failed(told)
    if broken:
        yield error("persistence", f"its last try to write to the disk failed ({broken})", "look at the server's log")
    if fsync == "no":
        says = "appendfsync is no: a crash of the machine loses half a minute"
        yield warning("persistence", says, "set appendfsync everysec")
    elif not broken:
        yield ok("persistence", f"appendonly yes, appendfsync {fsync or 'is hidden'}")


def _failed(told: Mapping[str, Any]) -> str:
    names = ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status")
    return ", ".join(name for name in names if told.get(name, "ok") != "ok")


def _eviction(told: Mapping[str, Any]) -> Finding:
    policy = str(told.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        says = f"maxmemory-policy is {policy}: a full server throws runs away"
        return error("eviction", says, "set maxmemory-policy noeviction")
    return ok("eviction", "maxmemory-policy noeviction")


def _memory(told: Mapping[str, Any]) -> Finding:
    used, most = int(told.get("used_memory", 0)), int(told.get("maxmemory", 0))
    limit = most or int(told.get("total_system_memory", 0))
    name = "maxmemory" if most else "the machine's memory"
    if not limit:
        return ok("memory", f"{_size(used)} used")
    says = f"{_size(used)} used, {used / limit:.0%} of {name}"
    advice = "prune runs that have ended, or give the server more memory"
    if used >= FULL * limit:
        return error("memory", f"{says}: a full server takes no more writes", advice)
    return warning("memory", says, advice) if used >= NEARLY_FULL * limit else ok("memory", says)


def _size(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):.0f} MiB"
