"""Accounts: who may sign in, under which address, as what.

- Address and name are sealed under the user's personal key; the address is found by its blind index.
- A row's clear columns carry a MAC, the password hash another one: a planted or edited row is an error, and is audited.
- A change is a compare-and-swap on the MAC of the row that was checked: never a write over a row nobody looked at.
- `auth_epoch` goes up whenever older proofs of identity must die; every session and token carries the epoch it was made in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from sqlalchemy import bindparam, delete, func, select, update

from timos.kernel.clock import Clock
from timos.kernel.db.port import Database, Row, Transaction, UniqueError
from timos.kernel.db.statements import Statement
from timos.kernel.errors import ConflictError, DecryptionError, InputError, NotFoundError
from timos.kernel.ids import ID_BYTES, Randomness
from timos.platform.addresses import canonical
from timos.platform.audit import Audit, Event
from timos.platform.keyring import Keyring, NewKeys
from timos.platform.rows import blob, number, text
from timos.platform.sealer import Columns, Sealer
from timos.platform.tables import users, whole_row

FIRST_EPOCH = 1
LONGEST_NAME = 100  # characters
_KIND, _PASSWORD_KIND = "users", "users.password"

# What an `Account` is read from; the session check joins these columns to its own.
ACCOUNT_COLUMNS = (
    users.c.id,
    users.c.address_index,
    users.c.role,
    users.c.status,
    users.c.auth_epoch,
    users.c.key_epoch,
    users.c.created_at,
    users.c.mac,
)
_BY_ID = Statement("users.by_id", select(*ACCOUNT_COLUMNS).where(users.c.id == bindparam("id")))
_BY_ADDRESS = Statement("users.by_address", select(*ACCOUNT_COLUMNS).where(users.c.address_index == bindparam("address_index")))
_ALL = Statement("users.all", select(*ACCOUNT_COLUMNS).order_by(users.c.created_at, users.c.id))
_COUNT = Statement("users.count", select(func.count()).select_from(users))
_PERSON = Statement("users.person", select(users.c.address, users.c.name).where(users.c.id == bindparam("id")))
_PASSWORD = Statement("users.password", select(users.c.password_hash, users.c.password_mac).where(users.c.id == bindparam("id")))
_ERASING = Statement("users.erasing", select(users.c.id).where(users.c.status == bindparam("erasing")))
_DELETE = Statement("users.delete", delete(users).where(users.c.id == bindparam("user_id")))
_INSERT = Statement("users.insert", whole_row(users))
_RENAME = Statement("users.rename", update(users).where(users.c.id == bindparam("user_id")).values(name=bindparam("name")))
_CHANGE = Statement(
    "users.change",
    update(users)
    .where(users.c.id == bindparam("user_id"), users.c.mac == bindparam("known_mac"))
    .values(status=bindparam("status"), auth_epoch=bindparam("auth_epoch"), mac=bindparam("mac")),
)
_SET_PASSWORD = Statement(
    "users.set_password",
    update(users)
    .where(users.c.id == bindparam("user_id"))
    .values(password_hash=bindparam("password_hash"), password_mac=bindparam("password_mac")),
)
_REHASH = Statement(
    "users.rehash",
    update(users)
    .where(users.c.id == bindparam("user_id"), users.c.password_hash == bindparam("known_hash"))
    .values(password_hash=bindparam("password_hash"), password_mac=bindparam("password_mac")),
)


class Role(StrEnum):
    """An admin sees accounts and the server's health; neither sees another user's vault."""

    ADMIN = "admin"
    MEMBER = "member"


class Status(StrEnum):
    """A disabled account keeps its data and cannot sign in; one that is being erased never comes back."""

    ACTIVE = "active"
    DISABLED = "disabled"
    ERASING = "erasing"


@dataclass(frozen=True, slots=True)
class Account:
    """The clear columns of a row whose MAC was right."""

    id: bytes
    address_index: bytes
    role: Role
    status: Status
    auth_epoch: int
    key_epoch: int
    created_at_ms: int
    mac: bytes


@dataclass(frozen=True, slots=True)
class Profile:
    """An account with its personal columns opened."""

    user_id: bytes
    address: str
    name: str
    role: Role
    status: Status
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class NewAccount:
    """Everything slow is done: hash computed, keys wrapped. `columns` already seals for the new user."""

    account: Account
    profile: Profile
    columns: Columns
    keys: NewKeys
    password_hash: str


class PasswordRules(Protocol):
    """What accounts need of `timos.platform.auth.passwords`, which stands above them."""

    async def check(self, password: str, own_words: Sequence[str], *, path: str = ...) -> None: ...
    async def hash(self, user_id: bytes, password: str) -> str: ...


class Accounts:
    """The users table, but for what sessions read of it."""

    def __init__(
        self, database: Database, keyring: Keyring, sealer: Sealer, passwords: PasswordRules, audit: Audit, clock: Clock, random: Randomness
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._sealer = sealer
        self._passwords = passwords
        self._audit = audit
        self._clock = clock
        self._random = random

    async def prepare(self, address: str, password: str, name: str = "", role: Role = Role.MEMBER) -> NewAccount:
        """The slow half of making an account; stores nothing, and does not look whether the address is taken.

        Raises:
            InputError: `$.address`, `$.password` or `$.name` cannot be accepted.
            UnavailableError: the key service or the password pool cannot take it now.
        """
        address, name = canonical(address), checked_name(name)
        await self._passwords.check(password, (address, name))
        user_id = self._random(ID_BYTES)
        password_hash = await self._passwords.hash(user_id, password)
        keys = await self._keyring.prepare(user_id)
        account = self._signed(
            Account(user_id, self._sealer.address_index(address), role, Status.ACTIVE, FIRST_EPOCH, FIRST_EPOCH, self._clock.now_ms(), b"")
        )
        profile = Profile(user_id, address, name, role, account.status, account.created_at_ms)
        return NewAccount(account, profile, self._sealer.of(user_id, keys.key), keys, password_hash)

    async def insert(self, tx: Transaction, new: NewAccount) -> None:
        """Account and keys in one transaction.

        Raises:
            ConflictError: the address is taken. The transaction cannot go on.
        """
        account, columns = new.account, new.columns
        params = {
            "id": account.id,
            "address_index": account.address_index,
            "address": columns.seal("users", "address", new.profile.address),
            "name": columns.seal("users", "name", new.profile.name),
            "role": account.role.value,
            "status": account.status.value,
            "auth_epoch": account.auth_epoch,
            "key_epoch": account.key_epoch,
            "created_at": account.created_at_ms,
            "mac": account.mac,
            "password_hash": new.password_hash,
            "password_mac": self._sealer.mac(_PASSWORD_KIND, account.id, new.password_hash),
        }
        try:
            await tx.run(_INSERT, params)
        except UniqueError as error:
            message = "This address is taken."
            raise ConflictError(message) from error
        await self._keyring.insert(tx, new.keys)
        await self._audit.write(tx, Event.ACCOUNT_CREATED, account.id)
        await self._audit.write(tx, Event.KEYS_CREATED, account.id)

    async def by_address(self, address: str) -> Account | None:
        """Raises:
        InputError: not an address.
        DecryptionError: the row was planted or edited.
        """
        return await self.by_index(self._sealer.address_index(canonical(address)))

    async def by_index(self, address_index: bytes) -> Account | None:
        rows = await self._database.fetch(_BY_ADDRESS, {"address_index": address_index})
        return await self.checked(rows[0]) if rows else None

    async def by_id(self, user_id: bytes) -> Account:
        """Raises:
        NotFoundError: no such account.
        DecryptionError: the row was planted or edited.
        """
        rows = await self._database.fetch(_BY_ID, {"id": user_id})
        if not rows:
            raise NotFoundError
        return await self.checked(rows[0])

    async def checked(self, row: Row) -> Account:
        """A row of ACCOUNT_COLUMNS as an account. Never call it inside a transaction: a refusal is audited in one of its own.

        Raises:
            DecryptionError: the row was planted or edited.
        """
        try:
            return self._read(row)
        except DecryptionError:
            await self._audit.record(Event.RECORD_UNREADABLE, row[0] if isinstance(row[0], bytes) else None)
            raise

    def _read(self, row: Row) -> Account:
        *columns, stored = row
        self._sealer.check(stored, _KIND, *columns)
        user_id, address_index, role, status, auth_epoch, key_epoch, created_at = columns
        return Account(
            blob(user_id),
            blob(address_index),
            Role(text(role)),
            Status(text(status)),
            number(auth_epoch),
            number(key_epoch),
            number(created_at),
            blob(stored),
        )

    def _signed(self, account: Account) -> Account:
        columns = (account.id, account.address_index, account.role.value, account.status.value)
        return replace(account, mac=self._sealer.mac(_KIND, *columns, account.auth_epoch, account.key_epoch, account.created_at_ms))

    async def profile(self, user_id: bytes) -> Profile:
        """Raises as `by_id`, and as `Keyring.personal`."""
        return await self._opened(await self.by_id(user_id))

    async def _opened(self, account: Account) -> Profile:
        columns = self._sealer.of(account.id, await self._keyring.personal(account.id))
        rows = await self._database.fetch(_PERSON, {"id": account.id})
        if not rows:
            raise NotFoundError
        address = columns.open("users", "address", blob(rows[0][0]))
        name = columns.open("users", "name", blob(rows[0][1]))
        return Profile(account.id, address, name, account.role, account.status, account.created_at_ms)

    async def columns(self, user_id: bytes) -> Columns:
        """Seals and opens the user's personal columns. Raises as `Keyring.personal`."""
        return self._sealer.of(user_id, await self._keyring.personal(user_id))

    async def rename(self, user_id: bytes, name: str) -> Profile:
        """Raises:
        InputError: at `$.name`.
        NotFoundError: no such account.
        """
        sealed = (await self.columns(user_id)).seal("users", "name", checked_name(name))
        async with self._database.transaction() as tx:
            if await tx.run(_RENAME, {"user_id": user_id, "name": sealed}) != 1:
                raise NotFoundError
        return await self.profile(user_id)

    async def count(self) -> int:
        return number((await self._database.fetch(_COUNT, {}))[0][0])

    async def list(self) -> list[Profile]:
        """Oldest first; asks the key service once per account: for an operator's command."""
        return [await self._opened(await self.checked(row)) for row in await self._database.fetch(_ALL, {})]

    async def disable(self, user_id: bytes) -> None:
        """Ends every session with the next request. Raises as `by_id`."""
        account = await self.by_id(user_id)
        await self._change(account, replace(account, status=Status.DISABLED, auth_epoch=account.auth_epoch + 1), Event.ACCOUNT_DISABLED)
        self._keyring.drop(user_id)

    async def enable(self, user_id: bytes) -> None:
        """Raises as `by_id`."""
        account = await self.by_id(user_id)
        await self._change(account, replace(account, status=Status.ACTIVE), Event.ACCOUNT_ENABLED)

    async def begin_erasure(self, account: Account) -> None:
        """Ends every session with the next request; from here on only the erasure itself goes on. Idempotent."""
        if account.status is not Status.ERASING:
            await self._change(account, replace(account, status=Status.ERASING, auth_epoch=account.auth_epoch + 1), Event.ERASURE_BEGUN)

    async def erasing(self) -> tuple[bytes, ...]:
        """Accounts whose erasure was begun and not finished."""
        return tuple(blob(row[0]) for row in await self._database.fetch(_ERASING, {"erasing": Status.ERASING.value}))

    async def delete(self, tx: Transaction, user_id: bytes) -> bool:
        """The last step of erasing in this database; the keys go in the same transaction. False when there is no such account."""
        return bool(await tx.run(_DELETE, {"user_id": user_id}))

    async def _change(self, known: Account, changed: Account, event: Event) -> None:
        if known.status is Status.ERASING:  # there is no way back
            raise NotFoundError
        async with self._database.transaction() as tx:
            await self._swap(tx, known, changed)
            await self._audit.write(tx, event, known.id)

    async def _swap(self, tx: Transaction, known: Account, changed: Account) -> Account:
        signed = self._signed(changed)
        params = {"status": signed.status.value, "auth_epoch": signed.auth_epoch, "mac": signed.mac}
        if await tx.run(_CHANGE, {"user_id": known.id, "known_mac": known.mac, **params}) != 1:
            message = "The account was changed at the same time. Try again."
            raise ConflictError(message)
        return signed

    async def hash_password(self, profile: Profile, password: str, *, path: str = "$.password") -> str:
        """The slow half of a new password: the rules, then the hash. Raises as `prepare`."""
        await self._passwords.check(password, (profile.address, profile.name), path=path)
        return await self._passwords.hash(profile.user_id, password)

    async def set_password(self, tx: Transaction, account: Account, password_hash: str) -> Account:
        """Every session, refresh token and step-up of before is worthless from the commit on.

        Raises:
            ConflictError: the account was changed since `account` was read.
        """
        changed = await self._swap(tx, account, replace(account, auth_epoch=account.auth_epoch + 1))
        await tx.run(_SET_PASSWORD, self._password_params(account.id, password_hash))
        await self._audit.write(tx, Event.PASSWORD_CHANGED, account.id)
        return changed

    async def password_hash(self, account: Account) -> str:
        """Raises:
        DecryptionError: the hash was planted or edited.
        NotFoundError: the account is gone.
        """
        rows = await self._database.fetch(_PASSWORD, {"id": account.id})
        if not rows:
            raise NotFoundError
        try:
            self._sealer.check(rows[0][1], _PASSWORD_KIND, account.id, rows[0][0])
        except DecryptionError:
            await self._audit.record(Event.RECORD_UNREADABLE, account.id)
            raise
        return text(rows[0][0])

    async def rehash(self, account: Account, known_hash: str, password_hash: str) -> None:
        """The same password at today's cost; nothing happens if the hash has been changed meanwhile."""
        async with self._database.transaction() as tx:
            await tx.run(_REHASH, {"known_hash": known_hash, **self._password_params(account.id, password_hash)})

    def _password_params(self, user_id: bytes, password_hash: str) -> dict[str, bytes | int | str | None]:
        mac = self._sealer.mac(_PASSWORD_KIND, user_id, password_hash)
        return {"user_id": user_id, "password_hash": password_hash, "password_mac": mac}


def checked_name(name: str) -> str:
    """Raises:
    InputError: at `$.name`.
    """
    name = name.strip()
    if len(name) > LONGEST_NAME or not name.isprintable():
        message = f"Use at most {LONGEST_NAME} printable characters."
        raise InputError(message, path="$.name")
    return name
