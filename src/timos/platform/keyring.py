"""The users' keys: wrapped in `user_deks`, unlocked for a short while in this process. Nothing else reads that table.

- A user has a vault bundle and a personal key. Deleting both rows (`shred`) makes everything sealed under them unreadable.
- A vault's keys are cached by (user, key epoch); the epoch comes with the session check, so a rotation or an erasure in
  another process is noticed at the next request.
- The key service is never awaited inside a transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import bindparam, delete, func, select, tuple_, update

from timos.crypto.keys import PersonalKey, VaultKeys, Wrapped, new_vault_bundle, rewrap, unwrap, vault_keys, wrap
from timos.crypto.kms.provider import KeyProvider
from timos.kernel.clock import Clock
from timos.kernel.db.port import Database, Row, Transaction, Value
from timos.kernel.db.statements import Statement
from timos.kernel.errors import VaultLockedError
from timos.kernel.ids import ID_BYTES, Randomness
from timos.platform.rows import blob, number, text
from timos.platform.tables import platform_keys, user_deks, whole_row
from timos.platform.unlocked import UnlockedCache

VAULT, PERSONAL = "vault", "personal"
FIRST_VERSION = 1
PERSONAL_BYTES = 32
STANDARD_MODE = 0  # sealed vaults will be another mode; this version opens only standard ones
KEPT = 10_000  # unlocked vaults, 2 kB each; beyond them most requests open a bundle first, which doubles what a read costs
NO_EPOCH = 0  # personal keys do not rotate with the vault

_COLUMNS = (user_deks.c.version, user_deks.c.mode, user_deks.c.ref, user_deks.c.edk, user_deks.c.sealed)
_PLACE = (user_deks.c.user_id, user_deks.c.purpose, user_deks.c.version)
_AFTER = tuple_(
    bindparam("user_id", type_=user_deks.c.user_id.type), bindparam("purpose", type_=user_deks.c.purpose.type), bindparam("version")
)

_GET = Statement(
    "user_deks.get", select(*_COLUMNS).where(user_deks.c.user_id == bindparam("user_id"), user_deks.c.purpose == bindparam("purpose"))
)
_INSERT = Statement("user_deks.insert", whole_row(user_deks))
_SHRED = Statement("user_deks.shred", delete(user_deks).where(user_deks.c.user_id == bindparam("user_id")))
_COUNTS = Statement(
    "user_deks.counts",
    select(user_deks.c.purpose, user_deks.c.ref, user_deks.c.version, func.count())
    .group_by(user_deks.c.purpose, user_deks.c.ref, user_deks.c.version)
    .order_by(user_deks.c.purpose, user_deks.c.ref, user_deks.c.version),
)
_PLATFORM_COUNTS = Statement(
    "platform_keys.counts",
    select(platform_keys.c.purpose, platform_keys.c.ref, platform_keys.c.version).order_by(
        platform_keys.c.purpose, platform_keys.c.version
    ),
)
_STALE_COUNT = Statement(
    "user_deks.stale_count", select(func.count()).select_from(user_deks).where(user_deks.c.ref != bindparam("primary"))
)
_STALE = Statement(
    "user_deks.stale",
    select(user_deks.c.user_id, user_deks.c.purpose, *_COLUMNS)
    .where(user_deks.c.ref != bindparam("primary"), tuple_(*_PLACE) > _AFTER)
    .order_by(*_PLACE)
    .limit(bindparam("rows")),
)
_REWRAP = Statement(
    "user_deks.rewrap",
    update(user_deks)
    .where(
        user_deks.c.user_id == bindparam("owner"),
        user_deks.c.purpose == bindparam("kind"),
        user_deks.c.version == bindparam("at_version"),
        user_deks.c.ref == bindparam("old_ref"),  # compare-and-swap: another worker may have been here
        user_deks.c.edk == bindparam("old_edk"),
    )
    .values(ref=bindparam("ref"), edk=bindparam("edk")),
)
_PLATFORM_STALE = Statement(
    "platform_keys.stale",
    select(platform_keys.c.purpose, platform_keys.c.version, platform_keys.c.ref, platform_keys.c.edk, platform_keys.c.sealed).where(
        platform_keys.c.ref != bindparam("primary")
    ),
)
_PLATFORM_REWRAP = Statement(
    "platform_keys.rewrap",
    update(platform_keys)
    .where(
        platform_keys.c.purpose == bindparam("kind"),
        platform_keys.c.version == bindparam("at_version"),
        platform_keys.c.ref == bindparam("old_ref"),
        platform_keys.c.edk == bindparam("old_edk"),
    )
    .values(ref=bindparam("ref"), edk=bindparam("edk")),
)

Progress = Callable[[int, int], None]  # rows done, rows in all


@dataclass(frozen=True, slots=True)
class NewKeys:
    """Wrapped and ready to be inserted; `key` already seals the new user's columns, `vault_id` names the vault to be made."""

    user_id: bytes
    vault_id: bytes = field(repr=False)
    vault: Wrapped
    personal: Wrapped
    key: PersonalKey


