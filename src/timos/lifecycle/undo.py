"""Undoing an import as a batch: what it made goes, what was changed since stays."""

from dataclasses import dataclass, field

import msgspec

from timos.kernel.errors import DecryptionError, NotFoundError, PreconditionError
from timos.vault.collections import COLLECTIONS, imports
from timos.vault.collections.imports import MOST_PARTS, ImportBatch, Made, note_key
from timos.vault.record import Key
from timos.vault.store.stored import Stored
from timos.vault.store.vault import Vault

_BY_NAME = {collection.name: collection for collection in COLLECTIONS}


@dataclass(slots=True)
class Undone:
    """`kept`: changed since the import, or no longer readable. `gone`: deleted since. `unreadable`: parts that did not open and are
    forgotten too; nobody can tell what they made, and it stays.
    """

    removed: int = 0
    kept: int = 0
    gone: int = 0
    unreadable: int = 0


@dataclass(slots=True)
class Batches:
    """Every part of every batch that can be undone; `lost` are the rows of those that did not open."""

    parts: list[tuple[Stored, ImportBatch]] = field(default_factory=list)
    lost: set[bytes] = field(default_factory=set)

    @property
    def unreadable(self) -> int:
        return len(self.lost)


async def batches(vault: Vault) -> Batches:
    """What was brought in and not undone."""
    found = Batches()
    async for opened in vault.scan(imports.COLLECTION):
        found.lost.update(opened.lost)
        found.parts += [(stored, msgspec.json.decode(stored.raw, type=ImportBatch)) for stored in opened.items]
    return found


async def undo(vault: Vault, batch_id: str) -> Undone:
    """Repeatable: a part is forgotten only after all of it was looked at.

    Raises:
        NotFoundError: no such batch, or it was undone already.
    """
    found = await batches(vault)
    parts = [(stored, batch) for stored, batch in found.parts if batch.batch == batch_id]
    lost = _lost_parts(vault, batch_id, found.lost)
    if not parts and not lost:
        raise NotFoundError
    done = Undone(unreadable=len(lost))
    for stored, batch in parts:
        for made in batch.made:
            await _remove(vault, made, done)
        await vault.delete(imports.COLLECTION, stored.key)
    for key in lost:
        await vault.delete(imports.COLLECTION, key)
    return done


def _lost_parts(vault: Vault, batch_id: str, lost: set[bytes]) -> list[Key]:
    """Those of this batch. The database does not tell whose a row is, but the number of parts is bounded; some 20 ms, and seldom."""
    if not lost:
        return []
    return vault.those_of(lost, imports.COLLECTION, (note_key(batch_id, part) for part in range(1, MOST_PARTS + 1)))


async def _remove(vault: Vault, made: Made, done: Undone) -> None:
    collection = _BY_NAME.get(made.collection)
    if collection is None:
        return
    key = tuple(made.id.split("/")) if collection.key else ()
    try:
        is_removed = await vault.delete(collection, key, [made.etag])
    except (PreconditionError, DecryptionError):
        done.kept += 1
        return
    done.removed += is_removed
    done.gone += not is_removed
