"""Instances on files or servers, opened and closed by the test itself: for stories about starts, crashes, backups."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from pathlib import Path

from tests.support import PASSWORD, Clock, Template, numbers, settings_in
from timos.cli.local import places_of
from timos.lifecycle import signup
from timos.lifecycle.founding.places import Places
from timos.lifecycle.instance import Instance, open_instance
from timos.platform.accounts.account import Account, Role
from timos.vault.collections.daily_entries import COLLECTION as ENTRIES
from timos.vault.collections.daily_entries import DailyEntry
from timos.vault.store.vault import Vault


class CutError(BaseException):
    """The process died here. Not an Exception: nothing may catch it, as nothing catches a power cut."""


def places_in(folder: Path, **more: object) -> Places:
    return places_of(settings_in(folder, **more))


def copied(template: Path, folder: Path) -> Places:
    """A founded instance with its admin, not open."""
    for part in ("data", "key"):
        shutil.copytree(template / part, folder / part)
    return places_in(folder)


@contextmanager
def copied_on(template: Template, folder: Path) -> Iterator[Places]:
    """The same on the template's engines; the databases are gone afterwards."""
    with template.copied(folder) as urls:
        yield places_of(settings_in(folder, **urls))


def snapshot(folder: Path) -> dict[str, str]:
    """Every file with its content; but for SQLite's shared memory and empty logs, which any reader makes."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm") and not (path.name.endswith("-wal") and not path.stat().st_size)
    }


@asynccontextmanager
async def started(places: Places, clock: Clock | None = None, *, is_server: bool = True) -> AsyncIterator[Instance]:
    instance = await open_instance(places, numbers(), clock=clock or Clock(), is_server=is_server)
    try:
        yield instance
    finally:
        await instance.close()


async def person(instance: Instance, name: str = "sam") -> Account:
    address = f"{name}@example.org"
    return (await signup.create(instance, address=address, password=PASSWORD, name=name.title(), role=Role.MEMBER)).account


async def vault_of(instance: Instance, account: Account) -> Vault:
    """As a session has it."""

    async def witness(_collection: str) -> None: ...

    return Vault(
        instance.vault,
        await instance.keyring.unlock(account.id, account.key_epoch),
        instance.clock,
        random=os.urandom,
        quota=instance.quota,
        relock=lambda: instance.keyring.unlock(account.id, account.key_epoch, fresh=True),
        witness=witness,
    )


async def write(instance: Instance, account: Account, day: str = "2026-11-20", body: str = "words") -> None:
    document = ENTRIES.place(DailyEntry(body=body), (day,))
    await (await vault_of(instance, account)).put(ENTRIES, (day,), document, ["*"] if await read(instance, account, day) else None)


async def read(instance: Instance, account: Account, day: str = "2026-11-20") -> str | None:
    stored = await (await vault_of(instance, account)).get(ENTRIES, (day,))
    document = ENTRIES.decode(stored.raw) if stored else None
    return document.body if isinstance(document, DailyEntry) else None