@dataclass(frozen=True, slots=True)
class KeyCount:
    """How many bundles of a purpose and version hang on one version of the master key."""

    purpose: str
    ref: str
    version: int
    rows: int


class Keyring:
    """Makes, unlocks, rewraps and shreds users' keys."""

    def __init__(
        self,
        database: Database,
        provider: KeyProvider,
        clock: Clock,
        random: Randomness,
        capacity: int = KEPT,
        ttl_seconds: float = 300,
    ) -> None:
        self._database = database
        self._provider = provider
        self._clock = clock
        self._random = random
        self._vaults: UnlockedCache[VaultKeys] = UnlockedCache(clock, capacity=capacity, ttl_seconds=ttl_seconds)
        self._persons: UnlockedCache[PersonalKey] = UnlockedCache(clock, capacity=capacity, ttl_seconds=ttl_seconds)

    async def prepare(self, user_id: bytes) -> NewKeys:
        """Awaits the key service: outside of any transaction."""
        opened = new_vault_bundle(self._random)
        vault = await wrap(self._provider, opened, purpose=VAULT, owner=user_id, version=FIRST_VERSION)
        bundle = self._random(PERSONAL_BYTES)
        personal = await wrap(self._provider, bundle, purpose=PERSONAL, owner=user_id, version=FIRST_VERSION)
        return NewKeys(user_id, opened[:ID_BYTES], vault, personal, PersonalKey(bundle))

    async def insert(self, tx: Transaction, new: NewKeys) -> None:
        """Commit this before anything is sealed under the keys: a row whose key is lost is lost."""
        for purpose, wrapped in ((VAULT, new.vault), (PERSONAL, new.personal)):
            await tx.run(_INSERT, _params(new.user_id, purpose, wrapped, self._clock.now_ms()))

    def cached(self, user_id: bytes, key_epoch: int) -> VaultKeys | None:
        return self._vaults.get((user_id, key_epoch))

    async def unlock(self, user_id: bytes, key_epoch: int, *, fresh: bool = False) -> VaultKeys:
        """`fresh` reads the stored keys again: for a write that missed the vault's gate.

        Raises:
            VaultLockedError: no key is stored: the account is being erased.
            KeyUnavailableError: the key service does not answer.
            DecryptionError: the stored bundle was changed, or is another user's.
        """
        if fresh:
            self._vaults.drop(user_id)
        return self._vaults.get((user_id, key_epoch)) or await self._vaults.load((user_id, key_epoch), lambda: self._load_vault(user_id))

    async def personal(self, user_id: bytes) -> PersonalKey:
        """Raises as `unlock`."""
        name = (user_id, NO_EPOCH)
        return self._persons.get(name) or await self._persons.load(name, lambda: self._load_personal(user_id))

    async def shred(self, tx: Transaction, user_id: bytes) -> int:
        """Number of keys destroyed. `drop` the user once the transaction is committed, not before: a request in between
        would load them again.
        """
        return await tx.run(_SHRED, {"user_id": user_id})

    def drop(self, user_id: bytes) -> None:
        self._vaults.drop(user_id)
        self._persons.drop(user_id)

    async def status(self) -> list[KeyCount]:
        """Counts per purpose, master key version and bundle version; the platform's own keys are `platform/…`."""
        users = [
            KeyCount(text(purpose), text(ref), number(version), number(rows))
            for purpose, ref, version, rows in await self._database.fetch(_COUNTS, {})
        ]
        own = [
            KeyCount(f"platform/{text(purpose)}", text(ref), number(version), 1)
            for purpose, ref, version in await self._database.fetch(_PLATFORM_COUNTS, {})
        ]
        return users + own

    async def rewrap_all(self, batch: int = 100, progress: Progress | None = None) -> int:
        """Put every bundle under the primary master key; the sealed bundles stay as they are. Number of rows changed.

        Online, and resumable at any point: each row is one compare-and-swap, and rows already done are not looked at.
        """
        own = await self._database.fetch(_PLATFORM_STALE, {"primary": self._provider.primary})
        total = len(own) + number((await self._database.fetch(_STALE_COUNT, {"primary": self._provider.primary}))[0][0])
        report = progress or (lambda _done, _total: None)
        changed = seen = 0
        for purpose, version, ref, edk, sealed in own:
            wrapped = _wrapped((version, STANDARD_MODE, ref, edk, sealed))
            changed += await self._swap(_PLATFORM_REWRAP, f"platform/{text(purpose)}", b"", wrapped, {"kind": purpose})
            report(seen := seen + 1, total)
        place: dict[str, Value] = {"user_id": b"", "purpose": "", "version": 0}
        while rows := await self._database.fetch(_STALE, {"primary": self._provider.primary, "rows": batch, **place}):
            for user_id, purpose, *columns in rows:
                wrapped = _wrapped(tuple(columns))
                changed += await self._swap(_REWRAP, text(purpose), blob(user_id), wrapped, {"owner": user_id, "kind": purpose})
                report(seen := seen + 1, max(total, seen))
                place = {"user_id": user_id, "purpose": purpose, "version": wrapped.version}
        return changed

    async def _swap(self, statement: Statement, purpose: str, owner: bytes, old: Wrapped, place: dict[str, Value]) -> int:
        new = await rewrap(self._provider, old, purpose=purpose, owner=owner)
        async with self._database.transaction() as tx:
            return await tx.run(
                statement, {**place, "at_version": old.version, "old_ref": old.ref, "old_edk": old.edk, "ref": new.ref, "edk": new.edk}
            )

    async def _load_vault(self, user_id: bytes) -> VaultKeys:
        return vault_keys(await self._bundles(user_id, VAULT))

    async def _load_personal(self, user_id: bytes) -> PersonalKey:
        bundles = await self._bundles(user_id, PERSONAL)
        return PersonalKey(bundles[max(bundles)])

    async def _bundles(self, user_id: bytes, purpose: str) -> dict[int, bytes]:
        stored = [_wrapped(row) for row in await self._database.fetch(_GET, {"user_id": user_id, "purpose": purpose})]
        if not stored or any(wrapped.mode != STANDARD_MODE for wrapped in stored):
            raise VaultLockedError
        return {wrapped.version: await unwrap(self._provider, wrapped, purpose=purpose, owner=user_id) for wrapped in stored}


def _params(user_id: bytes, purpose: str, wrapped: Wrapped, at_ms: int) -> dict[str, Value]:
    return {
        "user_id": user_id,
        "purpose": purpose,
        "version": wrapped.version,
        "mode": wrapped.mode,
        "ref": wrapped.ref,
        "edk": wrapped.edk,
        "sealed": wrapped.sealed,
        "created_at": at_ms,
    }


def _wrapped(row: Row) -> Wrapped:
    version, mode, ref, edk, sealed = row
    return Wrapped(version=number(version), mode=number(mode), ref=text(ref), edk=blob(edk), sealed=blob(sealed))
