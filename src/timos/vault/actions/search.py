"""Search: every record is opened and looked at; no index of words is kept anywhere."""

from collections.abc import Callable, Sequence
from datetime import date
from heapq import nlargest
from typing import NamedTuple

import msgspec

from timos.vault.collections import COLLECTIONS
from timos.vault.matching.query import Query
from timos.vault.matching.snippets import Piece
from timos.vault.record import Collection, Key
from timos.vault.store.reading import Reader


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


class _Match(NamedTuple):
    key: Key
    collection: Collection
    raw: bytes


async def search(
    vault: Reader, query: Query, *, first: date | None, last: date | None, collections: Sequence[Collection] = COLLECTIONS, limit: int
) -> Found:
    """Days are inclusive; a day range leaves out records without a day. Of a word that is everywhere no more is held than is shown."""
    newest: list[_Match] = []
    searched = unreadable = total = 0
    for collection in collections:
        if not collection.is_content or ((first or last) and not collection.has_days):
            continue
        async for opened in vault.documents(collection, _looker(collection, query, first, last)):
            searched += len(opened.items)
            unreadable += opened.unreadable
            matches = [match for match in opened.items if match is not None]
            total += len(matches)
            newest = nlargest(limit, newest + matches, key=_age)
    hits = [Hit(collection=collection.name, key=key, snippets=query.snippets(_texts(collection, raw))) for key, collection, raw in newest]
    return Found(hits=hits, total=total, searched=searched, unreadable=unreadable)


def _age(match: _Match) -> tuple[bool, Key]:
    """Greatest for the newest; what has no day comes last."""
    return match.collection.has_days, match.key


def _looker(collection: Collection, query: Query, first: date | None, last: date | None) -> Callable[[bytes], _Match | None]:
    """Decodes only what can match: most of a vault does not."""
    low, high = first.isoformat() if first else "", last.isoformat() if last else "\uffff"

    def look(raw: bytes) -> _Match | None:
        if not query.might_match(raw):
            return None
        document = collection.decode(raw)
        key = collection.key_of(document)
        if (collection.has_days and not low <= key[0] <= high) or not query.matches(list(document.texts())):
            return None
        return _Match(key, collection, raw)

    return look


def _texts(collection: Collection, raw: bytes) -> list[str]:
    return list(collection.decode(raw).texts())
