"""Every row of a collection, opened in slices that let other requests through."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

from timos.kernel.db.port import Database, Row, Value
from timos.kernel.errors import DecryptionError
from timos.vault.record import Collection
from timos.vault.store.sealing import blob
from timos.vault.store.stored import Opened
from timos.vault.tables import ROWS, SCAN_ROWS

SLICE_SECONDS: Final = 0.0025  # of opening; whoever reads the slice takes about as long again: 5 ms in all

T = TypeVar("T")

Witness = Callable[[str], Awaitable[None]]


async def slices(
    database: Database, vault_id: bytes, collection: Collection, *, read: Callable[[bytes, bytes, Value], T], witness: Witness
) -> AsyncIterator[Opened[T]]:
    """In no order. `read` opens one row, `witness` records that some did not open."""
    asked: asyncio.Task[list[Row]] | None = _ask(database, vault_id, collection, b"")
    while asked is not None and (rows := await asked):
        # on a server the next ones are on their way while these are opened
        asked = _ask(database, vault_id, collection, blob(rows[-1][0])) if len(rows) == SCAN_ROWS else None
        until = time.monotonic() + SLICE_SECONDS
        items: list[T] = []
        lost: list[bytes] = []
        has_lost = False
        for found, sealed, tag in rows:
            row_id = blob(found)
            try:
                items.append(read(row_id, blob(sealed), tag))
            except DecryptionError:
                lost.append(row_id)
                has_lost = True
            if time.monotonic() > until:
                yield Opened(items, lost)
                items, lost = [], []
                await asyncio.sleep(0)
                until = time.monotonic() + SLICE_SECONDS
        if has_lost:
            await witness(collection.name)
        yield Opened(items, lost)
        await asyncio.sleep(0)


def _ask(database: Database, vault_id: bytes, collection: Collection, after: bytes) -> asyncio.Task[list[Row]]:
    question = database.fetch(ROWS[collection.name].scan, {"vault_id": vault_id, "after": after})
    asked = asyncio.ensure_future(question)
    asked.add_done_callback(lambda task: task.cancelled() or task.exception())  # whoever scanned may have gone away
    return asked
