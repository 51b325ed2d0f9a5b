"""The only code that seals and opens rows.

Invariants:
- The vault comes from unlocked keys, never from an argument: a caller cannot name somebody else's.
- Whatever is stored in clear is part of the sealed context: a row moved, swapped or renamed does not open.
- A row that does not open is an error. It is never taken for an empty one, and nothing is written over it; its owner may delete it.
- Every write is conditional on the gate, and a change also on the salt of what was read, in the same statement. A miss is
  read again and decided again, three times at most: no write outlives its key, and none overwrites what it has not seen.
"""

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from functools import lru_cache
from operator import itemgetter
from typing import Final, Generic, Literal, TypeVar
from weakref import WeakValueDictionary

import msgspec

from timos.crypto.cipher import pae_head, pae_tail, salt_of
from timos.crypto.keys import VaultKeys
from timos.kernel.clock import Clock
from timos.kernel.db.port import Database, Row, Transaction, UniqueError, Value
from timos.kernel.errors import ConflictError, DecryptionError, PreconditionError, TooLargeError, UnavailableError, VaultLockedError
from timos.kernel.ids import ID_BYTES, Randomness, bytes_of, text_of
from timos.vault.quota import Quota
from timos.vault.record import Collection, Document, Key, NamedDocument, canonical
from timos.vault.tables import GATE_GET, IN_SIZES, ROWS, SCAN_ROWS

TRIES: Final = 3
MOST_TOKENS: Final = 400  # days asked for at once
ERASED: Final = bytes(ID_BYTES)  # the gate of a vault that is being erased: no write can ever hold it
SLICE_SECONDS: Final = 0.0025  # of opening; whoever reads the slice takes about as long again: 5 ms in all
HEAD: Final = struct.Struct(">B16sQQ")  # document version, rev, created and updated in ms since 1970
UNKNOWN: Final[Key] = ("unknown",)  # the key of a row that did not open, where only the row itself could tell it
TAKEN: Final = "Another one has this name already."
_LOST: Final = "unreadable-"
_BUSY: Final = "This document is being changed by somebody else all the time. Try again in a moment."
_CONTEXT: Final = b"timos.vault/1"
_ID_LENGTH: Final = pae_tail(bytes(ID_BYTES))[:-ID_BYTES]  # what comes before every row id in a PAE
_NO_TAG: Final = pae_tail(b"")
_ID_NAMES: Final = tuple(f"id{n}" for n in range(IN_SIZES[-1]))

T = TypeVar("T")


class Stored(msgspec.Struct, frozen=True, kw_only=True, gc=False):  # holds no containers that could hold it: nothing to collect
    """An opened record. `raw` is its canonical JSON, `rev` its entity tag, `salt` what a change compares with; one that was just
    written has neither salt nor sealed size, since nothing is done with it but answering.
    """

    collection: str
    key: Key
    rev: bytes
    created_ms: int
    updated_ms: int
    raw: bytes
    salt: bytes = b""
    sealed_bytes: int = 0

    @property
    def etag(self) -> str:
        return f'"{text_of(self.rev)}"'


class Written(msgspec.Struct, frozen=True):
    """What is stored now; `is_new` tells whether there was nothing before."""

    stored: Stored
    is_new: bool


class Page(msgspec.Struct, frozen=True):
    """Records in the order of their days; `unreadable` are the keys of rows that did not open."""

    items: list[Stored]
    unreadable: list[Key]
    has_more: bool


class Opened(msgspec.Struct, Generic[T], frozen=True):
    """A slice of a scan, or all of it; `lost` are the row ids of what did not open."""

    items: list[T]
    lost: list[bytes] = []

    @property
    def unreadable(self) -> int:
        return len(self.lost)


class _KeyFields(msgspec.Struct):
    day: str = ""
    week: str = ""
    id: str = ""
    kind: str = ""


_key_fields = msgspec.json.Decoder(_KeyFields)

_turns: WeakValueDictionary[tuple[bytes, bytes], asyncio.Lock] = WeakValueDictionary()  # by vault and row, or by vault and collection

Relock = Callable[[], Awaitable[VaultKeys]]
Witness = Callable[[str], Awaitable[None]]
Expected = Sequence[str] | None  # the tags of If-Match; "*" for any stored document; None for "I know of none"


