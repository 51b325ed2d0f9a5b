"""`timos backup …`: make, read back and restore backups of both databases and the keys."""

import asyncio
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from timos import config
from timos.cli.bars import bars
from timos.cli.local import numbers_of, places_of, with_instance
from timos.cli.options import DryRunOption, JsonOption
from timos.cli.output import hint, say
from timos.kernel.clock import SystemClock
from timos.lifecycle import backup, restore
from timos.lifecycle.backup import Backup
from timos.lifecycle.instance import Instance

app = typer.Typer(help="Backups of both databases and the keys; never of the master key.", no_args_is_help=True)

FolderArgument = Annotated[Path, typer.Argument(help="The backup's folder.")]


@app.command("create")
def create(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Make a backup in a new folder, beside a running server, and read it back."""

    async def work(instance: Instance) -> Backup:
        with bars() as progress:
            return await asyncio.to_thread(backup.create, instance, folder.absolute(), progress=progress)

    _tell(with_instance(work), as_json=as_json)
    if not as_json:
        hint("The master key is not in it. Keep a copy of that somewhere else; without it this backup cannot be opened.")


@app.command("verify")
def verify(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Read a backup back and say what is in it."""
    _tell(backup.verify(folder), as_json=as_json)


@app.command("restore")
def restore_(folder: FolderArgument, dry_run: DryRunOption = False, as_json: JsonOption = False) -> None:
    """Put a backup in the place of the databases, which are set aside. The server must be stopped. Who was erased since stays erased."""
    settings = config.load()
    if dry_run:
        _tell(backup.verify(folder), as_json=as_json)
        return
    with bars() as progress:
        done = asyncio.run(
            restore.restore(places_of(settings), folder, numbers_of(settings), clock=SystemClock(), random=os.urandom, progress=progress)
        )
    if as_json:
        say(json.dumps({"restored": str(folder), "erased_again": done.erased_again, "set_aside": [str(path) for path in done.set_aside]}))
        return
    say(f"Restored the backup of {done.backup.made_at}. Everybody has to sign in again.")
    if done.erased_again:
        say(f"{done.erased_again} account(s) erased since were erased again.")
    for path in done.set_aside:
        say(f"The former database is {path}; delete it when all is well.")


def _tell(found: Backup, *, as_json: bool) -> None:
    if as_json:
        say(json.dumps({name: str(value) if isinstance(value, Path) else value for name, value in asdict(found).items()}))
        return
    contents = f"{found.vault_rows} records, {found.keys} keys, {found.ledger} erasures"
    say(f"{found.folder}: made {found.made_at}, {contents}; needs {', '.join(found.master_keys)}.")


def add_to(root: typer.Typer) -> None:
    """The commands of this module."""
    root.add_typer(app, name="backup")
