"""A platform on a real database, with a real key file and a clock that tests move."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

import timos.platform
from tests import databases
from tests.databases import Half
from timos.crypto.kms.local import LocalKeys
from timos.crypto.kms.provider import KeyProvider
from timos.crypto.passwords import Cost, PasswordPool
from timos.kernel.clock import Clock
from timos.kernel.db import migrate as migrations
from timos.kernel.db.address import Address, parse
from timos.kernel.db.opening import open_database
from timos.kernel.db.port import Database, Row, Value
from timos.kernel.ids import Randomness
from timos.platform.accounts.account import NewAccount, Role
from timos.platform.accounts.accounts import Accounts
from timos.platform.audit import Audit
from timos.platform.auth.invitations import Invitations
from timos.platform.auth.limits import AuthLimits, Limits
from timos.platform.auth.passwords import Passwords
from timos.platform.auth.proof import Proof
from timos.platform.auth.sessions.session import SignIn
from timos.platform.auth.sessions.sessions import Sessions
from timos.platform.auth.stepup import StepUp
from timos.platform.auth.tokens import Tokens
from timos.platform.keyring import Keyring
from timos.platform.ledger import Ledger
from timos.platform.sealer import PlatformKeys, Sealer

HISTORY = Path(timos.platform.__file__).parent / "migrations"
CHEAP = Cost(memory_kib=8, time=1, lanes=1)
ISSUER = "http://localhost:8000"
HOME = "192.0.2.1"
ADDRESS = "ada@example.org"
PASSWORD = "violet harbour ladder 41"


class MovedClock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.at_ms = 1_790_000_000_000

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic(self) -> float:
        return self.at_ms / 1000

    def advance(self, *, seconds: float = 0, days: int = 0) -> None:
        self.at_ms += int(seconds * 1000) + days * 86_400_000


class CountingKeys:
    """The real provider, counting what reaches it."""

    def __init__(self, keys: LocalKeys) -> None:
        self.keys = keys
        self.decryptions = 0

    @property
    def primary(self) -> str:
        return self.keys.primary

    async def encrypt(self, key: bytes) -> tuple[str, bytes]:
        return await self.keys.encrypt(key)

    async def decrypt(self, ref: str, edk: bytes) -> bytes:
        self.decryptions += 1
        return await self.keys.decrypt(ref, edk)

    async def rewrap(self, ref: str, edk: bytes) -> tuple[str, bytes]:
        return await self.keys.rewrap(ref, edk)


def migrate(path: Path, target: str = "head") -> None:
    config = Config()
    config.set_main_option("script_location", str(HISTORY))
    config.set_main_option("path_separator", "os")
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        (command.downgrade if target == "base" else command.upgrade)(config, target)
    engine.dispose()


@dataclass(frozen=True, slots=True)
class Platform:
    """The parts as one process has them."""

    database: Database
    keys: PlatformKeys
    keyring: Keyring
    accounts: Accounts
    passwords: Passwords
    sessions: Sessions
    tokens: Tokens
    limits: Limits
    step_up: StepUp
    invitations: Invitations
    audit: Audit
    ledger: Ledger


def assemble(
    database: Database,
    provider: KeyProvider,
    keys: PlatformKeys,
    pool: PasswordPool,
    clock: Clock,
    random: Randomness,
    *,
    issuer: str = ISSUER,
    numbers: AuthLimits | None = None,
) -> Platform:
    sealer = Sealer(keys)
    audit = Audit(database, keys, clock, random)
    keyring = Keyring(database, provider, clock, random)
    passwords = Passwords(pool, keys)
    limits = Limits(database, keys, clock, numbers or AuthLimits())
    tokens = Tokens(keys, issuer, clock, random)
    accounts = Accounts(database, keyring, sealer, passwords, audit, clock, random)
    proof = Proof(accounts, passwords, limits, sealer, audit)
    return Platform(
        database=database,
        keys=keys,
        keyring=keyring,
        accounts=accounts,
        passwords=passwords,
        sessions=Sessions(database, accounts, keyring, sealer, tokens, limits, proof, audit, clock, random),
        tokens=tokens,
        limits=limits,
        step_up=StepUp(database, proof, audit, clock, random),
        invitations=Invitations(database, clock, random),
        audit=audit,
        ledger=Ledger(database, keys),
    )


@dataclass(frozen=True, slots=True)
class World:
    """What a test has at hand. `sql` looks at, and tampers with, the database behind the program's back."""

    address: Address
    keyfile: Path
    database: Database
    provider: CountingKeys
    clock: MovedClock
    pool: PasswordPool
    platform: Platform

    def sql(self, text: str, *params: Value) -> list[Row]:
        return databases.sql(self.address, text, *params)

    def events(self) -> list[str]:
        return [str(row[0]) for row in self.sql("SELECT event FROM audit_logs ORDER BY sequence")]

    async def restarted(self, *, pool: PasswordPool | None = None) -> "World":
        """Another process on the same file: nothing in its memory."""
        keys = await PlatformKeys.load_or_create(self.database, self.provider, self.clock, os.urandom, is_new=False)
        platform = assemble(self.database, self.provider, keys, pool or self.pool, self.clock, os.urandom)
        return World(self.address, self.keyfile, self.database, self.provider, self.clock, self.pool, platform)

    async def sign_up(self, address: str = ADDRESS, password: str = PASSWORD, role: Role = Role.MEMBER, name: str = "Ada") -> NewAccount:
        new = await self.platform.accounts.prepare(address, password, name, role)
        async with self.database.transaction() as tx:
            await self.platform.accounts.insert(tx, new)
        return new

    async def login(self, address: str = ADDRESS, password: str = PASSWORD, client_address: str = HOME) -> SignIn:
        return await self.platform.sessions.login(
            address, password, kind="cookie", device="Firefox on Linux", client_address=client_address
        )


Story = Callable[[World], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Template:
    """A founded instance to copy: migrated, with its keys."""

    path: Path
    keyfile: Path
    half: Half
    url: str | None
    clock: MovedClock = field(default_factory=MovedClock)

    async def found(self) -> None:
        keys = LocalKeys.create(self.keyfile, self.clock)
        address = parse(self.url, self.path.parent) if self.url else self.path
        migrations.upgrade(address, HISTORY)
        database = open_database(address)
        await PlatformKeys.load_or_create(database, keys, self.clock, os.urandom, is_new=True)
        await database.close()

    @asynccontextmanager
    async def opened(self, folder: Path) -> AsyncIterator[World]:
        path, keyfile = folder / "platform.db", folder / "key" / "master.json"
        keyfile.parent.mkdir(mode=0o700)
        shutil.copy(self.keyfile, keyfile)
        with self.half.fresh(self.url) as url:
            address: Address = parse(url, folder) if url else Path(shutil.copy(self.path, path))
            database, provider, clock = open_database(address), CountingKeys(LocalKeys.load(keyfile)), MovedClock()
            keys = await PlatformKeys.load_or_create(database, provider, clock, os.urandom, is_new=False)
            pool = PasswordPool(2, CHEAP)
            platform = assemble(database, provider, keys, pool, clock, os.urandom)
            try:
                yield World(address, keyfile, database, provider, clock, pool, platform)
            finally:
                pool.close()
                await database.close()
