"""Reading and writing records, for every collection alike: the routes follow from the declaration.

{path}                 GET      for collections with days: list by range, a page at a time
{path}/{day}           GET PUT PATCH DELETE      (key: day)
{path}/{day}           GET      all kinds of a day      (key: day and kind)
{path}/{day}/<kind>    GET PUT PATCH DELETE
{path}                 GET PUT PATCH DELETE      (the one document of its sort)
"""

from collections.abc import Awaitable, Callable, Iterator
from datetime import date, datetime
from functools import partial, reduce
from operator import itemgetter, or_
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from timos.kernel.clock import instant
from timos.kernel.errors import (
    ConflictError,
    DecryptionError,
    InputError,
    NotFoundError,
    PreconditionError,
    QuotaError,
    TimosError,
    TooLargeError,
    UnavailableError,
    VaultLockedError,
)
from timos.kernel.ids import ID_BYTES, bytes_of, text_of
from timos.vault.actions import references
from timos.vault.actions.merging import merge
from timos.vault.collections import COLLECTIONS
from timos.vault.collections.weekly_recaps import parse_week
from timos.vault.record import FIRST_DAY, KIB, LAST_DAY, Collection, Document, Key, is_id, parse_bound, parse_day
from timos.vault.store.stored import UNKNOWN, Page, Stored, lost_key
from timos.vault.store.vault import Vault
from timos.web import strict_json
from timos.web.answers import Answer, empty, json_answer
from timos.web.deps import services_of, session_of, unlocked
from timos.web.route import Call, Route

PAGE_SIZE = 100
LONGEST_RANGE_DAYS = 400  # one token each; a longer range is asked for in parts

_PROBLEMS = (VaultLockedError, DecryptionError, UnavailableError)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """How a stored document goes out; `document` is spliced in as it was opened."""

    id: str
    etag: str
    created_at: datetime
    updated_at: datetime
    document: msgspec.Raw


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


def record_of(collection: Collection, stored: Stored) -> Record:
    return Record(
        id=collection.public_id(stored.key),
        etag=stored.etag,
        created_at=instant(stored.created_ms),
        updated_at=instant(stored.updated_ms),
        document=msgspec.Raw(stored.raw),
    )


_described: dict[str, Any] = {}  # Any: types made for the OpenAPI document only; one per name, for they are compared by identity


def answer_type(collection: Collection, kind: type[Document] | None = None) -> Any:  # Any: as above
    """`Record` with the document's own type (that of `kind`, or of any kind) in place of the raw bytes."""
    kinds = [kind] if kind else list(collection.kinds.values())
    name = kinds[0].__name__ if len(kinds) == 1 else _title(collection)
    fields = [("id", str), ("etag", str), ("created_at", datetime), ("updated_at", datetime), ("document", reduce(or_, kinds))]
    return _described.setdefault(name, msgspec.defstruct(f"{name}Record", fields))


def listing_type(collection: Collection) -> Any:  # Any: as above
    items = list.__class_getitem__(answer_type(collection))
    name = f"{_title(collection)}Listing"
    return _described.setdefault(name, msgspec.defstruct(name, [("items", items), ("unreadable", list[str]), ("next", str | None)]))


def patch_type(document: type[Document]) -> Any:  # Any: as above
    """What a merge patch of a document may hold: any of its fields, null to take it back to where it began."""
    fields = [(field.encode_name, field.type | None | UnsetType, UNSET) for field in msgspec.structs.fields(document)]
    name = f"{document.__name__}Patch"
    return _described.setdefault(name, msgspec.defstruct(name, fields, forbid_unknown_fields=True))


def described(answer: type[msgspec.Struct], **exact: Any) -> Any:  # Any: as above
    """`answer` with exact types for some of its fields, in place of those with raw bytes in them."""
    fields = [(field.encode_name, exact.get(field.name, field.type)) for field in msgspec.structs.fields(answer)]
    return _described.setdefault(
        answer.__name__, msgspec.defstruct(answer.__name__, fields, namespace={"__doc__": answer.__doc__}, kw_only=True)
    )


def _title(collection: Collection) -> str:
    return collection.name.title().replace("_", "")


# ── handlers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def read(collection: Collection, kind: str | None, call: Call) -> Answer:
    stored = await (await unlocked(call)).get(collection, key_of(collection, kind, call))
    if stored is None:
        raise NotFoundError
    return json_answer(record_of(collection, stored), etag=stored.etag)


async def write(collection: Collection, kind: str | None, call: Call) -> Answer:
    key = key_of(collection, kind, call)
    document = checked(collection, key, call.body)
    vault = await unlocked(call)
    if collection.has_ids or has_references(document):
        await refer(vault, collection, document, await known(vault, collection, key))
    written = await vault.put(collection, key, document, expected_of(call))
    return json_answer(record_of(collection, written.stored), status=201 if written.is_new else 200, etag=written.stored.etag)


