"""Today, timed notes, and search: the verbs of the journal beyond reading and writing single records."""

from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import Annotated, Any

import msgspec

from timos.kernel.errors import ConflictError, DecryptionError, InputError, QuotaError, UnavailableError, VaultLockedError
from timos.vault.actions import notes
from timos.vault.actions.habits import HabitToday
from timos.vault.actions.notes import NewNote
from timos.vault.actions.search import search
from timos.vault.actions.today import Part, today
from timos.vault.collections import COLLECTIONS, daily_entries, feels_entries, mood_logs, pillar_scores, pillars, preferences
from timos.vault.matching.query import Query
from timos.vault.record import Collection, parse_bound, parse_day
from timos.vault.store.stored import Stored
from timos.web.answers import Answer, json_answer
from timos.web.api.ranges import DayQuery
from timos.web.api.records.paths import day_of
from timos.web.api.records.record import Record, answer_type, described, record_of
from timos.web.api.weekly import WEEK, WeekAnswer, week_answer
from timos.web.deps import services_of, session_of, unlocked
from timos.web.route import Call, Route

MAX_HITS = 100
SEARCH_SECONDS = 60  # of a vault as full as it may be, beside everybody else's requests
_PROBLEMS = (VaultLockedError, DecryptionError, UnavailableError)


class TodayAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """None for what was not written yet; `unreadable` pillars and habits did not open and were left out, and so were those documents of
    the day that `unreadable_parts` names. Another document of the day that does not open is an error.
    """

    day: date
    entry: Record | None
    morning: Record | None
    evening: Record | None
    scores: Record | None
    moods: Record | None
    preferences: Record | None
    pillars: list[Record]
    habits: list[HabitToday]
    week: WeekAnswer
    on_this_day: list[Record]
    unreadable: int
    unreadable_parts: list[Part]


class SearchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """All words must occur; "a phrase" in quotes; prefix*. Days are inclusive."""

    query: str
    first: str | None = None
    last: str | None = None
    collections: list[str] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_HITS)] = 20


class Piece(msgspec.Struct, frozen=True):
    """A part of a snippet; `marked` where the query matched."""

    text: str
    marked: bool


class SearchHit(msgspec.Struct, frozen=True, kw_only=True):
    """`day` is None for records without one."""

    collection: str
    id: str
    day: str | None
    snippets: list[list[Piece]]


class SearchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`total` counts all matches; `unreadable` rows did not open and were left out."""

    hits: list[SearchHit]
    total: int
    searched: int
    unreadable: int


async def show_today(call: Call) -> Answer:
    services = services_of(call)
    query: DayQuery = call.query
    day = parse_day(query.day, path="day", today_utc=services.today_utc()) if query.day is not None else None
    found = await today(await unlocked(call), now=services.now(), day=day)

    def record(collection: Collection, stored: Stored | None) -> Record | None:
        return record_of(collection, stored) if stored else None

    return json_answer(
        TodayAnswer(
            day=found.day,
            entry=record(daily_entries.COLLECTION, found.entry),
            morning=record(feels_entries.COLLECTION, found.morning),
            evening=record(feels_entries.COLLECTION, found.evening),
            scores=record(pillar_scores.COLLECTION, found.scores),
            moods=record(mood_logs.COLLECTION, found.moods),
            preferences=record(preferences.COLLECTION, found.preferences),
            pillars=[record_of(pillars.COLLECTION, stored) for stored in found.pillars],
            habits=found.habits,
            week=week_answer(found.week),
            on_this_day=[record_of(daily_entries.COLLECTION, stored) for stored in found.on_this_day],
            unreadable=found.unreadable,
            unreadable_parts=found.unreadable_parts,
        )
    )


async def append_note(call: Call) -> Answer:
    services = services_of(call)
    written = await notes.append(
        await unlocked(call),
        day_of(call),
        call.body,
        now=services.now(),
        random=services.instance.random,
        idempotency_key=call.header("idempotency-key"),
    )
    return json_answer(record_of(daily_entries.COLLECTION, written.stored), status=201, etag=written.stored.etag)


async def find(call: Call) -> Answer:
    services = services_of(call)
    wanted: SearchRequest = call.body
    first = parse_bound(wanted.first, path="$.from") if wanted.first is not None else None
    last = parse_bound(wanted.last, path="$.to") if wanted.last is not None else None
    if first and last and first > last:
        message = "`from` is after `to`."
        raise InputError(message, path="$.from")
    query = Query.parse(wanted.query)
    collections = _named(wanted.collections)
    vault = await unlocked(call)
    async with services.scans.turn(session_of(call).user_id):
        found = await search(vault, query, first=first, last=last, collections=collections, limit=wanted.limit)
    by_name = {collection.name: collection for collection in collections}
    hits = [
        SearchHit(
            collection=hit.collection,
            id=by_name[hit.collection].public_id(hit.key),
            day=hit.key[0] if by_name[hit.collection].has_days else None,
            snippets=[[Piece(piece.text, piece.marked) for piece in snippet] for snippet in hit.snippets],
        )
        for hit in found.hits
    ]
    return json_answer(SearchAnswer(hits=hits, total=found.total, searched=found.searched, unreadable=found.unreadable))


def _named(names: list[str] | None) -> tuple[Collection, ...]:
    if names is None:
        return COLLECTIONS
    known = {collection.name: collection for collection in COLLECTIONS}
    for at, name in enumerate(names):
        if name not in known:
            message = f"There are the collections {', '.join(known)}."
            raise InputError(message, path=f"$.collections[{at}]")
    return tuple(known[name] for name in dict.fromkeys(names))  # each is read once, however often it is named


def _today_type() -> Any:  # Any: made for the OpenAPI document only
    entry = answer_type(daily_entries.COLLECTION)
    kinds = feels_entries.COLLECTION.kinds
    return described(
        TodayAnswer,
        entry=entry | None,
        morning=answer_type(feels_entries.COLLECTION, kinds["morning"]) | None,
        evening=answer_type(feels_entries.COLLECTION, kinds["evening"]) | None,
        scores=answer_type(pillar_scores.COLLECTION) | None,
        moods=answer_type(mood_logs.COLLECTION) | None,
        preferences=answer_type(preferences.COLLECTION) | None,
        pillars=list.__class_getitem__(answer_type(pillars.COLLECTION)),
        week=WEEK,
        on_this_day=list.__class_getitem__(entry),
    )


def routes() -> Iterator[Route]:
    entry = answer_type(daily_entries.COLLECTION)
    day_route = partial(Route, tag="Journal", problems=_PROBLEMS)
    yield day_route(
        method="GET",
        path="/api/today",
        name="today",
        summary="All that the Today screen needs",
        handler=show_today,
        query=DayQuery,
        answer=_today_type(),
    )
    yield Route(
        method="POST",
        path=f"{daily_entries.COLLECTION.path}/{{day}}/notes",
        name="daily_entries_append_note",
        summary="Append a timed note to a day; two devices at once lose nothing",
        tag=daily_entries.COLLECTION.label,
        handler=append_note,
        body=NewNote,
        answer=entry,
        status=201,
        headers=("Idempotency-Key",),
        is_idempotency_keyed=True,
        problems=(ConflictError, QuotaError, *_PROBLEMS),
    )
    yield day_route(
        method="POST",
        path="/api/search",
        name="search",
        summary="Search everything that was written",
        handler=find,
        body=SearchRequest,
        answer=SearchAnswer,
        deadline_seconds=SEARCH_SECONDS,
    )
