"""What every store promises, as tests. A store's own test file makes a class of it and gives a `harness` fixture:

    class TestMyStore(StoreContract): ...

The parts are beside this file; nothing here or there knows which store it is given.
"""

from __future__ import annotations

from .contract_alarms import AlarmContract
from .contract_chains import ChainContract
from .contract_commits import CommitContract
from .contract_listing import ListingContract
from .contract_outsiders import OutsiderContract
from .contract_pauses import PauseContract
from .contract_replays import ReplayContract
from .contract_reports import ReportContract
from .contract_waiting import WaitingContract
from .contract_work import WorkContract


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