class Vault:
    """One user's vault, unlocked. `relock` unlocks again after a missed gate; `witness` records a row that did not open."""

    __slots__ = ("_asked", "_clock", "_database", "_keys", "_quota", "_random", "_relock", "_witness")

    def __init__(
        self, database: Database, keys: VaultKeys, clock: Clock, *, random: Randomness, quota: Quota, relock: Relock, witness: Witness
    ) -> None:
        self._database = database
        self._keys = keys
        self._asked: tuple[str, Key, bytes] | None = None  # the row that was asked for last: a write asks three times
        self._clock = clock
        self._random = random
        self._quota = quota
        self._relock = relock
        self._witness = witness

    @property
    def share(self) -> int:
        """As the database's."""
        return self._database.share

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def count(self, collection: Collection) -> int:
        """How many records of a collection there are."""
        rows = await self._database.fetch(ROWS[collection.name].use, {"vault_id": self._keys.vault_id})
        return int(rows[0][0] or 0)

    async def whole(self, collection: Collection) -> Opened[Stored]:
        """Every record of a small collection (one with `most`)."""
        found: Opened[Stored] = Opened([], [])
        async for opened in self.scan(collection):
            found.items.extend(opened.items)
            found.lost.extend(opened.lost)
        return found

    async def all(self, collection: Collection) -> list[Stored]:
        """As `whole`, for what cannot be done with a part of them.

        Raises:
            DecryptionError: one of them does not open.
        """
        found = await self.whole(collection)
        if found.lost:
            raise DecryptionError
        return found.items

    async def get(self, collection: Collection, key: Key) -> Stored | None:
        """Raises:
        DecryptionError: there is a row, and it does not open.
        """
        row_id = self._row_id(collection, key)
        rows = await self._database.fetch(ROWS[collection.name].get, {"vault_id": self._keys.vault_id, "id": row_id})
        if not rows:
            return None
        try:
            return self._open(collection, key, row_id, *rows[0])
        except DecryptionError:
            await self._witness(collection.name)
            raise

    async def days(self, collection: Collection, first: date, last: date, *, after: Key | None = None, limit: int = 100) -> Page:
        """Records of at most 400 days by enumerated tokens: the database learns no range, no order and no gap."""
        start = max(first, date.fromisoformat(after[0])) if after else first
        keys = {row_id: key for row_id, key in self._rows_between(collection, start, last) if after is None or key > after}
        found: list[tuple[Key, bytes, Value, Value]] = []
        for ids in _portions(sorted(keys)):
            rows = await self._database.fetch(ROWS[collection.name].find[len(ids)], self._in(ids))
            found.extend((keys[_bytes(row_id)], _bytes(row_id), sealed, tag) for row_id, sealed, tag in rows)
        found.sort(key=itemgetter(0))
        page = Page([], [], has_more=len(found) > limit)
        for key, row_id, sealed, tag in found[:limit]:
            try:
                page.items.append(self._open(collection, key, row_id, sealed, tag))
            except DecryptionError:
                page.unreadable.append(key)
                await self._witness(collection.name)
        return page

    async def long_range(self, collection: Collection, first: date, last: date, *, after: Key | None = None, limit: int = 100) -> Page:
        """As `days`, for any range: opens the whole collection, because the database knows no order to seek in."""
        low, high = first.isoformat(), last.isoformat()
        found: list[Stored] = []
        unreadable = 0
        async for opened in self.scan(collection):
            unreadable += opened.unreadable
            found.extend(stored for stored in opened.items if low <= stored.key[0] <= high and (after is None or stored.key > after))
        found.sort(key=lambda stored: stored.key)
        return Page(found[:limit], [UNKNOWN] * unreadable, has_more=len(found) > limit)

    async def scan(self, collection: Collection) -> AsyncIterator[Opened[Stored]]:
        """Every record of a collection in no order, opened in slices that let other requests through."""

        def read(row_id: bytes, sealed: bytes, tag: Value) -> Stored:
            return self._open(collection, None, row_id, sealed, tag)

        async for opened in self._slices(collection, read):
            yield opened

    async def documents(self, collection: Collection, decode: Callable[[bytes], T]) -> AsyncIterator[Opened[T]]:
        """As `scan`, but only what `decode` makes of each document: a fifth less time where nothing else of a record is looked at.

        One that is not of its type counts as one that did not open.
        """

        def read(row_id: bytes, sealed: bytes, tag: Value) -> T:
            raw = self._plain(collection, row_id, sealed, tag)[HEAD.size :]
            try:
                return decode(raw)
            except msgspec.MsgspecError as error:
                raise DecryptionError from error

        async for opened in self._slices(collection, read):
            yield opened

    async def _slices(self, collection: Collection, read: Callable[[bytes, bytes, Value], T]) -> AsyncIterator[Opened[T]]:
        asked: asyncio.Task[list[Row]] | None = self._ask(collection, b"")
        while asked is not None and (rows := await asked):
            # on a server the next ones are on their way while these are opened
            asked = self._ask(collection, _bytes(rows[-1][0])) if len(rows) == SCAN_ROWS else None
            until = time.monotonic() + SLICE_SECONDS
            items: list[T] = []
            lost: list[bytes] = []
            has_lost = False
            for found, sealed, tag in rows:
                row_id = _bytes(found)
                try:
                    items.append(read(row_id, _bytes(sealed), tag))
                except DecryptionError:
                    lost.append(row_id)
                    has_lost = True
                if time.monotonic() > until:
                    yield Opened(items, lost)
                    items, lost = [], []
                    await asyncio.sleep(0)
                    until = time.monotonic() + SLICE_SECONDS
            if has_lost:
                await self._witness(collection.name)
            yield Opened(items, lost)
            await asyncio.sleep(0)

    def _ask(self, collection: Collection, after: bytes) -> asyncio.Task[list[Row]]:
        question = self._database.fetch(ROWS[collection.name].scan, {"vault_id": self._keys.vault_id, "after": after})
        asked = asyncio.ensure_future(question)
        asked.add_done_callback(lambda task: task.cancelled() or task.exception())  # whoever scanned may have gone away
        return asked

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def put(self, collection: Collection, key: Key, document: Document, expected: Expected = None) -> Written:
        """Store what the caller holds. Content equal to what is stored succeeds whatever `expected` says: a client whose
        answer got lost must not see a conflict.

        Raises:
            PreconditionError: a different document is stored than the caller knows of.
            TooLargeError, DecryptionError, VaultLockedError, UnavailableError
        """
        raw = self._encoded(collection, document)

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
        raw = self._encoded(collection, document)
        for _ in range(TRIES):
            stored = await self.get(collection, key)
            if stored is not None:
                return Written(stored, is_new=False) if stored.raw == raw else None
            fresh = Stored(
                collection=collection.name, key=key, rev=self._random(ID_BYTES), created_ms=created_ms, updated_ms=updated_ms, raw=raw
            )
            if await self._write(collection, fresh, None, self._name_tag(collection, document)):
                return Written(fresh, is_new=True)
            await self._unlock_again()
        raise UnavailableError(_BUSY)

    async def compare(self, collection: Collection, key: Key, document: Document) -> Literal["new", "same", "conflict"]:
        """What `restore` would do; changes nothing."""
        raw = self._encoded(collection, document)
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
            params = await self._conditions(collection, key) | {"id": row_id, "salt": stored.salt if stored else b"", "sealed": sealed}
            async with self._database.transaction() as unit:
                hit = await unit.run(statement, params)
            if hit:
                self._quota.added(self._keys.vault_id, rows=-1, size_bytes=-len(sealed) if isinstance(sealed, bytes) else 0)
                return True
            await self._unlock_again()
        raise UnavailableError(_BUSY)

    async def _row_of(self, collection: Collection, key: Key) -> tuple[bytes, Value, Stored | None] | None:
        """The row that a key names, with what is in it; None in place of that where it does not open."""
        row_id, lost_id = self._row_id(collection, key), _lost_id(key)
        by_lost_key = False
        rows = await self._database.fetch(ROWS[collection.name].get, {"vault_id": self._keys.vault_id, "id": row_id})
        if not rows and lost_id is not None:
            row_id, by_lost_key = lost_id, True
            rows = await self._database.fetch(ROWS[collection.name].get, {"vault_id": self._keys.vault_id, "id": row_id})
        if not rows:
            return None
        sealed, tag = rows[0]
        try:
            stored = self._open(collection, key, row_id, sealed, tag)
        except DecryptionError:
            await self._witness(collection.name)
            return row_id, sealed, None
        return None if by_lost_key else (row_id, sealed, stored)  # a record that opens has its own key and no other

    def those_of(self, lost: AbstractSet[bytes], collection: Collection, keys: Iterable[Key]) -> list[Key]:
        """Which of these keys are those of rows that did not open."""
        return [key for key in keys if self._row_id(collection, key) in lost]

    def derived_id(self, collection: Collection, *values: str) -> str:
        """An id that only this vault can derive from these values (an Idempotency-Key): repeating gives the same."""
        return text_of(self._keys.index.token(collection.name, "idempotency", *values))

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
                raw = self._encoded(collection, document)
                if stored is not None and stored.raw == raw:
                    return Written(stored, is_new=False)
                is_new, fresh = stored is None, self._successor(collection, key, stored, raw)
                if await self._write(collection, fresh, stored, self._name_tag(collection, document)):
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
        params = await self._conditions(collection, fresh.key)
        row_id = _bytes(params["id"])
        head = HEAD.pack(collection.version, fresh.rev, fresh.created_ms, fresh.updated_ms)
        sealed = self._keys.cipher.seal(head + fresh.raw, self._place(collection, row_id, tag))
        params |= {"tag": tag, "sealed": sealed}
        statement = ROWS[collection.name].insert if stored is None else ROWS[collection.name].update
        if stored is None:
            params["rowid"] = random_rowid(self._random)
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

    async def has_name(self, collection: Collection, document: NamedDocument) -> bool:
        """Whether a record of the collection has the document's name."""
        return await self._is_taken(collection, self._name_tag(collection, document), None)

    def _name_tag(self, collection: Collection, document: Document) -> bytes | None:
        """Token of the name, where names are unique: equal names collide without the database knowing them."""
        if not isinstance(document, NamedDocument):
            return None
        return self._keys.index.token(collection.name, "name", document.folded_name())

    async def _is_taken(self, collection: Collection, tag: bytes | None, row_id: Value) -> bool:
        """By another row than that."""
        rows = await self._database.fetch(ROWS[collection.name].named, {"vault_id": self._keys.vault_id, "tag": tag})
        return any(found != row_id for (found,) in rows)

    async def _conditions(self, collection: Collection, key: Key) -> dict[str, Value]:
        if self._keys.gate is None:
            self._keys.gate = await _gate_of(self._database, self._keys.vault_id)
        return {"vault_id": self._keys.vault_id, "id": self._row_id(collection, key), "gate": self._keys.gate}

    async def _unlock_again(self) -> None:
        """After a miss: perhaps only the row moved on, perhaps the gate changed and with it the keys."""
        if await _gate_of(self._database, self._keys.vault_id) != self._keys.gate:
            self._keys = await self._relock()
            self._asked = None

    # ── sealing and opening ──────────────────────────────────────────────────────────────────────────────────────

    def _row_id(self, collection: Collection, key: Key) -> bytes:
        asked = self._asked
        if asked is not None and asked[1] == key and asked[0] == collection.name:
            return asked[2]
        row_id = self._keys.index.token(collection.name, "key", *key)
        self._asked = (collection.name, key, row_id)
        return row_id

    def _rows_between(self, collection: Collection, first: date, last: date) -> Iterable[tuple[bytes, Key]]:
        """Row ids with their keys, in the order of the days."""
        keys = collection.keys_between(first, last)
        if collection.key == ("day",):  # half the time of a token for each key
            return zip(self._keys.index.days(collection.name, "key", [day for (day,) in keys]), keys, strict=True)
        return ((self._row_id(collection, key), key) for key in keys)

    def _place(self, collection: Collection, row_id: bytes, tag: Value) -> bytes:
        """PAE of context, vault, table and every clear column."""
        if len(row_id) != ID_BYTES:
            raise DecryptionError
        return _place_head(self._keys.vault_id, collection.name) + row_id + (_NO_TAG if tag is None else pae_tail(_tag(tag)))

    def _plain(self, collection: Collection, row_id: bytes, sealed: bytes, tag: Value) -> bytes:
        """What was sealed in this place, its `HEAD` included."""
        plain = self._keys.cipher.open(sealed, self._place(collection, row_id, tag))
        if plain[0] > collection.version:
            message = "This record was written by a newer version of TimOS. It was left as it is."
            raise DecryptionError(message)
        return plain

    def _open(self, collection: Collection, key: Key | None, row_id: bytes, sealed: Value, tag: Value) -> Stored:
        """`key` None: as the document itself says, for a scan does not know it."""
        sealed = _bytes(sealed)
        plain = self._plain(collection, row_id, sealed, tag)
        _, rev, created, updated = HEAD.unpack_from(plain)
        raw = plain[HEAD.size :]
        return Stored(
            collection=collection.name,
            key=_key_in(collection, raw) if key is None else key,
            rev=rev,
            created_ms=created,
            updated_ms=updated,
            raw=raw,
            salt=salt_of(sealed),
            sealed_bytes=len(sealed),
        )

    def _encoded(self, collection: Collection, document: Document) -> bytes:
        raw = canonical(document)
        if len(raw) > collection.limit_bytes:
            message = f"This document is larger than {collection.limit_bytes // 1024} KiB."
            raise TooLargeError(message)
        return raw

    def _in(self, ids: Sequence[bytes]) -> dict[str, Value]:
        params: dict[str, Value] = dict(zip(_ID_NAMES, ids, strict=False))
        params["vault_id"] = self._keys.vault_id
        return params


