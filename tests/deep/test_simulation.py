"""The simulation where it is hardest: workers that come back, clocks, failovers, two versions of the code."""

from collections import Counter

import pytest

from tests.deep.simulation import KINDS, simulated

SEEDS = {"hard": 70, "families": 70, "deploys": 40}
HARD = [what for what, _ in KINDS.values() if what.get("hard") or what.get("deploys")]
met: Counter[str] = Counter()


@pytest.mark.parametrize("what", HARD, ids=lambda what: " ".join(what))
def test_what_goes_wrong_for_long_breaks_no_run_either(what):
    met.update(simulated(what, range(SEEDS[next(iter(what))])))


OFTEN = (
    *("workers that stood still", "failovers", "commits lost by failovers", "clocks set back", "commits refused"),
    *("hints doubled", "hints out of order", "store failures", "unknown replies", "killed", "losses"),
    *("marks of patched", "points that former code had passed", "blocked by the code of another deploy"),
    *("children", "grandchildren", "reported", "let go", "continued", "local steps", "tasks", "sends"),
)
RARELY = (
    *("other logs of the same length as the lost one", "workers that came back after they were replaced"),
    "late reports of those who came back",
    *("claims taken by stale readers", "claims revoked at the end of their lease", "reports at the end of the lease"),
    *(
        "claims renewed once their lease was over",
        "heartbeats just before a revocation",
        "revocations refused",
        "revoked of processes known to be gone",
    ),
    *("marks that former code overtook", "local steps run again", "lost entries", "speculations refused"),
    *("deadlines", "deadlines with open children", "detached", "ids of others", "debts seen", "payloads carried"),
    *("pauses", "resumed", "facts while paused", "terminated", "terminated with children", "retries", "forks"),
    *("forks with open work", "children that ended cancelled", "let go before it was started"),
    *(
        "commands of tasks let go",
        "tasks that failed before anybody asked",
        "payloads that nobody took",
    ),
)


def test_the_simulation_reaches_what_it_is_for():
    if met["runs"] < 2 * (SEEDS["hard"] + SEEDS["deploys"]):
        pytest.skip("only with all the runs before it")
    assert [kind for kind in OFTEN if met[kind] < 20] == []
    assert [kind for kind in RARELY if met[kind] < 1] == []
