"""Making, finding and changing accounts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from timos.kernel.clock import Clock
from timos.kernel.db.port import Database, Row, Transaction, UniqueError
from timos.kernel.errors import ConflictError, DecryptionError, NotFoundError
from timos.kernel.ids import ID_BYTES, Randomness
from timos.platform.accounts import user_rows
from timos.platform.accounts.account import FIRST_EPOCH, Account, NewAccount, Profile, Role, Status, checked_name
from timos.platform.addresses import canonical
from timos.platform.audit import Audit, Event
from timos.platform.keyring import Keyring
from timos.platform.rows import blob, number, text
from timos.platform.sealer import Columns, Sealer


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
        account = user_rows.signed(
            self._sealer,
            Account(user_id, self._sealer.address_index(address), role, Status.ACTIVE, FIRST_EPOCH, FIRST_EPOCH, self._clock.now_ms(), b""),
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
            **user_rows.signed_password(self._sealer, account.id, new.password_hash),
        }
        try:
            await tx.run(user_rows.INSERT, params)
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
        rows = await self._database.fetch(user_rows.BY_ADDRESS, {"address_index": address_index})
        return await self.checked(rows[0]) if rows else None

    async def by_id(self, user_id: bytes) -> Account:
        """Raises:
        NotFoundError: no such account.
        DecryptionError: the row was planted or edited.
        """
        rows = await self._database.fetch(user_rows.BY_ID, {"id": user_id})
        if not rows:
            raise NotFoundError
        return await self.checked(rows[0])

    async def checked(self, row: Row) -> Account:
        """A row of ACCOUNT_COLUMNS as an account. Never call it inside a transaction: a refusal is audited in one of its own.

        Raises:
            DecryptionError: the row was planted or edited.
        """
        try:
            return user_rows.read(self._sealer, row)
        except DecryptionError:
            await self._audit.record(Event.RECORD_UNREADABLE, row[0] if isinstance(row[0], bytes) else None)
            raise

    async def profile(self, user_id: bytes) -> Profile:
        """Raises as `by_id`, and as `Keyring.personal`."""
        return await self._opened(await self.by_id(user_id))

    async def _opened(self, account: Account) -> Profile:
        columns = self._sealer.of(account.id, await self._keyring.personal(account.id))
        rows = await self._database.fetch(user_rows.PERSON, {"id": account.id})
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
            if await tx.run(user_rows.RENAME, {"user_id": user_id, "name": sealed}) != 1:
                raise NotFoundError
        return await self.profile(user_id)

    async def count(self) -> int:
        return number((await self._database.fetch(user_rows.COUNT, {}))[0][0])

    async def list(self) -> list[Profile]:
        """Oldest first; asks the key service once per account: for an operator's command."""
        return [await self._opened(await self.checked(row)) for row in await self._database.fetch(user_rows.ALL, {})]

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
        return tuple(blob(row[0]) for row in await self._database.fetch(user_rows.ERASING, {"erasing": Status.ERASING.value}))

    async def delete(self, tx: Transaction, user_id: bytes) -> bool:
        """The last step of erasing in this database; the keys go in the same transaction. False when there is no such account."""
        return bool(await tx.run(user_rows.DELETE, {"user_id": user_id}))

    async def _change(self, known: Account, changed: Account, event: Event) -> None:
        if known.status is Status.ERASING:  # there is no way back
            raise NotFoundError
        async with self._database.transaction() as tx:
            await self._swap(tx, known, changed)
            await self._audit.write(tx, event, known.id)

    async def _swap(self, tx: Transaction, known: Account, changed: Account) -> Account:
        signed = user_rows.signed(self._sealer, changed)
        params = {"status": signed.status.value, "auth_epoch": signed.auth_epoch, "mac": signed.mac}
        if await tx.run(user_rows.CHANGE, {"user_id": known.id, "known_mac": known.mac, **params}) != 1:
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
        await tx.run(user_rows.SET_PASSWORD, {"user_id": account.id, **user_rows.signed_password(self._sealer, account.id, password_hash)})
        await self._audit.write(tx, Event.PASSWORD_CHANGED, account.id)
        return changed

    async def password_hash(self, account: Account) -> str:
        """Raises:
        DecryptionError: the hash was planted or edited.
        NotFoundError: the account is gone.
        """
        rows = await self._database.fetch(user_rows.PASSWORD, {"id": account.id})
        if not rows:
            raise NotFoundError
        try:
            user_rows.check_password(self._sealer, account.id, *rows[0])
        except DecryptionError:
            await self._audit.record(Event.RECORD_UNREADABLE, account.id)
            raise
        return text(rows[0][0])

    async def rehash(self, account: Account, known_hash: str, password_hash: str) -> None:
        """The same password at today's cost; nothing happens if the hash has been changed meanwhile."""
        async with self._database.transaction() as tx:
            signed = user_rows.signed_password(self._sealer, account.id, password_hash)
            await tx.run(user_rows.REHASH, {"user_id": account.id, "known_hash": known_hash, **signed})