@lru_cache(4096)
def _place_head(vault_id: bytes, table: str) -> bytes:
    pieces = (_CONTEXT, vault_id, table.encode())
    return pae_head(len(pieces) + 2, *pieces) + _ID_LENGTH


def _key_in(collection: Collection, raw: bytes) -> Key:
    parts = collection.key
    if not parts:
        return ()
    fields = _key_fields.decode(raw)
    return (getattr(fields, parts[0]),) if len(parts) == 1 else (getattr(fields, parts[0]), getattr(fields, parts[1]))


def lost_key(row_id: bytes) -> Key:
    """What a row that did not open is called where its own key is not known: good for `Vault.delete` and nothing else."""
    return (_LOST + text_of(row_id),)


def _lost_id(key: Key) -> bytes | None:
    if len(key) != 1 or not key[0].startswith(_LOST):
        return None
    return bytes_of(key[0].removeprefix(_LOST), ID_BYTES)


def too_many(collection: Collection) -> str:
    """Why a bounded collection takes no more."""
    return f"There are {collection.most} already, archived ones included: as many as one vault may have."


def random_rowid(random: Randomness) -> int:
    """62 random bits, positive."""
    return int.from_bytes(random(8), "big") >> 2


async def _gate_of(database: Database | Transaction, vault_id: bytes) -> bytes:
    """Raises:
    VaultLockedError: the vault is being erased, or this database does not hold it.
    """
    rows = await database.fetch(GATE_GET, {"vault_id": vault_id})
    if not rows or rows[0][0] == ERASED:
        message = "This vault is being erased, or this server's vault database does not hold it."
        raise VaultLockedError(message)
    return _bytes(rows[0][0])


def _portions(ids: list[bytes]) -> Iterable[list[bytes]]:
    """Sorted by value, cut and padded to the sizes that have a compiled statement."""
    largest = IN_SIZES[-1]
    for start in range(0, len(ids), largest):
        part = ids[start : start + largest]
        size = next(size for size in IN_SIZES if size >= len(part))
        yield part + [part[-1]] * (size - len(part))


def _tag(value: Value) -> bytes:
    """Raises:
    DecryptionError: no tag at all: an empty one must not pass for NULL.
    """
    tag = _bytes(value)
    if not tag:
        raise DecryptionError
    return tag


def _bytes(value: Value) -> bytes:
    """Narrow a column that the schema makes BLOB NOT NULL; a planted TEXT or NULL is a row that does not open."""
    if not isinstance(value, bytes):
        raise DecryptionError
    return value
