"""Undoing an import as a batch: what it made goes, what was changed since stays."""

from dataclasses import dataclass, field

import msgspec

from timos.kernel.errors import DecryptionError, NotFoundError, PreconditionError
from timos.vault.collections import COLLECTIONS, imports
from timos.vault.collections.imports import ImportBatch, Made
from timos.vault.store import Stored, Vault

_BY_NAME = {collection.name: collection for collection in COLLECTIONS}


@dataclass(slots=True)
class Undone:
    """`kept`: changed since the import. `gone`: deleted since."""

    removed: int = 0
    kept: int = 0
    gone: int = 0


@dataclass(slots=True)
class Batches:
    """Every part of every batch that can be undone; `unreadable` parts did not open."""

    parts: list[tuple[Stored, ImportBatch]] = field(default_factory=list)
    unreadable: int = 0


async def batches(vault: Vault) -> Batches:
    """What was brought in and not undone."""
    found = Batches()
    async for opened in vault.scan(imports.COLLECTION):
        found.unreadable += opened.unreadable
        found.parts += [(stored, msgspec.json.decode(stored.raw, type=ImportBatch)) for stored in opened.items]
    return found


async def undo(vault: Vault, batch_id: str) -> Undone:
    """Repeatable: a part is forgotten only after all of it was looked at.

    Raises:
        NotFoundError: no such batch, or it was undone already.
        DecryptionError: a part does not open, perhaps one of this batch; nothing was removed.
    """
    found = await batches(vault)
    if found.unreadable:
        raise DecryptionError
    parts = [(stored, batch) for stored, batch in found.parts if batch.batch == batch_id]
    if not parts:
        raise NotFoundError
    done = Undone()
    for stored, batch in parts:
        for made in batch.made:
            await _remove(vault, made, done)
        await vault.delete(imports.COLLECTION, stored.key)
    return done


async def _remove(vault: Vault, made: Made, done: Undone) -> None:
    collection = _BY_NAME.get(made.collection)
    if collection is None:
        return
    key = tuple(made.id.split("/")) if collection.key else ()
    try:
        is_removed = await vault.delete(collection, key, [made.etag])
    except PreconditionError:
        done.kept += 1
        return
    done.removed += is_removed
    done.gone += not is_removed
