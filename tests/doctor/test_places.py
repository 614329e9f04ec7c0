"""Each setting of a server or a file that may lose runs is provoked on a real one, and said in a sentence."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import redis

from tests.doctor.flows import doubles
from tests.servers import Server, valkey
from yieldflow import App
from yieldflow.doctor import Report, examine, server
from yieldflow.doctor.file import judged as file_judged
from yieldflow.doctor.findings import Finding
from yieldflow.doctor.places import keeper_of
from yieldflow.errors import UsageError


def of(check: str, report: Report) -> tuple[str, str]:
    (finding,) = [one for one in report.findings if one.check == check]
    assert finding.do or finding.level == "ok"
    return finding.level, finding.says


def examined(url: str) -> Report:
    app = App(url)
    try:
        return examine(app)
    finally:
        app.close()


def test_a_server_as_it_should_be(own_server: Server) -> None:
    report = examined(own_server.url)
    assert report.is_well
    assert of("persistence", report) == ("ok", "appendonly yes, appendfsync everysec")
    assert of("eviction", report) == ("ok", "maxmemory-policy noeviction")
    assert of("version", report)[1].startswith("Valkey ")
    assert of("memory", report)[0] == "ok"


def test_a_server_that_keeps_nothing_and_throws_away_what_is_too_much() -> None:
    with valkey("--appendonly", "no", "--maxmemory-policy", "volatile-lru") as here:
        with redis.Redis.from_url(here.url) as client:
            client.mset({str(number): b"x" * 100_000 for number in range(100)})
            client.ping()  # its buffer is let go
            time.sleep(0.1)
            client.config_set("maxmemory", int(client.info("memory")["used_memory"] * 1.1))
        report = examined(here.url)
    assert not report.is_well
    says = "appendonly is off: a crash of the server loses all since its last snapshot"
    assert of("persistence", report) == ("error", says)
    assert of("eviction", report) == ("error", "maxmemory-policy is volatile-lru: a full server throws runs away")
    level, says = of("memory", report)
    assert level == "warning"
    assert "% of maxmemory" in says


def test_a_server_that_does_not_wait_for_its_disk() -> None:
    with valkey("--appendonly", "yes", "--appendfsync", "no") as here:
        report = examined(here.url)
    assert of("persistence", report) == ("warning", "appendfsync is no: a crash of the machine loses half a minute")
    assert report.is_well


def test_a_replica_is_named_with_its_primary(own_server: Server) -> None:
    with valkey("--appendonly", "yes", "--replicaof", "127.0.0.1", str(own_server.port)) as replica:
        report = examined(replica.url)
    says = f"it is a replica of 127.0.0.1:{own_server.port}, and takes no writes"
    assert of("role", report) == ("error", says)


@pytest.mark.parametrize(
    ("told", "check", "level"),
    [
        ({"cluster_enabled": 1}, "cluster", "error"),
        ({"redis_version": "6.2.1"}, "version", "warning"),
        ({"redis_version": "7.0.0"}, "version", "ok"),
        ({"valkey_version": "9.1.0", "redis_version": "7.2.4"}, "version", "ok"),
        ({"aof_enabled": 1, "aof_last_write_status": "err"}, "persistence", "error"),
        ({"used_memory": 96, "maxmemory": 100}, "memory", "error"),
        ({"used_memory": 86, "maxmemory": 100}, "memory", "warning"),
        ({"used_memory": 84, "maxmemory": 100}, "memory", "ok"),
    ],
)
def test_what_a_server_says_is_judged(told: dict[str, object], check: str, level: str) -> None:
    (finding,) = [one for one in server.judged(told) if one.check == check]
    assert finding.level == level


def test_a_server_that_says_nothing_is_said_to_say_nothing() -> None:
    (finding,) = server.judged({})
    assert finding.level == "warning"


def test_a_file_as_it_should_be(tmp_path: Path) -> None:
    app = App(f"sqlite:///{tmp_path}/shop.db")
    assert app.runs().runs == ()
    report = examined(app.settings.url)
    app.close()
    assert report.is_well
    assert of("journal", report) == ("ok", "journal_mode wal, synchronous normal")
    assert of("integrity", report)[1].endswith("quick_check ok")
    assert of("permissions", report)[0] == "ok"


def test_a_file_that_anybody_may_write(file: Path) -> None:
    app = App(f"sqlite:///{file}")
    assert app.runs().runs == ()
    app.close()
    file.chmod(0o666)
    assert of("permissions", examined(app.settings.url)) == (
        "error",
        "anybody on this machine may write the file (666)",
    )


def test_a_file_that_is_damaged(file: Path) -> None:
    app = App(f"sqlite:///{file}")
    app.run(doubles(*range(50)))
    app.close()
    data = bytearray(file.read_bytes())
    page = int.from_bytes(data[16:18], "big")
    data[-page : 8 - page] = b"\xff" * 8  # the header of the last one
    file.write_bytes(data)
    level, says = of("integrity", examined(app.settings.url))
    assert level == "error"
    assert says.startswith("the file is damaged: ")


TOLD = {
    "quick_check": "ok",
    "user_version": 4,
    "journal_mode": "wal",
    "synchronous": 1,
    "file": "/shop.db",
    "file_system": "ext4",
    "free_bytes": 1 << 40,
    "bytes": 4096,
    "mode": 0o600,
}


@pytest.mark.parametrize(
    ("change", "check", "level"),
    [
        ({"file_system": "nfs4"}, "disk", "error"),
        ({"file_system": "tmpfs"}, "disk", "warning"),
        ({"file_system": ""}, "disk", "ok"),
        ({"journal_mode": "delete"}, "journal", "warning"),
        ({"synchronous": 0}, "journal", "error"),
        ({"free_bytes": 1 << 20}, "space", "error"),
        ({"free_bytes": 100 << 20}, "space", "warning"),
        ({"quick_check": "row 7 missing from index"}, "integrity", "error"),
    ],
)
def test_what_a_file_is_like_is_judged(change: dict[str, object], check: str, level: str) -> None:
    found: list[Finding] = list(file_judged({**TOLD, **change}))
    (finding,) = [one for one in found if one.check == check]
    assert finding.level == level
    assert [one for one in found if one.level != "ok"] == [finding] * (level != "ok")


def test_a_store_that_is_gone_with_its_process_is_no_patient() -> None:
    app = App("memory:")
    with pytest.raises(UsageError, match="nothing to examine"):
        keeper_of(app)
    app.close()
