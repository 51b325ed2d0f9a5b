"""Everything a user has, as one zip that a text editor can read; streamed, in slices, with nothing of it on our disk."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from datetime import date, timedelta

import msgspec

from timos.lifecycle.formats import pages
from timos.lifecycle.formats.archive.writing import ArchiveWriter
from timos.vault.collections import COLLECTIONS
from timos.vault.store.reading import Reader
from timos.vault.store.stored import Page

WINDOW_DAYS = 60  # opened at once for the Markdown pages


class _Named(msgspec.Struct):
    name: str


async def export(vault: Reader) -> AsyncGenerator[bytes]:
    """The archive's bytes, piece by piece. Rows that do not open are counted in it, not passed over in silence."""
    archive = ArchiveWriter()
    days: set[str] = set()
    names: dict[str, str] = {}
    unreadable = 0
    for collection in COLLECTIONS:
        if not collection.is_content:
            continue
        yield archive.add_collection(collection.name, collection.version)
        async for opened in vault.scan(collection):
            unreadable += opened.unreadable
            for stored in sorted(opened.items, key=lambda stored: stored.key):
                if collection.has_days:
                    days.add(stored.key[0])
                elif collection.has_names:
                    names[stored.key[0]] = msgspec.json.decode(stored.raw, type=_Named).name
                if piece := archive.add_document(collection.public_id(stored.key), stored.created_ms, stored.updated_ms, stored.raw):
                    yield piece
    async for piece in _day_pages(vault, archive, sorted(days), names):
        yield piece
    if unreadable:
        yield archive.add_text(
            "UNREADABLE.txt", f"{unreadable} records did not open and are not in this archive. Tell the operator of the server.\n"
        )
    yield archive.finish()


async def _day_pages(vault: Reader, archive: ArchiveWriter, days: list[str], names: Mapping[str, str]) -> AsyncGenerator[bytes]:
    at = 0
    while at < len(days):
        first = date.fromisoformat(days[at])
        last = min(first + timedelta(days=WINDOW_DAYS - 1), date.fromisoformat(days[-1]))
        window = await _window(vault, first, last)
        while at < len(days) and days[at] <= last.isoformat():
            if piece := archive.add_day(date.fromisoformat(days[at]), pages.markdown(days[at], window.get(days[at], []), names)):
                yield piece
            at += 1
        await asyncio.sleep(0)


async def _window(vault: Reader, first: date, last: date) -> dict[str, list[pages.Part]]:
    found: dict[str, list[pages.Part]] = {}
    for collection in COLLECTIONS:
        if not collection.has_days:
            continue
        page: Page = await vault.days(collection, first, last, limit=WINDOW_DAYS * len(collection.kinds))
        for stored in page.items:
            found.setdefault(stored.key[0], []).append((collection, collection.decode(stored.raw)))
    return found
