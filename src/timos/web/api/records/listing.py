"""Many records: of a day, of a range of days, or all there are."""

from datetime import date
from operator import itemgetter

import msgspec

from timos.kernel.errors import InputError
from timos.kernel.ids import bytes_of, text_of
from timos.vault.record import FIRST_DAY, LAST_DAY, Collection, Key, parse_bound
from timos.vault.store.stored import UNKNOWN, Page, Stored, lost_key
from timos.web.answers import Answer, json_answer
from timos.web.api.records.paths import day_of
from timos.web.api.records.record import Record, record_of
from timos.web.deps import services_of, session_of, unlocked
from timos.web.route import Call

PAGE_SIZE = 100
LONGEST_RANGE_DAYS = 400  # one token each; a longer range is asked for in parts


class ListQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"first": "from", "last": "to"}):
    """Days are inclusive. Without `from` a page begins at the first day there is."""

    first: str | None = None
    last: str | None = None
    limit: int = PAGE_SIZE
    cursor: str | None = None


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """`unreadable` names records that do not open, such that each can be deleted by its name (but `unknown`); `next` is the cursor of
    the next page.
    """

    items: list[Record]
    unreadable: list[str]
    next: str | None


async def list_all(collection: Collection, call: Call) -> Answer:
    found = await (await unlocked(call)).whole(collection)
    order = [(*_place_in_list(stored.raw), stored.key, stored) for stored in found.items]
    order.sort(key=itemgetter(0, 1, 2))
    # an id is nobody's to guess: so that it can be deleted, what does not open is called something
    unreadable = [lost_key(row_id) if collection.has_ids else UNKNOWN for row_id in found.lost]
    return json_answer(_listing(collection, [stored for *_, stored in order], unreadable, None))


async def read_day(collection: Collection, call: Call) -> Answer:
    day = day_of(call)
    page = await (await unlocked(call)).days(collection, day, day)
    return json_answer(_listing(collection, page.items, page.unreadable, None))


async def list_days(collection: Collection, call: Call) -> Answer:
    query: ListQuery = call.query
    if not 1 <= query.limit <= PAGE_SIZE:
        message = f"A page has 1 to {PAGE_SIZE} records."
        raise InputError(message, path="limit")
    first = parse_bound(query.first, path="from") if query.first is not None else FIRST_DAY
    last = parse_bound(query.last, path="to") if query.last is not None else LAST_DAY
    if first > last:
        message = "`from` is after `to`."
        raise InputError(message, path="from")
    after = _position(collection, query.cursor)
    vault = await unlocked(call)
    if (last - first).days < LONGEST_RANGE_DAYS:
        page = await vault.days(collection, first, last, after=after, limit=query.limit)
    else:
        async with services_of(call).scans.turn(session_of(call).user_id):
            page = await vault.long_range(collection, first, last, after=after, limit=query.limit)
    following = text_of(msgspec.json.encode(_last_key(page))) if page.has_more else None
    return json_answer(_listing(collection, page.items, page.unreadable, following))


class _InList(msgspec.Struct):
    position: int = 0
    name: str = ""


def _place_in_list(raw: bytes) -> tuple[int, str]:
    fields = msgspec.json.decode(raw, type=_InList)
    return fields.position, fields.name.casefold()


def _position(collection: Collection, cursor: str | None) -> Key | None:
    if cursor is None:
        return None
    raw = bytes_of(cursor, len(cursor) * 3 // 4)
    try:
        key = tuple(msgspec.json.decode(raw or b"", type=list[str]))
        date.fromisoformat(key[0])
    except (msgspec.MsgspecError, ValueError, IndexError):
        key = ()
    if len(key) != len(collection.key):
        message = "This cursor is not one that a page gave out."
        raise InputError(message, path="cursor")
    return key


def _last_key(page: Page) -> Key:
    """Where the next page goes on; a row that does not open has its place too, where that is known."""
    return max([stored.key for stored in page.items] + [key for key in page.unreadable if key != UNKNOWN])


def _listing(collection: Collection, items: list[Stored], unreadable: list[Key], following: str | None) -> Listing:
    return Listing(
        items=[record_of(collection, stored) for stored in items],
        unreadable=[collection.public_id(key) for key in unreadable],
        next=following,
    )
