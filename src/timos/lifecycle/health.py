"""What `timos doctor` looks at: that an instance is whole, private and opens; nothing is changed."""

import sqlite3
import stat
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from timos.kernel.errors import DecryptionError, StartError, VaultLockedError
from timos.lifecycle import ledgers
from timos.lifecycle.instance import Instance
from timos.vault import gates

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `advice` is empty when all is well."""

    subject: str
    detail: str
    advice: str = ""

    @property
    def is_good(self) -> bool:
        return not self.advice


async def examine(instance: Instance) -> list[Finding]:
    """Every account's keys are opened once; with many accounts that takes a while."""
    places = instance.places
    findings = [Finding("key and databases", "belong together")]
    findings += [_private(path) for path in (places.key, *places.files)]
    findings += [_whole(path) for path in places.files]
    findings.append(await _lasting(instance))
    findings.append(await _accounts(instance))
    findings.append(await _unfinished(instance))
    findings.append(await _ledger(instance))
    return findings


def _private(path: Path) -> Finding:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OTHERS:
        return Finding(str(path), f"mode {mode:o}", f"others can read it: chmod 600 {path}")
    return Finding(str(path), "private")


def _whole(path: Path) -> Finding:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        answer = connection.execute("PRAGMA quick_check").fetchone()
    return Finding(path.name, "whole") if answer == ("ok",) else Finding(path.name, "damaged", "restore a backup: timos backup restore")


async def _lasting(instance: Instance) -> Finding:
    if weaknesses := await instance.may_lose():
        return Finding(
            "durability", ", ".join(weaknesses), "a power cut would lose acknowledged writes: change these settings of the server"
        )
    return Finding("durability", "what is acknowledged is on the disk")


async def _accounts(instance: Instance) -> Finding:
    try:
        people = await instance.accounts.list()
        for person in people:
            await instance.keyring.unlock(person.user_id, (await instance.accounts.by_id(person.user_id)).key_epoch, fresh=True)
    except (DecryptionError, VaultLockedError):
        return Finding("accounts", "one does not open", "its row or keys were changed or lost: restore a backup")
    vaults = await gates.count(instance.vault)
    if vaults < len(people):
        return Finding("accounts", f"{len(people)} accounts, {vaults} vaults", "the vault database is older than the platform: restore it")
    return Finding("accounts", f"{len(people)}, all keys open")


async def _unfinished(instance: Instance) -> Finding:
    begun = len(await instance.accounts.erasing()) + len(await gates.fenced(instance.vault))
    return (
        Finding("erasures", f"{begun} cut short", "start the server once: it finishes them")
        if begun
        else Finding("erasures", "none unfinished")
    )


async def _ledger(instance: Instance) -> Finding:
    try:
        await ledgers.require_complete(instance)
    except StartError as error:
        return Finding("erasure ledger", "not as it should be", str(error))
    return Finding("erasure ledger", f"{len(await instance.ledger.entries())} entries, genuine in all copies")
