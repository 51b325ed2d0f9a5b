"""Writing a vault: each write with its conditions, decided again after a miss."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Literal
from weakref import WeakValueDictionary

from timos.crypto.keys import VaultKeys
from timos.kernel.clock import Clock
from timos.kernel.db.port import Database, UniqueError, Value
from timos.kernel.errors import ConflictError, DecryptionError, PreconditionError, UnavailableError
from timos.kernel.ids import ID_BYTES, Randomness
from timos.vault.quota import Quota
from timos.vault.record import Collection, Document, Key
from timos.vault.store.gate import gate_of
from timos.vault.store.reading import Reader
from timos.vault.store.scanning import Witness
from timos.vault.store.sealing import encoded, name_tag, open_row, seal_row
from timos.vault.store.stored import Stored, Written, lost_id
from timos.vault.tables import ROWS, rowid_in

TRIES: Final = 3
TAKEN: Final = "Another one has this name already."
_BUSY: Final = "This document is being changed by somebody else all the time. Try again in a moment."

_turns: WeakValueDictionary[tuple[bytes, bytes], asyncio.Lock] = WeakValueDictionary()  # by vault and row, or by vault and collection

Relock = Callable[[], Awaitable[VaultKeys]]
Expected = Sequence[str] | None  # the tags of If-Match; "*" for any stored document; None for "I know of none"


class Vault(Reader):
    """One user's vault, unlocked. `relock` unlocks again after a missed gate; `witness` records a row that did not open."""

    __slots__ = ("_clock", "_quota", "_random", "_relock")

    def __init__(
        self, database: Database, keys: VaultKeys, clock: Clock, *, random: Randomness, quota: Quota, relock: Relock, witness: Witness
    ) -> None:
        super().__init__(database, keys, witness)
        self._clock = clock
        self._random = random
        self._quota = quota
        self._relock = relock

    async def put(self, collection: Collection, key: Key, document: Document, expected: Expected = None) -> Written:
        """Store what the caller holds. Content equal to what is stored succeeds whatever `expected` says: a client whose
        answer got lost must not see a conflict.

        Raises:
            PreconditionError: a different document is stored than the caller knows of.
            TooLargeError, DecryptionError, VaultLockedError, UnavailableError
        """
        raw = encoded(collection, document)

        def decide(stored: Stored | None) -> Document:
            if stored is None and expected is None:
                return document
            if stored is None:
                raise PreconditionError
            if stored.raw == raw or (expected is not None and (stored.etag in expected or "*" in expected)):
                return document
            raise PreconditionError(etag=stored.etag, stored=stored.raw)

        return await self._settle(collection, key, decide)

    async def change(self, collection: Collection, key: Key, edit: Callable[[Stored | None], Document]) -> Written:
        """Read, edit, write; edited again when something else was written in between, so that both changes are kept."""
        return await self._settle(collection, key, edit)

    async def restore(self, collection: Collection, key: Key, document: Document, *, created_ms: int, updated_ms: int) -> Written | None:
        """A record from an archive with its own instants; None when a different document is stored (nothing is changed)."""
        raw = encoded(collection, document)
        fresh = Stored(
            collection=collection.name, key=key, rev=self._random(ID_BYTES), created_ms=created_ms, updated_ms=updated_ms, raw=raw
        )
        for _ in range(TRIES):
            stored = await self.get(collection, key)
            if stored is not None:  # perhaps by this very call: its answer was lost, and the database was asked again
                return Written(stored, is_new=stored.rev == fresh.rev) if stored.raw == raw else None
            if await self._write(collection, fresh, None, name_tag(self._keys, collection, document)):
                return Written(fresh, is_new=True)
            await self._unlock_again()
        raise UnavailableError(_BUSY)

    async def compare(self, collection: Collection, key: Key, document: Document) -> Literal["new", "same", "conflict"]:
        """What `restore` would do; changes nothing."""
        raw = encoded(collection, document)
        stored = await self.get(collection, key)
        if stored is None:
            return "new"
        return "same" if stored.raw == raw else "conflict"

    async def delete(self, collection: Collection, key: Key, expected: Expected = None) -> bool:
        """Whether there was something to delete. Without `expected` the latest document goes, and also a row that does not open,
        by its own key or by its `lost_key`: to erase what is one's own it need not be readable.

        Raises:
            PreconditionError: the stored document is not one of `expected`.
            DecryptionError: it does not open, so nobody can tell whether it is one of `expected`.
        """
        for _ in range(TRIES):
            found = await self._row_of(collection, key)
            if found is None:
                return False
            row_id, sealed, stored = found
            is_any = expected is None or "*" in expected
            if stored is None and not is_any:
                raise DecryptionError
            if stored is not None and not is_any and stored.etag not in (expected or ()):
                raise PreconditionError(etag=stored.etag, stored=stored.raw)
            rows = ROWS[collection.name]
            statement = rows.delete if stored else rows.discard
            params = await self._conditions() | {"id": row_id, "salt": stored.salt if stored else b"", "sealed": sealed}
            async with self._database.transaction() as unit:
                hit = await unit.run(statement, params)
            if hit:
                self._quota.added(self._keys.vault_id, rows=-1, size_bytes=-len(sealed) if isinstance(sealed, bytes) else 0)
                return True
            await self._unlock_again()
        raise UnavailableError(_BUSY)

    async def _row_of(self, collection: Collection, key: Key) -> tuple[bytes, Value, Stored | None] | None:
        """The row that a key names, with what is in it; None in place of that where it does not open."""
        row_id, by_its_lost_key = self._row_id(collection, key), lost_id(key)
        by_lost_key = False
        rows = await self._database.fetch(ROWS[collection.name].get, {"vault_id": self._keys.vault_id, "id": row_id})
        if not rows and by_its_lost_key is not None:
            row_id, by_lost_key = by_its_lost_key, True
            rows = await self._database.fetch(ROWS[collection.name].get, {"vault_id": self._keys.vault_id, "id": row_id})
        if not rows:
            return None
        sealed, tag = rows[0]
        try:
            stored = open_row(self._keys, collection, key, row_id, sealed, tag)
        except DecryptionError:
            await self._witness(collection.name)
            return row_id, sealed, None
        return None if by_lost_key else (row_id, sealed, stored)  # a record that opens has its own key and no other

    # ── one write ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _settle(self, collection: Collection, key: Key, decide: Callable[[Stored | None], Document]) -> Written:
        # Of many writes to one record in this process each waits for the one before it, instead of losing to it;
        # the conditions below are for the others.
        async with self._turn(self._row_id(collection, key)):
            is_new, fresh = False, None
            for _ in range(TRIES):
                stored = await self.get(collection, key)
                if stored is not None and fresh is not None and stored.rev == fresh.rev:
                    return Written(stored, is_new=is_new)  # its answer was lost, and the database was asked again: no miss
                document = decide(stored)
                raw = encoded(collection, document)
                if stored is not None and stored.raw == raw:
                    return Written(stored, is_new=False)
                is_new, fresh = stored is None, self._successor(collection, key, stored, raw)
                if await self._write(collection, fresh, stored, name_tag(self._keys, collection, document)):
                    return Written(fresh, is_new=is_new)
                await self._unlock_again()
        raise UnavailableError(_BUSY)

    def _turn(self, what: bytes) -> asyncio.Lock:
        return _turns.setdefault((self._keys.vault_id, what), asyncio.Lock())

    def _successor(self, collection: Collection, key: Key, stored: Stored | None, raw: bytes) -> Stored:
        now = self._clock.now_ms()
        created = stored.created_ms if stored else now
        return Stored(collection=collection.name, key=key, rev=self._random(ID_BYTES), created_ms=created, updated_ms=now, raw=raw)

    async def _write(self, collection: Collection, fresh: Stored, stored: Stored | None, tag: bytes | None) -> bool:
        """False is a miss: the row or the gate is not what was read.

        Raises:
            ConflictError: another record of the collection has the name, or there are as many as there may be.
        """
        if stored is not None or collection.most is None:
            return await self._write_row(collection, fresh, stored, tag)
        # New ones of a bounded collection are counted one after the other; two processes may each let one more in.
        async with self._turn(collection.name.encode()):
            if await self.count(collection) >= collection.most:
                raise ConflictError(too_many(collection))
            return await self._write_row(collection, fresh, None, tag)

    async def _write_row(self, collection: Collection, fresh: Stored, stored: Stored | None, tag: bytes | None) -> bool:
        """One unit: the row and its conditions. Made twice it misses, and is found stored when it is looked for."""
        params = await self._conditions()
        row_id = self._row_id(collection, fresh.key)
        sealed = seal_row(self._keys, collection, fresh, row_id, tag)
        params |= {"id": row_id, "tag": tag, "sealed": sealed}
        statement = ROWS[collection.name].insert if stored is None else ROWS[collection.name].update
        if stored is None:
            params["rowid"] = rowid_in(self._keys.vault_id, self._random)
        else:
            params["salt"] = stored.salt
        rows, size = int(stored is None), len(sealed) - (stored.sealed_bytes if stored else 0)
        await self._quota.admit(self._database, self._keys.vault_id, rows=rows, size_bytes=size)
        try:
            is_hit = bool(await self._database.run(statement, params))
        except UniqueError as error:
            if tag is not None and await self._is_taken(collection, tag, row_id):
                raise ConflictError(TAKEN) from error
            return False  # somebody else made it first
        if is_hit:
            self._quota.added(self._keys.vault_id, rows=rows, size_bytes=size)
        return is_hit

    async def _conditions(self) -> dict[str, Value]:
        if self._keys.gate is None:
            self._keys.gate = await gate_of(self._database, self._keys.vault_id)
        return {"vault_id": self._keys.vault_id, "gate": self._keys.gate}

    async def _unlock_again(self) -> None:
        """After a miss: perhaps only the row moved on, perhaps the gate changed and with it the keys."""
        if await gate_of(self._database, self._keys.vault_id) != self._keys.gate:
            self._keys = await self._relock()
            self._asked = None


def too_many(collection: Collection) -> str:
    """Why a bounded collection takes no more."""
    return f"There are {collection.most} already, archived ones included: as many as one vault may have."
