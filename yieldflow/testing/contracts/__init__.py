"""What every store and every queue promises, as tests. Their own test files make classes of it and give a `harness`
fixture:

    class TestMyStore(StoreContract): ...

The parts are beside this file; nothing here or there knows which store or queue it is given.
"""

from __future__ import annotations

from yieldflow.testing.contracts.alarms import AlarmContract
from yieldflow.testing.contracts.chains import ChainContract
from yieldflow.testing.contracts.commits import CommitContract
from yieldflow.testing.contracts.harness import Embedded, FakeClock, Harness
from yieldflow.testing.contracts.listing import ListingContract
from yieldflow.testing.contracts.outsiders import OutsiderContract
from yieldflow.testing.contracts.pauses import PauseContract
from yieldflow.testing.contracts.queue import QueueContract, QueueHarness
from yieldflow.testing.contracts.replays import ReplayContract
from yieldflow.testing.contracts.reports import ReportContract
from yieldflow.testing.contracts.waiting import WaitingContract
from yieldflow.testing.contracts.work import WorkContract

__all__ = ["Embedded", "FakeClock", "Harness", "QueueContract", "QueueHarness", "StoreContract"]


class StoreContract(
    CommitContract,
    ReportContract,
    OutsiderContract,
    WorkContract,
    AlarmContract,
    PauseContract,
    ReplayContract,
    ChainContract,
    ListingContract,
    WaitingContract,
): ...
