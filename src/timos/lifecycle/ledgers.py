"""The three places of the erasure ledger: the platform, a copy in the vault, and a file outside both beside the master key.

A restored backup is older than what happened since: the longest genuine ledger of the three tells whom to erase again.
"""

import os

from timos.kernel.db.port import UniqueError
from timos.kernel.errors import DecryptionError, StartError
from timos.lifecycle.instance import Instance
from timos.platform.ledger import Entry
from timos.vault import facts


async def copy_out(instance: Instance) -> None:
    """Bring both copies up to the platform's own, the one outside of all databases first. Idempotent; runs after each erasure and at
    every start.

    Raises:
        StartError: the file cannot be written.
        DatabaseError: the vault's copy cannot.
    """
    lines = [entry.line() for entry in await instance.ledger.entries()]
    _write_file(instance, lines)
    known = len(await facts.ledger_lines(instance.vault))
    if lines[known:]:
        try:
            async with instance.vault.transaction() as unit:
                for sequence, line in enumerate(lines[known:], known + 1):
                    await facts.append_ledger_line(unit, sequence, line)
        except UniqueError:  # another erasure copied the same lines at the same time
            await copy_out(instance)


async def longest(instance: Instance) -> list[Entry]:
    """The entries of the copy that reaches furthest.

    Raises:
        StartError: a copy was changed, or two copies tell different stories.
    """
    copies = {
        "the platform database": await instance.ledger.entries(),
        "the vault database": _parsed(await facts.ledger_lines(instance.vault), "the vault database"),
        str(instance.places.ledger): _parsed(_file_lines(instance), str(instance.places.ledger)),
    }
    for place, entries in copies.items():
        if (bad := instance.ledger.verify(entries)) is not None:
            message = f"Entry {bad} of the erasure ledger in {place} is not genuine. Restore that copy from a backup."
            raise StartError(message)
    best = max(copies.values(), key=len)
    for place, entries in copies.items():
        if entries and entries[-1].hash != best[len(entries) - 1].hash:
            message = f"The erasure ledger in {place} tells another story than its copies. Restore that copy from a backup."
            raise StartError(message)
    return best


async def require_complete(instance: Instance) -> None:
    """A database that was rolled back behind an erasure would bring an erased account back.

    Raises:
        StartError: a copy of the ledger knows of more erasures than the platform does.
    """
    if len(await longest(instance)) > len(await instance.ledger.entries()):
        message = (
            "The platform database is older than the newest erasure: it was put back by hand. Restore backups with "
            "`timos backup restore`, which erases again what was erased. Nothing was changed."
        )
        raise StartError(message)


def _write_file(instance: Instance, lines: list[str]) -> None:
    """Whole and by renaming: a power cut leaves the old file or the new one, never half a line.

    Raises:
        StartError: the place cannot be written.
    """
    if _file_lines(instance)[: len(lines)] == lines:  # and perhaps more, by an erasure that was faster: never shorten it
        return
    path = instance.places.ledger
    fresh = path.with_suffix(".new")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        message = (
            f"The erasure ledger {path} cannot be written: {error.strerror}. Set TIMOS_LEDGER to a place outside the data folder that can."
        )
        raise StartError(message) from error


def _file_lines(instance: Instance) -> list[str]:
    try:
        return instance.places.ledger.read_text(encoding="utf-8", errors="replace").splitlines()  # what is no text does not parse
    except FileNotFoundError:
        return []
    except OSError as error:
        message = (
            f"The erasure ledger {instance.places.ledger} cannot be read: {error.strerror}. Mend its permissions, or set TIMOS_LEDGER."
        )
        raise StartError(message) from error


def _parsed(lines: list[str], place: str) -> list[Entry]:
    try:
        return [Entry.parse(line) for line in lines]
    except DecryptionError as error:
        message = f"The erasure ledger in {place} cannot be read. Restore that copy from a backup."
        raise StartError(message) from error
