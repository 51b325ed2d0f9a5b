"""`timos db move`: one of the two databases goes to another engine or place."""

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated

import typer

from timos import config
from timos.cli.bars import bars
from timos.cli.local import places_of
from timos.cli.options import DryRunOption, JsonOption
from timos.cli.output import hint, say
from timos.config import Settings
from timos.kernel.clock import SystemClock
from timos.kernel.db.address import Address, AddressError, parse
from timos.kernel.errors import StartError
from timos.lifecycle import move as moving
from timos.lifecycle.move import Half, Moved

HalfArgument = Annotated[Half, typer.Argument(help="Which of the two: platform or vault.")]
ToOption = Annotated[
    str, typer.Option("--to", help="The URL of an empty database; a password in it can be seen by others on this machine.")
]
ToFileOption = Annotated[Path | None, typer.Option("--to-file", help="A file that holds that URL.")]


def move(
    half: HalfArgument, to: ToOption = "", to_file: ToFileOption = None, dry_run: DryRunOption = False, as_json: JsonOption = False
) -> None:
    """Copy a database to another engine or place and compare both; the old one stays as it is. The server must be stopped.

    Cut short, the same command goes on where it stopped.
    """
    settings = config.load()
    target = _target(settings, to, to_file)
    with bars() as progress:
        done = asyncio.run(
            moving.move(places_of(settings), half, target, clock=SystemClock(), random=os.urandom, progress=progress, dry_run=dry_run)
        )
    if as_json:
        say(json.dumps(_facts(done, dry_run=dry_run)))
    elif dry_run:
        state = "an unfinished move, which would go on" if done.is_begun else "empty"
        say(f"{done.rows} rows in {len(done.tables)} tables would be copied from {done.source} to {done.target}, which is {state}.")
    else:
        _tell(done, settings)


def _target(settings: Settings, to: str, to_file: Path | None) -> Address:
    if bool(to) == bool(to_file):
        raise typer.BadParameter("Name the new place, with either --to or --to-file.")
    try:
        return parse(to or _read(to_file), settings.data_dir)
    except AddressError as error:
        message = f"The URL of the new place is not one: {error}."
        raise StartError(message) from error


def _read(path: Path | None) -> str:
    assert path is not None  # noqa: S101 (for mypy: one of the two is given)
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read."
        raise StartError(message) from error


def _tell(done: Moved, settings: Settings) -> None:
    for table in done.tables:
        say(f"{table.table}: {table.rows} rows, the same on both sides (SHA-256 {table.sha256[:16]}…)")
    name = f"{config.PREFIX}{done.half.upper()}_URL"
    say(f"The {done.half} database is in {done.target} now. Before you start the server, set, with the password where there is one:")
    say(f"    {name}={_spelt(done.target, settings)}")
    hint(f"{done.source} was left as it is, and is refused from now on. Delete it when all is well: nothing is written to it any more.")


def _spelt(address: Address, settings: Settings) -> str:
    if not isinstance(address, Path):
        return str(address)
    inside = address.is_relative_to(settings.data_dir)
    return f"sqlite:{address.relative_to(settings.data_dir) if inside else address}"


def _facts(done: Moved, *, dry_run: bool) -> dict[str, object]:
    tables = [{"table": each.table, "rows": each.rows, "sha256": each.sha256 or None} for each in done.tables]
    return {
        "database": done.half,
        "from": str(done.source),
        "to": str(done.target),
        "resumed": done.is_begun,
        "dry_run": dry_run,
        "rows": done.rows,
        "tables": tables,
    }
