"""`python -m tests.deep`: the promises at length, on all cores, for at least half an hour. What it saw goes to
`docs/figures.json`, from which the tables of docs/guarantees.md are made.

    python -m tests.deep                        # everything, until all counts are reached and the time is over
    python -m tests.deep programs --minutes 2   # one part
    python -m tests.deep chaos --seed 17        # one round again, in this process
"""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import time
import traceback
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context

from attrs import define, field

from tests.deep.parts import PARTS, play
from tests.deep.report import FIGURES, rewrite
from tests.deep.rounds import Figures, Part

ROUNDS_A_PROCESS = 40  # then a fresh one, so that nothing piles up


def main() -> int:
    asked = _asked()
    parts = [part for part in PARTS if part.name in asked.parts or not asked.parts]
    if asked.seed is not None and asked.minutes is None:
        for part in parts:
            _say(part, asked.seed, part.one_round(asked.seed))
        return 0
    base = secrets.randbits(40) if asked.seed is None else asked.seed
    deep = Deep([Progress(part) for part in parts], base, (30 if asked.minutes is None else asked.minutes) * 60)
    print(f"seed {base}, {asked.slots} at a time", flush=True)
    deep.run(asked.slots)
    if asked.write:
        rewrite(deep.as_json(_commit()))
        print(f"written: {FIGURES}")
    return int(any(part.failed for part in deep.parts))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.deep", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(part.name for part in PARTS))
    parser.add_argument("--minutes", type=float, help="at least so long (30); without it --seed is one round")
    parser.add_argument("--seed", type=int, help="of one round; with --minutes, the first of all")
    parser.add_argument("--slots", type=int, default=os.cpu_count() or 1, help="rounds at a time (all cores)")
    parser.add_argument("--write", action="store_true", help="write docs/figures.json and the tables made from it")
    asked = parser.parse_args()
    unknown = set(asked.parts) - {part.name for part in PARTS}
    if unknown:
        parser.error(f"no part is called {min(unknown)!r}; there are {', '.join(part.name for part in PARTS)}")
    return asked


def _say(part: Part, seed: int, figures: Figures) -> None:
    print(f"{part.name}, seed {seed}")
    for name, count in sorted(figures.counts.items()):
        print(f"  {count:>12,} {name}")
    for name in sorted(figures.samples):
        print(f"  {name}: p50 {figures.percentile(name, 50)}, p99 {figures.percentile(name, 99)}")


def _commit() -> str:
    said = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return said.stdout.strip()


@define
class Progress:
    part: Part
    figures: Figures = field(factory=Figures)
    rounds: int = 0
    begun: int = 0
    seconds: float = 0
    failed: bool = False  # a promise was broken: no further round is begun

    def done(self) -> float:
        """How much of what is asked for has been seen; rounds under way are taken to bring what the others brought."""
        if self.part.once:
            return float(self.begun)
        least = min((self.figures.counts[name] / count for name, count in self.part.least.items()), default=1.0)
        return least * self.begun / self.rounds if self.rounds else self.begun * 0.01

    def reached(self) -> bool:
        counts = self.figures.counts
        return self.rounds > 0 and all(counts[name] >= count for name, count in self.part.least.items())


@define
class Deep:
    parts: list[Progress]
    base: int
    least_seconds: float
    began: float = field(factory=time.monotonic)

    def run(self, slots: int) -> None:
        """To the end; of a promise that is broken it says which round shows it."""
        with ProcessPoolExecutor(slots, get_context("spawn"), max_tasks_per_child=ROUNDS_A_PROCESS) as pool:
            under_way: dict[Future[tuple[Figures, float]], tuple[Progress, int]] = {}
            while True:
                while len(under_way) < slots and (part := self._next()) is not None:
                    seed = self.base + part.begun
                    under_way[pool.submit(play, part.part.name, seed)] = part, seed
                    part.begun += 1
                if not under_way:
                    return
                for ended in wait(under_way, return_when=FIRST_COMPLETED).done:
                    self._take(ended, *under_way.pop(ended))

    def _next(self) -> Progress | None:
        """Who is behind most; when all have what they need, and there is time left, who had the least of it."""
        whole = [part for part in self.parts if not part.failed]
        if behind := [part for part in whole if not part.reached() and not (part.part.once and part.begun)]:
            return min(behind, key=Progress.done)
        repeat = [part for part in whole if not part.part.once]
        if time.monotonic() - self.began < self.least_seconds and repeat:
            return min(repeat, key=lambda part: part.seconds)
        return None

    def _take(self, ended: Future[tuple[Figures, float]], part: Progress, seed: int) -> None:
        try:
            figures, seconds = ended.result()
        except Exception:  # of whatever class: the round has failed
            part.failed = True
            traceback.print_exc()
            print(f"FAILED; again with: python -m tests.deep {part.part.name} --seed {seed}", flush=True)
            return
        part.figures.add(figures)
        part.rounds += 1
        part.seconds += seconds
        minutes = (time.monotonic() - self.began) / 60
        told = ", ".join(f"{part.figures.counts[name]:,} {name}" for name in part.part.least)
        print(f"{minutes:5.1f} min  {part.part.name}: {part.rounds} rounds, {told}", flush=True)

    def as_json(self, commit: str) -> dict[str, object]:
        """Of all parts that are whole."""
        minutes = round((time.monotonic() - self.began) / 60)
        run = {
            "date": time.strftime("%Y-%m-%d", time.gmtime()),
            "commit": commit,
            "seed": self.base,
            "minutes": minutes,
        }
        return {
            "python": ".".join(map(str, sys.version_info[:3])),
            "cores": os.cpu_count(),
            "parts": {
                one.part.name: {**run, "rounds": one.rounds, "seconds": round(one.seconds), **one.figures.as_json()}
                for one in self.parts
                if not one.failed
            },
        }


if __name__ == "__main__":
    sys.exit(main())
