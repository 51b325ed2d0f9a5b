"""Putting a backup back, so that nothing lost comes with it: whoever was erased since stays erased, and old sessions are void.

1. The backup is read back, and must belong to this master key.
2. Both databases are built beside the present ones, as files whatever the engine, and completed there: keys put in, erasures since the
   backup replayed, sessions and one-time tokens deleted. The ledger is the longest genuine one of the backup, the present databases and
   the file beside the key.
3. The present databases are set aside, the new ones take their names; one on a server is copied to a file and filled anew. A mark in
   the data folder, and one in a database that is being filled, stops any start in between.
"""

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from timos.kernel.clock import Clock
from timos.kernel.db import facts, migrate
from timos.kernel.db.address import Address
from timos.kernel.errors import StartError
from timos.kernel.ids import Randomness
from timos.lifecycle import backup, filling, ledgers
from timos.lifecycle.backup import Backup
from timos.lifecycle.filling import FILLING, Progress
from timos.lifecycle.founding import claiming, pair, upgrading
from timos.lifecycle.founding.places import Places, sync_folder
from timos.lifecycle.instance import Instance, Numbers, assemble
from timos.platform.ledger import Entry, Ledger
from timos.vault import gates

NEW, ASIDE = ".restoring", ".replaced"


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back, and how many accounts were erased again."""

    backup: Backup
    erased_again: int
    set_aside: tuple[Path, ...]


async def restore(places: Places, folder: Path, numbers: Numbers, *, clock: Clock, random: Randomness, progress: Progress) -> Restored:
    """The server must be stopped, on every machine.

    Raises:
        StartError: no good backup, another master key, or a server is running. The present data was not touched.
    """
    found = backup.verify(folder)
    claim = claiming.claim(places)
    fresh = replace(places, **{f"{name}_at": _beside(places, name, address) for name, address, _ in upgrading.histories(places)})
    try:
        for name, path in ((backup.PLATFORM, fresh.platform), (backup.VAULT, fresh.vault)):
            _copy_file(folder / name, path)
        for _, address, history in upgrading.histories(fresh):  # the backup may be older than this program
            migrate.upgrade(address, history)
        backup.put_keys_back(fresh.platform, backup.read_keys(folder))
        founded = await pair.open_pair(fresh)
        await _refuse_foreign(places, founded.install_id)
        entries = await _known_elsewhere(places, founded, numbers, clock=clock, random=random)
        instance = await assemble(fresh, founded, numbers, clock=clock, random=random)
        try:
            erased = await _replay(instance, entries)
            await instance.sessions.void_all()
        finally:
            await instance.close()
        return Restored(found, erased, await _swap_in(places, fresh, ASIDE, progress=progress))
    finally:
        for path in (fresh.platform, fresh.vault):  # of an attempt that failed: the keys in it may be an erased user's
            _remove(path)
        claim.close()


async def _refuse_foreign(places: Places, install_id: bytes) -> None:
    """A file is set aside as it is, whosever it was; a database on a server is emptied."""
    for _, address, _ in upgrading.histories(places):
        if isinstance(address, Path) or await filling.is_empty(address):
            continue
        known = facts.read_all(address)
        if FILLING not in known and known.get("install_id") != install_id:
            message = f"{address} is of another installation. Name an empty database, or that of this backup. Nothing was changed."
            raise StartError(message)


async def _known_elsewhere(places: Places, founded: pair.Founded, numbers: Numbers, *, clock: Clock, random: Randomness) -> list[Entry]:
    """Erasures that the present databases know of, if they are there and of the same installation."""
    if not all(_is_there(address) for _, address, _ in upgrading.histories(places)):
        return []
    present = await pair.open_pair(places)
    if present.install_id != founded.install_id:
        message = f"The databases in {places.data_dir} are of another installation. Move them away first. Nothing was changed."
        raise StartError(message)
    instance = await assemble(places, present, numbers, clock=clock, random=random)
    try:
        return await ledgers.longest(instance)
    finally:
        await instance.close()


async def _replay(instance: Instance, elsewhere: list[Entry]) -> int:
    """Append what the backup does not know yet, and erase those accounts again."""
    own = await ledgers.longest(instance)
    entries = max(own, elsewhere, key=len)
    if instance.ledger.verify(entries) is not None or any(a.hash != b.hash for a, b in zip(own, elsewhere, strict=False)):
        message = "The erasure ledger of the backup and the present one tell different stories. Nothing was changed."
        raise StartError(message)
    known = len(await instance.ledger.entries())
    for entry in entries:  # all of them: the vault was copied first, so rows of an account that the backup's ledger knows may be in it
        await _erase_again(instance, instance.ledger, entry, is_known=entry.sequence <= known)
    await ledgers.copy_out(instance)
    return len(entries) - known


async def _erase_again(instance: Instance, ledger: Ledger, entry: Entry, *, is_known: bool) -> None:
    user_id, vault_id = ledger.open(entry)
    async with instance.platform.transaction() as tx:
        await instance.keyring.shred(tx, user_id)
        await instance.sessions.purge(tx, user_id)
        await instance.accounts.delete(tx, user_id)
        if not is_known:
            await ledger.insert(tx, entry)
    await gates.purge(instance.vault, vault_id)


def _copy_file(source: Path, target: Path) -> None:
    """A private copy of a database that has reached the disk."""
    _remove(target)
    target.touch(mode=0o600)
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    """A database with its logs: SQLite would play an old log back into whatever takes its name."""
    for end in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + end).unlink(missing_ok=True)


async def _swap_in(places: Places, fresh: Places, suffix: str, *, progress: Progress) -> tuple[Path, ...]:
    """`fresh`, two files, takes the place of both databases; those are set aside under `suffix`, one on a server as a copy in a file. The
    mark keeps any server from starting on one old and one new half.
    """
    places.swapping.touch(mode=0o600)
    sync_folder(places.data_dir)
    aside: list[Path] = []
    for (name, old, history), new in zip(upgrading.histories(places), (fresh.platform, fresh.vault), strict=True):
        if isinstance(old, Path):
            aside += _set_aside(old, suffix)
            new.replace(old)
        else:
            aside += await _copy_aside(old, history, places.data_dir / f"{name}.db", suffix, progress)
            migrate.upgrade(old, history)
            becomes = facts.read_all(new)
            await filling.fill(new, old, b"restore", goes_on=False, becomes=becomes, progress=progress)  # the backup may be another now
    places.marker.unlink(missing_ok=True)  # of a first start that was cut short: the next one would throw away what was restored
    sync_folder(places.data_dir)
    places.swapping.unlink()
    sync_folder(places.data_dir)
    return tuple(aside)


def _set_aside(path: Path, suffix: str) -> list[Path]:
    """With its log, which belongs to it and to no other file; an older one that was set aside stays."""
    aside = _free_name(path, suffix)
    moved = []
    for end in ("", "-wal", "-shm"):
        old = path.with_name(path.name + end)
        if old.exists():
            moved.append(old.replace(aside.with_name(aside.name + end)))
    return moved[:1]


async def _copy_aside(server: Address, history: Path, path: Path, suffix: str, progress: Progress) -> list[Path]:
    """Of what is whole: what an attempt that was cut short left there is no database to go back to, and was copied before."""
    if await filling.is_empty(server) or FILLING in facts.read_all(server):
        return []
    aside = _free_name(path, suffix)
    unfinished = aside.with_name(aside.name + ".part")
    _remove(unfinished)
    await filling.export(server, unfinished, history, progress=progress)
    return [unfinished.replace(aside)]


def _free_name(path: Path, suffix: str) -> Path:
    number = 1
    while path.with_name(f"{path.name}{suffix}-{number}").exists():
        number += 1
    return path.with_name(f"{path.name}{suffix}-{number}")


def _is_there(address: Address) -> bool:
    """One that a restore is filling anew is as good as gone: what it knew was written down before."""
    if isinstance(address, Path):
        return address.exists()
    known = facts.read_all(address) if migrate.exists(address) else {}
    return bool(known) and FILLING not in known


def _beside(places: Places, name: str, address: Address) -> Path:
    path = address if isinstance(address, Path) else places.data_dir / f"{name}.db"
    return path.with_name(path.name + NEW)
