"""Search: every record is opened and looked at; no index of words is kept anywhere."""

from collections.abc import Sequence
from datetime import date

import msgspec

from timos.vault.collections import COLLECTIONS
from timos.vault.matching import Piece, Query
from timos.vault.record import Collection, Key
from timos.vault.store import Stored, Vault


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A record that matches, newest first."""

    collection: str
    key: Key
    snippets: list[list[Piece]]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """`total` counts all matches, `hits` holds the newest of them; `unreadable` rows were skipped and are reported."""

    hits: list[Hit]
    total: int
    searched: int
    unreadable: int


async def search(
    vault: Vault, query: Query, *, first: date | None, last: date | None, collections: Sequence[Collection] = COLLECTIONS, limit: int
) -> Found:
    """Days are inclusive; a day range leaves out records without a day."""
    low, high = first.isoformat() if first else "", last.isoformat() if last else "\uffff"
    matches: list[tuple[Key, Collection, Stored]] = []
    searched = unreadable = 0
    for collection in collections:
        if not collection.is_content or ((first or last) and not collection.has_days):
            continue
        async for opened in vault.scan(collection):
            searched += len(opened.items)
            unreadable += opened.unreadable
            for stored in opened.items:
                if collection.has_days and not low <= stored.key[0] <= high:
                    continue
                if query.might_match(stored.raw) and query.matches(_texts(collection, stored)):
                    matches.append((stored.key, collection, stored))
    # newest first; what has no day comes last
    matches.sort(key=lambda match: (match[1].has_days, match[0]), reverse=True)
    hits = [
        Hit(collection=collection.name, key=key, snippets=query.snippets(_texts(collection, stored)))
        for key, collection, stored in matches[:limit]
    ]
    return Found(hits=hits, total=len(matches), searched=searched, unreadable=unreadable)


def _texts(collection: Collection, stored: Stored) -> list[str]:
    return list(collection.decode(stored.raw).texts())
