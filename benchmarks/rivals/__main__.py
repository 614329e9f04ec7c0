"""`python -m benchmarks.rivals install FOLDER [NAME…]`: an environment for each of the other systems."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

import click

from benchmarks.rivals.known import RIVALS, Rival


@click.group()
def main() -> None:
    """Other systems, to be measured side by side."""


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1, type=click.Choice(list(RIVALS)), metavar="[NAME]...")
def install(folder: Path, names: tuple[str, ...]) -> None:
    """Make an environment in FOLDER for each of them (default: all), from PyPI and npm."""
    for name in names or RIVALS:
        try:
            _install(folder.resolve() / name, RIVALS[name])
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            click.echo(f"{name}: cannot be installed here: {error}")
        else:
            click.echo(f"{name}: installed")


def _install(home: Path, rival: Rival) -> None:
    venv.create(home, with_pip=True, clear=True)
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *rival.packages], check=True, timeout=600)
    if rival.npm:
        npm = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(home)]
        subprocess.run([*npm, *rival.npm], check=True, timeout=600, stdin=subprocess.DEVNULL, cwd=home)


if __name__ == "__main__":
    main()
