"""Reading a vault: one record, the records of some days, or all of a collection."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from operator import itemgetter
from typing import Final, TypeVar

import msgspec

from timos.crypto.keys import VaultKeys
from timos.kernel.db.port import Database, Value
from timos.kernel.errors import DecryptionError
from timos.kernel.ids import text_of
from timos.vault.record import Collection, Key, NamedDocument
from timos.vault.store.scanning import Witness, slices
from timos.vault.store.sealing import HEAD, blob, name_tag, open_plain, open_row
from timos.vault.store.stored import UNKNOWN, Opened, Page, Stored
from timos.vault.tables import IN_SIZES, ROWS

MOST_TOKENS: Final = 400  # days asked for at once
_ID_NAMES: Final = tuple(f"id{n}" for n in range(IN_SIZES[-1]))

T = TypeVar("T")


class Reader:
    """One user's vault, unlocked, as far as it is read. `witness` records a row that did not open."""

    __slots__ = ("_asked", "_database", "_keys", "_witness")

    def __init__(self, database: Database, keys: VaultKeys, witness: Witness) -> None:
        self._database = database
        self._keys = keys
        self._asked: tuple[str, Key, bytes] | None = None  # the row that was asked for last: a write asks three times
        self._witness = witness

    @property
    def share(self) -> int:
        """As the database's."""
        return self._database.share

    async def get(self, collection: Collection, key: Key) -> Stored | None:
        """Raises:
        DecryptionError: there is a row, and it does not open.
        """
        row_id = self._row_id(collection, key)
        rows = await self._database.fetch(ROWS[collection.name].get, {"vault_id": self._keys.vault_id, "id": row_id})
        if not rows:
            return None
        try:
            return open_row(self._keys, collection, key, row_id, *rows[0])
        except DecryptionError:
            await self._witness(collection.name)
            raise

    # ── many ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def days(self, collection: Collection, first: date, last: date, *, after: Key | None = None, limit: int = 100) -> Page:
        """Records of at most 400 days by enumerated tokens: the database learns no range, no order and no gap."""
        start = max(first, date.fromisoformat(after[0])) if after else first
        keys = {row_id: key for row_id, key in self._rows_between(collection, start, last) if after is None or key > after}
        found: list[tuple[Key, bytes, Value, Value]] = []
        for ids in _portions(sorted(keys)):
            rows = await self._database.fetch(ROWS[collection.name].find[len(ids)], self._in(ids))
            found.extend((keys[blob(row_id)], blob(row_id), sealed, tag) for row_id, sealed, tag in rows)
        found.sort(key=itemgetter(0))
        page = Page([], [], has_more=len(found) > limit)
        for key, row_id, sealed, tag in found[:limit]:
            try:
                page.items.append(open_row(self._keys, collection, key, row_id, sealed, tag))
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

    async def scan(self, collection: Collection) -> AsyncIterator[Opened[Stored]]:
        """Every record of a collection in no order, opened in slices that let other requests through."""

        def read(row_id: bytes, sealed: bytes, tag: Value) -> Stored:
            return open_row(self._keys, collection, None, row_id, sealed, tag)

        async for opened in slices(self._database, self._keys.vault_id, collection, read=read, witness=self._witness):
            yield opened

    async def documents(self, collection: Collection, decode: Callable[[bytes], T]) -> AsyncIterator[Opened[T]]:
        """As `scan`, but only what `decode` makes of each document: a fifth less time where nothing else of a record is looked at.

        One that is not of its type counts as one that did not open.
        """

        def read(row_id: bytes, sealed: bytes, tag: Value) -> T:
            raw = open_plain(self._keys, collection, row_id, sealed, tag)[HEAD.size :]
            try:
                return decode(raw)
            except msgspec.MsgspecError as error:
                raise DecryptionError from error

        async for opened in slices(self._database, self._keys.vault_id, collection, read=read, witness=self._witness):
            yield opened

    async def count(self, collection: Collection) -> int:
        """How many records of a collection there are."""
        rows = await self._database.fetch(ROWS[collection.name].use, {"vault_id": self._keys.vault_id})
        return int(rows[0][0] or 0)

    # ── names and ids ────────────────────────────────────────────────────────────────────────────────────────────

    async def has_name(self, collection: Collection, document: NamedDocument) -> bool:
        """Whether a record of the collection has the document's name."""
        return await self._is_taken(collection, name_tag(self._keys, collection, document), None)

    async def _is_taken(self, collection: Collection, tag: bytes | None, row_id: bytes | None) -> bool:
        """By another row than that."""
        rows = await self._database.fetch(ROWS[collection.name].named, {"vault_id": self._keys.vault_id, "tag": tag})
        return any(found != row_id for (found,) in rows)

    def those_of(self, lost: AbstractSet[bytes], collection: Collection, keys: Iterable[Key]) -> list[Key]:
        """Which of these keys are those of rows that did not open."""
        return [key for key in keys if self._row_id(collection, key) in lost]

    def derived_id(self, collection: Collection, *values: str) -> str:
        """An id that only this vault can derive from these values (an Idempotency-Key): repeating gives the same."""
        return text_of(self._keys.index.token(collection.name, "idempotency", *values))

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

    def _in(self, ids: Sequence[bytes]) -> dict[str, Value]:
        params: dict[str, Value] = dict(zip(_ID_NAMES, ids, strict=False))
        params["vault_id"] = self._keys.vault_id
        return params


def _portions(ids: list[bytes]) -> Iterable[list[bytes]]:
    """Sorted by value, cut and padded to the sizes that have a compiled statement."""
    largest = IN_SIZES[-1]
    for start in range(0, len(ids), largest):
        part = ids[start : start + largest]
        size = next(size for size in IN_SIZES if size >= len(part))
        yield part + [part[-1]] * (size - len(part))
