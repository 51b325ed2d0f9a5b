"""An unlocked vault on a real database, with a clock that tests move and a hand between reading and writing."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from tests import databases
from tests.databases import Half
from tests.support import Clock
from timos.crypto.keys import VaultKeys, new_vault_bundle, vault_keys
from timos.kernel.db import migrate
from timos.kernel.db.address import Address, parse
from timos.kernel.db.opening import open_database
from timos.kernel.db.port import Row, Transaction, Value
from timos.kernel.db.statements import Statement
from timos.kernel.ids import Randomness
from timos.lifecycle.founding.upgrading import VAULT_HISTORY
from timos.vault import gates
from timos.vault.collections.daily_entries import COLLECTION as ENTRIES
from timos.vault.collections.daily_entries import DailyEntry
from timos.vault.quota import Quota
from timos.vault.store.stored import Stored
from timos.vault.store.vault import Vault

DAY = date(2026, 11, 20)
KEY = (DAY.isoformat(),)


class Interposed:
    """The real database. `before_write` holds what happens between a read and the next write, once each; `fetched` what was asked.

    `lost_answers` is of how many of the next writes the answer gets lost, so that they are asked for again, as a server's port does.
    """

    def __init__(self, address: Address) -> None:
        self.real = open_database(address)
        self.dialect, self.share = self.real.dialect, self.real.share
        self.scrub, self.close = self.real.scrub, self.real.close
        self.lost_answers = 0
        self.before_write: list[Callable[[], object]] = []
        self.fetched: list[tuple[str, Mapping[str, Value]]] = []

    async def fetch(self, statement: Statement, params: Mapping[str, Value]) -> list[Row]:
        self.fetched.append((statement.name, params))
        return await self.real.fetch(statement, params)

    def transaction(self) -> Transaction:
        if self.before_write:
            self.before_write.pop(0)()
        return self.real.transaction()

    async def run(self, statement: Statement, params: Mapping[str, Value]) -> int:
        if self.before_write:
            self.before_write.pop(0)()
        if self.lost_answers:
            self.lost_answers -= 1
            assert await self.real.run(statement, params) == 1
        return await self.real.run(statement, params)


@dataclass(slots=True)
class Holder:
    """One user: a bundle, and what the platform would do for the vault."""

    database: Interposed
    clock: Clock
    bundle: bytes = field(default_factory=lambda: new_vault_bundle(os.urandom))
    relocks: int = 0
    witnessed: list[str] = field(default_factory=list)

    @property
    def vault_id(self) -> bytes:
        return self.keys().vault_id

    def keys(self) -> VaultKeys:
        return vault_keys({1: self.bundle})

    def vault(self, random: Randomness = os.urandom) -> Vault:
        """Each is a session of its own: nothing learnt yet."""
        return Vault(
            self.database,
            self.keys(),
            self.clock,
            random=random,
            quota=Quota(),
            relock=self._relock,
            witness=self._witness,
        )

    async def _relock(self) -> VaultKeys:
        self.relocks += 1
        return self.keys()

    async def _witness(self, collection: str) -> None:
        self.witnessed.append(collection)


@dataclass(slots=True)
class Bench:
    """A vault database with one user, and where it is."""

    address: Address
    database: Interposed
    clock: Clock
    me: Holder
    vault: Vault

    def sql(self, text: str, *params: Value) -> list[Row]:
        """Behind the program's back, in a process of its own as far as the engine can tell."""
        return databases.sql(self.address, text, *params)

    def rows(self, table: str = "daily_entries") -> list[Row]:
        return self.sql(f"SELECT vault_id, id, tag, sealed FROM {table} ORDER BY vault_id, id")  # noqa: S608 (a name of ours)

    async def holder(self) -> Holder:
        """Another user with an empty vault."""
        other = Holder(self.database, self.clock)
        async with self.database.transaction() as unit:
            await gates.make(unit, other.vault_id, random=os.urandom)
        return other

    async def write(self, body: str = "first", day: date = DAY) -> Stored:
        """What an unhurried client does: it knows what is stored."""
        known = await self.vault.get(ENTRIES, (day.isoformat(),))
        return (await self.vault.put(ENTRIES, (day.isoformat(),), entry(body, day), [known.etag] if known else None)).stored


Story = Callable[[Bench], Awaitable[None]]
Tell = Callable[[Story], None]


def entry(body: str = "first", day: date = DAY) -> DailyEntry:
    return DailyEntry(day=day, body=body)


@asynccontextmanager
async def bench_on(address: Address) -> AsyncIterator[Bench]:
    database, clock = Interposed(address), Clock()
    bench = Bench(address, database, clock, me := Holder(database, clock), me.vault())
    async with database.transaction() as unit:
        await gates.make(unit, me.vault_id, random=os.urandom)
    try:
        yield bench
    finally:
        await database.close()


def told_in(folder: Path, template: Path, half: Half, migrated: str | None) -> Tell:
    """`migrated` is the template's URL, where it is on a server."""

    async def told(story: Story) -> None:
        with half.fresh(migrated) as url:
            address = parse(url or "sqlite:vault.db", folder)
            if isinstance(address, Path):
                shutil.copy(template, address)
            async with bench_on(address) as bench:
                await story(bench)

    return lambda story: asyncio.run(told(story))


def make_vault_template(folder: Path) -> Path:
    migrate.upgrade(folder / "vault.db", VAULT_HISTORY)
    return folder / "vault.db"