async def patch(collection: Collection, kind: str | None, call: Call) -> Answer:
    """JSON Merge Patch on the stored document; a missing one counts as empty."""
    key = key_of(collection, kind, call)
    expected = expected_of(call)

    def edit(stored: Stored | None) -> Document:
        if expected is not None and (stored is None or (stored.etag not in expected and "*" not in expected)):
            raise PreconditionError(etag=stored.etag if stored else None, stored=stored.raw if stored else None)
        before = msgspec.json.decode(stored.raw) if stored else {}
        form = collection.type_of(key)
        return checked(collection, key, strict_json.decode(msgspec.json.encode(merge(form, before, call.body)), form))

    vault = await unlocked(call)
    before = await known(vault, collection, key)
    document = edit(before)
    if has_references(document):
        await refer(vault, collection, document, before)
    written = await vault.change(collection, key, edit)
    return json_answer(record_of(collection, written.stored), status=201 if written.is_new else 200, etag=written.stored.etag)


async def create(collection: Collection, call: Call) -> Answer:
    """A new record with an id of ours; the same Idempotency-Key gives the same record, or 409 with another content."""
    vault = await unlocked(call)
    idempotency_key = call.header("idempotency-key")
    random = services_of(call).instance.random
    key = (vault.derived_id(collection, idempotency_key) if idempotency_key else text_of(random(ID_BYTES)),)
    document = checked(collection, key, call.body)
    await refer(vault, collection, document, None)
    try:
        written = await vault.put(collection, key, document)
    except PreconditionError as error:
        message = "This Idempotency-Key was used for something else."
        raise ConflictError(message) from error
    return json_answer(record_of(collection, written.stored), status=201, etag=written.stored.etag)


async def list_all(collection: Collection, call: Call) -> Answer:
    found = await (await unlocked(call)).whole(collection)
    order = [(*_place_in_list(stored.raw), stored.key, stored) for stored in found.items]
    order.sort(key=itemgetter(0, 1, 2))
    # an id is nobody's to guess: so that it can be deleted, what does not open is called something
    unreadable = [lost_key(row_id) if collection.has_ids else UNKNOWN for row_id in found.lost]
    return json_answer(_listing(collection, [stored for *_, stored in order], unreadable, None))


async def delete(collection: Collection, kind: str | None, call: Call) -> Answer:
    if not await (await unlocked(call)).delete(collection, key_of(collection, kind, call), expected_of(call)):
        raise NotFoundError
    return empty()


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


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def day_of(call: Call) -> date:
    return parse_day(call.path["day"], path="day", today_utc=services_of(call).today_utc())


async def known(vault: Vault, collection: Collection, key: Key) -> Stored | None:
    """What is stored; an id that is not there is no address to write to, for ids are ours to give.

    Raises:
        NotFoundError: see there.
    """
    stored = await vault.get(collection, key)
    if stored is None and collection.has_ids:
        raise NotFoundError
    return stored


def has_references(document: Document) -> bool:
    return any(True for _ in document.references())


async def refer(vault: Vault, collection: Collection, document: Document, before: Stored | None) -> None:
    """Raises:
    InputError: the document points at something that is not there.
    """
    await references.check(vault, document, collection.decode(before.raw) if before else None)


class _InList(msgspec.Struct):
    position: int = 0
    name: str = ""


def _place_in_list(raw: bytes) -> tuple[int, str]:
    fields = msgspec.json.decode(raw, type=_InList)
    return fields.position, fields.name.casefold()


def key_of(collection: Collection, kind: str | None, call: Call) -> Key:
    """The natural key that the address names.

    Raises:
        InputError: no plausible day, or no week of the calendar.
        NotFoundError: no id that we could have given.
    """
    if collection.has_ids:
        if not is_id(call.path["id"]):
            raise NotFoundError
        return (call.path["id"],)
    if collection.key == ("week",):
        return (parse_week(call.path["week"], path="week"),)
    if not collection.has_days:
        return ()
    day = day_of(call).isoformat()
    return (day, kind) if kind else (day,)


def checked(collection: Collection, key: Key, document: Document) -> Document:
    """Placed at its address and held against the rules that no type can say."""
    placed = collection.place(document, key)
    placed.check()
    return placed


def expected_of(call: Call) -> list[str] | None:
    """The entity tags of If-Match (RFC 9110 section 13.1.1); weak ones never match.

    Raises:
        InputError: not a list of quoted tags.
    """
    header = call.header("if-match")
    if header is None:
        return None
    tags = [tag.strip() for tag in header.split(",")]
    if any(tag != "*" and not (tag.removeprefix("W/").startswith('"') and tag.endswith('"') and len(tag) > 1) for tag in tags):
        message = 'If-Match holds the ETag of an answer in its quotes, such as "abc", or *.'
        raise InputError(message, path="If-Match")
    return tags


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


