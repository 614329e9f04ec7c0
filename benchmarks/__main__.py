"""`python -m benchmarks [ROW…] [--rounds 5] [--rivals FOLDER] [--write]`."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from benchmarks.measure import TINY, Row, Sizes, stand
from benchmarks.page import rewrite
from benchmarks.playing import middle, number, play, write
from benchmarks.rows import ROWS


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(ROWS)), metavar="[ROW]...")
@click.option("--rounds", default=5, show_default=True, help="How often each side is measured, in turn.")
@click.option(
    "--rivals",
    type=click.Path(exists=True, file_okay=False, path_type=Path, resolve_path=True),
    help="Where `python -m benchmarks.rivals install` has put them; without it only ours are played.",
)
@click.option("--write", "keep", is_flag=True, help="Keep the figures: benchmarks/results.json, docs/performance.md.")
@click.option("--tiny", is_flag=True, help="Only see that everything works; such figures are not kept.")
def main(names: tuple[str, ...], rounds: int, rivals: Path | None, keep: bool, tiny: bool) -> None:
    """Measure rows (default: all of them), and say where the bars stand."""
    logging.getLogger("yieldflow").setLevel(logging.ERROR)  # that the server persists nothing is meant
    if keep and tiny:
        raise click.UsageError("--tiny says nothing about speed: there is nothing to write")
    for name in names or ROWS:
        row = ROWS[name]
        click.echo(f"{name}: {row.title}")
        played = play(row, rounds, TINY if tiny else Sizes(), rivals)
        _tell(row, played)
        if keep:
            write(name, played)
            rewrite()


def _tell(row: Row, played: dict) -> None:  # type: ignore[type-arg]  # JSON
    for name, side in played["sides"].items():
        figures = [f"{figure} {middle(values)}" for figure, values in side["figures"].items()]
        click.echo(f"  {name} {side['version']} [{side['durability']}]: {', '.join(figures) or 'nothing'}")
    for bar in row.bars:
        stands = stand(bar, played["sides"])
        if stands is None:
            click.echo(f"  - {bar.says}: not measured")
            continue
        sign = "reached" if stands.reaches(bar) else "NOT REACHED"
        against = f", against {stands.against}" if stands.against else ""
        click.echo(
            f"  - {bar.says}: {number(stands.value)} ({number(stands.least)} to {number(stands.most)}){against}: {sign}"
        )


if __name__ == "__main__":
    main()
