"""`python -m tests.golden`: writes the golden logs that are missing, and never touches one that is there.

From the top of the checkout, with the code whose logs are to be kept. Then add the new file's numbers to the test.
"""

from __future__ import annotations

from pathlib import Path

from tests.golden.flows import RECIPES
from tests.golden.situations import SITUATIONS
from yieldflow import App, identity
from yieldflow.codec import pack

HERE = Path(__file__).parent


def main(directory: Path = HERE) -> list[str]:
    """The names of the files that were added."""
    added = []
    for name in (*SITUATIONS, *RECIPES):
        file = directory / f"{name}.jsonl"
        if not file.exists():
            lines = map(pack, SITUATIONS[name]) if name in SITUATIONS else recorded(name)
            file.write_bytes(b"".join(line + b"\n" for line in lines))
            added.append(file.name)
    return added


def recorded(name: str) -> list[bytes]:
    """The log of a real run, without what says on which machine it ran."""
    app = App("memory:")
    RECIPES[name](app)
    lines = [pack(event) for event in app.get("golden").history()]
    app.close()
    here, worker = f"{HERE.parents[1]}/".encode(), identity.name().encode()
    return [line.replace(here, b"").replace(worker, b"worker-1") for line in lines]


if __name__ == "__main__":
    print("\n".join(main()) or "nothing is missing")