# ── routes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def routes() -> Iterator[Route]:
    for collection in COLLECTIONS:
        if collection.path is None:
            continue  # only verbs reach it
        if not collection.key:
            yield from _document_routes(collection, collection.path, None)
        elif collection.key == ("day", "kind"):
            yield _list_route(collection, list_days, ListQuery)
            yield _day_route(collection)
            for kind in collection.kinds:
                yield from _document_routes(collection, f"{collection.path}/{{day}}/{kind}", kind)
        else:
            yield _list_route(collection, list_days, ListQuery) if collection.has_days else _list_route(collection, list_all, None)
            if collection.has_ids:
                yield _create_route(collection)
            yield from _document_routes(collection, f"{collection.path}/{{{collection.key[0]}}}", None)


def _list_route(collection: Collection, handler: Callable[[Collection, Call], Awaitable[Answer]], query: type | None) -> Route:
    return Route(
        method="GET",
        path=collection.path or "",
        name=f"{collection.name}_list",
        summary=f"{collection.label}: list by day, a page at a time" if query else f"{collection.label}: all of them",
        tag=collection.label,
        handler=partial(handler, collection),
        query=query,
        answer=listing_type(collection),
        problems=_PROBLEMS,
    )


def _create_route(collection: Collection) -> Route:
    return Route(
        method="POST",
        path=collection.path or "",
        name=f"{collection.name}_create",
        summary=f"{collection.label}: make one",
        tag=collection.label,
        handler=partial(create, collection),
        body=collection.kinds[""],
        body_limit_bytes=collection.limit_bytes + 4 * KIB,
        answer=answer_type(collection),
        status=201,
        headers=("Idempotency-Key",),
        is_idempotency_keyed=True,
        problems=(ConflictError, QuotaError, TooLargeError, *_PROBLEMS),
    )


def _day_route(collection: Collection) -> Route:
    return Route(
        method="GET",
        path=f"{collection.path}/{{day}}",
        name=f"{collection.name}_of_day",
        summary=f"{collection.label}: all of one day",
        tag=collection.label,
        handler=partial(read_day, collection),
        answer=listing_type(collection),
        problems=_PROBLEMS,
    )


def _missing(collection: Collection) -> tuple[type[TimosError], ...]:
    return (NotFoundError,) if collection.has_ids else ()


def _taken(collection: Collection) -> tuple[type[TimosError], ...]:
    return (ConflictError,) if collection.has_names else ()


def _document_routes(collection: Collection, path: str, kind: str | None) -> Iterator[Route]:
    document = collection.kinds[kind or ""]
    prefix = f"{collection.name}_{kind}" if kind else collection.name
    label = f"{collection.label} ({kind})" if kind else collection.label
    answer = answer_type(collection, document)
    limit = collection.limit_bytes + 4 * KIB  # white space and the like around the document itself
    made = {} if collection.has_ids else {201: answer}  # ids are ours to give: nothing is made at one
    common: dict[str, Any] = {"path": path, "tag": collection.label, "answer": answer}  # Any: keyword arguments
    yield Route(
        method="GET",
        name=f"{prefix}_get",
        summary=f"{label}: read",
        handler=partial(read, collection, kind),
        problems=(NotFoundError, *_PROBLEMS),
        **common,
    )
    yield Route(
        method="PUT",
        name=f"{prefix}_put",
        summary=f"{label}: write whole; without If-Match only where nothing is stored",
        handler=partial(write, collection, kind),
        body=document,
        body_limit_bytes=limit,
        other_statuses=made,
        headers=("If-Match",),
        problems=(*_missing(collection), *_taken(collection), PreconditionError, QuotaError, TooLargeError, *_PROBLEMS),
        **common,
    )
    yield Route(
        method="PATCH",
        name=f"{prefix}_patch",
        summary=f"{label}: change some fields (JSON Merge Patch)",
        handler=partial(patch, collection, kind),
        body=dict[str, Any],
        described_body=patch_type(document),
        body_limit_bytes=limit,
        other_statuses=made,
        headers=("If-Match",),
        problems=(*_missing(collection), *_taken(collection), PreconditionError, QuotaError, TooLargeError, *_PROBLEMS),
        **common,
    )
    yield Route(
        method="DELETE",
        name=f"{prefix}_delete",
        summary=f"{label}: delete",
        handler=partial(delete, collection, kind),
        status=204,
        headers=("If-Match",),
        problems=(NotFoundError, PreconditionError, *_PROBLEMS),
        **{**common, "answer": None},
    )
