"""A document for each kind that a collection has, and the verbs that reach it. Every field is set, so that a field that is lost
somewhere is missed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import msgspec
import pytest

from tests.support import NOW_MS, Json
from timos.lifecycle.formats.archive.writing import ArchiveWriter
from timos.vault.collections import COLLECTIONS
from timos.vault.collections.moods import SYSTEM
from timos.vault.collections.weekly_recaps import week_of
from timos.vault.record import Collection, Document, Key, NamedDocument, canonical

DAY = "2026-11-20"
OTHER_DAY = "2026-11-23"  # of another week
WIDE = "€"  # three bytes, one character: a document reaches its limit in bytes before any field reaches its own in characters
SPELLED_OUT = "\u0001"  # six bytes, one character


@dataclass(frozen=True, slots=True)
class Sample:
    """`full` sets every field, `other` says something else; `filled` puts a text of any length where much room is, None where no
    document can be as large as its collection allows.

    `day` chooses among the records of the sample, also where they are not of days.
    """

    collection: Collection
    kind: str
    full: Json
    other: Json
    filled: Callable[[str], Json] | None

    @property
    def name(self) -> str:
        return f"{self.table}_{self.kind}" if self.kind else self.table

    @property
    def form(self) -> type[Document]:
        return self.collection.kinds[self.kind]

    @property
    def table(self) -> str:
        return self.collection.name

    @property
    def least(self) -> Json:
        """What cannot be left out."""
        return {field.encode_name: self.full[field.encode_name] for field in msgspec.structs.fields(self.form) if field.required}

    @property
    def path(self) -> str:
        """Empty where only verbs reach it."""
        return self.collection.path or ""

    def key(self, day: str = DAY) -> Key:
        if not self.collection.key:
            return ()
        first = f"{self.table}-{day}" if self.collection.has_ids else day
        if self.collection.key == ("week",):
            first = week_of(date.fromisoformat(day))
        return (first, self.kind) if self.kind else (first,)

    def named(self, day: str = DAY) -> Json:
        """What the stored document says of its own key."""
        return dict(zip(self.collection.key, self.key(day), strict=True))

    def address(self, day: str = DAY) -> str:
        return self.address_of(self.key(day))

    def address_of(self, key: Key) -> str:
        return "/".join([self.path, *key])

    def id(self, day: str = DAY) -> str:
        return self.collection.public_id(self.key(day))

    def body(self, document: Json, day: str = DAY) -> Json:
        """As it is sent: no two have the same name."""
        is_renamed = self.collection.has_names and day != DAY and "name" in document
        return {**document, "name": f"{document['name']} of {day}"} if is_renamed else document

    def document(self, document: Json, day: str = DAY) -> Document:
        placed = self.collection.place(msgspec.convert(self.body(document, day), self.form), self.key(day))
        placed.check()
        return placed

    def raw(self, document: Json, day: str = DAY) -> bytes:
        """As it is stored."""
        return canonical(self.document(document, day))

    def sized(self, size_bytes: int) -> Json:
        """A document of exactly so many stored bytes."""
        assert self.filled is not None
        rest = size_bytes - len(self.raw(self.filled(WIDE))) + len(WIDE.encode())
        return self.filled(WIDE * (rest // 3) + "x" * (rest % 3))


_FULL: Mapping[str, tuple[Json, Json, Callable[[str], Json] | None]] = {
    "DailyEntry": (
        {
            "title": "A quiet day",
            "body": 'Walked along the river.\n\nThen *home*: 雨, ünïcode, \u2028 and \\ "quotes" \u0000.',
            "pillars": [{"pillar": "health", "note": "an hour outside"}],
            "tags": ["river", "rain"],
            "notes": [{"id": "n1", "at": "2026-11-20T08:15:30Z", "text": "Up early.", "pillar": "rest", "mood": "calm"}],
            "completed": True,
            "place": "Basel",
            "weather": "rain",
            "source": {"name": "paper", "id": "17"},
        },
        {"title": "Another", "body": "Something else.", "tags": ["other"]},
        lambda text: {"body": text},
    ),
    "Morning": (
        {
            "mental_state": 4,
            "strongest_emotion": "hope",
            "emotions": ["hope", "unrest"],
            "valence": 0.25,
            "energy": -0.5,
            "avoiding": "the letter",
            "sleep_hours": 7.5,
            "note": "Fog.",
        },
        {"mental_state": 2, "note": "Another."},
        lambda text: {"note": WIDE * 6000, "avoiding": text},
    ),
    "Evening": (
        {
            "energy_givers": ["the walk"],
            "energy_drainers": ["the phone", "the phone again"],
            "pressure_or_purpose": -1,
            "honest_note": "Too late to bed.",
            "emotions": ["tired"],
        },
        {"pressure_or_purpose": 2, "honest_note": "Another."},
        lambda text: {"energy_givers": [WIDE * 500] * 12, "honest_note": text},
    ),
    "Preferences": (
        {
            "time_zone": "Europe/Zurich",
            "day_ends_at_hour": 4,
            "week_start": "sunday",
            "locale": "de-CH",
            "prompts": ["What was good?"],
            "streak_style": "hidden",
        },
        {"time_zone": "Asia/Tokyo", "prompts": ["Another?"]},
        lambda text: {"prompts": [*[WIDE * 500] * 43, text]},
    ),
    "Pillar": (
        {
            "name": "Strong back",
            "purpose": "To carry the children upstairs.",
            "colour": "#00aa7f",
            "icon": "oak",
            "target_text": "Ten pull-ups in a row",
            "target_value": 10.5,
            "current_value": -2.25,
            "unit": "times",
            "position": 3,
            "archived_at": "2026-11-21T10:00:00Z",
        },
        {"name": "Another pillar", "purpose": "Something else."},
        lambda text: {"name": "n", "purpose": SPELLED_OUT * 10_800, "target_text": text},
    ),
    "Habit": (
        {
            "name": "Cold shower",
            "icon": "drop",
            "schedule": {"every": "weekdays", "days": [1, 3, 5]},
            "kind": "count",
            "target": 2.5,
            "unit": "minutes",
            "position": 2,
            "pauses": [{"from": "2026-08-01", "to": "2026-08-14"}],
            "archived_at": "2026-11-21T10:00:00Z",
        },
        {"name": "Another habit", "kind": "minutes", "target": 4.0},
        None,
    ),
    "Mood": (
        {
            "name": "Quietly hopeful",
            "emoji": "🌱",
            "level": 4,
            "valence": 0.5,
            "energy": -0.25,
            "archived_at": "2026-11-21T10:00:00Z",
        },
        {"name": "Another mood", "level": 2},
        None,
    ),
    "PillarScores": (
        {"scores": {"health": {"value": 7, "note": "Slept like a stone."}, "rest": {"value": 3, "note": "Hardly any of it."}}},
        {"scores": {"health": {"value": 2, "note": "Another."}}},
        lambda text: {"scores": {f"p{n}": {"value": 1, "note": WIDE * 2000 if n else text} for n in range(11)}},
    ),
    "HabitDay": (
        {"done": {"walk": {"value": 12.5, "skipped": True, "note": "Along the canal.", "at": "2026-11-20T21:00:00Z"}}},
        {"done": {"walk": {"value": 3, "note": "Another."}}},
        lambda text: {"done": {f"h{n}": {"note": WIDE * 2000 if n else text} for n in range(11)}},
    ),
    "MoodDay": (
        {
            "logs": [
                {
                    "id": "l1",
                    "at": "2026-11-20T08:15:30Z",
                    "mood": "calm",
                    "note": "Sun on the balcony.",
                    "tags": ["first coffee"],
                    "pillar": "rest",
                }
            ]
        },
        {"logs": [{"id": "l2", "at": "2026-11-20T20:00:00Z", "mood": "good", "note": "Another."}]},
        lambda text: {
            "logs": [{"id": f"l{n}", "at": "2026-11-20T20:00:00Z", "mood": "good", "note": WIDE * 4000 if n else text} for n in range(6)]
        },
    ),
    "WeeklyRecap": (
        {
            "highlights": ["The first frost"],
            "pillar_scores": {"health": {"mean": 6.5, "days": 2}},
            "patterns": ["Late nights before hard mornings"],
            "corrections": [{"text": "Phone out of the bedroom", "done": True}],
            "reflection": "A good week, all told.",
            "completed_at": "2026-11-22T18:00:00Z",
        },
        {"highlights": ["Another."], "reflection": "Something else."},
        lambda text: {"highlights": [WIDE * 1000] * 17, "reflection": text},
    ),
    "ImportBatch": (
        {
            "batch": "b1",
            "part": 2,
            "at": "2026-11-20T08:15:30Z",
            "format": "markdown",
            "made": [["daily_entries", "1999-01-01", '"etag"']],
        },
        {"batch": "b2", "at": "2026-11-20T08:15:30Z", "format": "jsonl"},
        None,
    ),
}

SAMPLES = tuple(Sample(collection, kind, *_FULL[form.__name__]) for collection in COLLECTIONS for kind, form in collection.kinds.items())
WRITABLE = tuple(sample for sample in SAMPLES if sample.collection.path is not None)
GIVEN = tuple(sample for sample in WRITABLE if sample.collection.has_ids)  # their addresses are ours to give
ADDRESSED = tuple(sample for sample in WRITABLE if not sample.collection.has_ids)
DAILY = tuple(sample for sample in WRITABLE if sample.collection.has_days)
WHOLE = tuple(sample for sample in WRITABLE if sample.collection.key and not sample.collection.has_days)  # listed on one page
NAMED = tuple(sample for sample in SAMPLES if sample.collection.has_names)
CONTENT = tuple(sample for sample in SAMPLES if sample.collection.is_content)
BOOKKEEPING = tuple(sample for sample in SAMPLES if not sample.collection.is_content)  # ours: nobody wrote it
SEVERAL = tuple(sample for sample in SAMPLES if sample.collection.key)  # all but those of which there is one


def over(samples: Iterable[Sample]) -> pytest.MarkDecorator:
    """A rule for each of them: on files, and for some on the pair with servers that they are dealt to."""
    return pytest.mark.every_engine(over=tuple(samples))


def days_of(sample: Sample) -> tuple[str, ...]:
    return (DAY, OTHER_DAY) if sample.collection.key else (DAY,)


# ── verbs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Verbs:
    """What reads and writes records of a collection beside their own addresses: each looks at the record of DAY.
    `{key}` is its day, week or id.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[tuple[str, str, Json], ...] = ()

    def reads_of(self, sample: Sample) -> list[str]:
        return [path.replace("{key}", _first(sample)) for path in self.reads]

    def writes_of(self, sample: Sample) -> list[tuple[str, str, Json]]:
        return [(method, path.replace("{key}", _first(sample)), _filled(body, _first(sample))) for method, path, body in self.writes]


def _first(sample: Sample) -> str:
    return "".join(sample.key()[:1])


def _filled(body: Json, key: str) -> Json:
    if isinstance(body, dict):
        return {name.replace("{key}", key): _filled(value, key) for name, value in body.items()}
    if isinstance(body, list):
        return [_filled(value, key) for value in body]
    return body.replace("{key}", key) if isinstance(body, str) else body


TODAY = f"/api/today?day={DAY}"
RANGE = f"?from={DAY}&to={OTHER_DAY}"
VERBS: Mapping[str, Verbs] = {
    "pillars": Verbs(
        (TODAY,),
        (
            ("POST", "/api/pillars/{key}/archive", None),
            ("POST", "/api/pillars/{key}/restore", None),
            ("PUT", "/api/pillars/order", {"ids": ["{key}"]}),
            ("PUT", f"/api/pillars/scores/{DAY}", {"scores": {"{key}": {"value": 1}}}),
            ("POST", "/api/moods/log", {"mood": "good", "pillar": "{key}"}),
        ),
    ),
    "morning_habits": Verbs(
        (TODAY, "/api/habits/today", "/api/habits/streaks"),
        (
            ("POST", "/api/habits/{key}/archive", None),
            ("POST", "/api/habits/{key}/restore", None),
            ("PUT", "/api/habits/order", {"ids": ["{key}"]}),
            ("PUT", f"/api/habits/{{key}}/days/{DAY}", {"value": 1}),
        ),
    ),
    "moods": Verbs(
        (),
        (
            ("POST", "/api/moods/{key}/archive", None),
            ("POST", "/api/moods/{key}/restore", None),
            ("POST", "/api/moods/log", {"mood": "{key}"}),
        ),
    ),
    "daily_entries": Verbs((TODAY,), (("POST", "/api/entries/{key}/notes", {"text": "a note"}),)),
    "feels_entries": Verbs((TODAY,)),
    "pillar_scores": Verbs(
        (TODAY, f"/api/pillars/scores{RANGE}", "/api/weekly/current"),
        (
            ("PUT", "/api/pillars/scores/{key}", {"scores": {"rest": {"value": 9}}}),
            ("PUT", "/api/pillars/scores/{key}", {"scores": {"rest": None}}),
        ),
    ),
    "habit_days": Verbs(
        (TODAY, f"/api/habits/history{RANGE}", "/api/habits/streaks"),
        (("PUT", "/api/habits/walk/days/{key}", {"value": 9}), ("DELETE", "/api/habits/walk/days/{key}", None)),
    ),
    "mood_logs": Verbs(
        (TODAY, f"/api/moods/log{RANGE}"),
        (("POST", "/api/moods/log", {"mood": "calm", "day": "{key}"}), ("DELETE", "/api/moods/log/{key}/l1", None)),
    ),
    "weekly_recaps": Verbs((TODAY, "/api/weekly/current"), (("POST", "/api/weekly/{key}/complete", None),)),
    "imports": Verbs((), (("DELETE", "/api/imports/b1", None),)),
    "preferences": Verbs(
        (TODAY, "/api/habits/today", "/api/habits/streaks", "/api/weekly/current"), (("POST", "/api/moods/log", {"mood": "good"}),)
    ),
}


def documents_that_are_pointed_at() -> Iterator[tuple[Collection, Key, Document]]:
    """What the samples and the verbs need to be there."""
    by_name = {sample.table: sample for sample in SAMPLES}
    documents = [sample.document(whole) for sample in SAMPLES for whole in (sample.full, sample.other)]
    found = {(one.collection, one.id) for document in documents for one in document.references()}
    for name, record_id in sorted(found - {("moods", mood.id) for mood in SYSTEM}):
        pointed = by_name[name]
        form = pointed.form
        assert issubclass(form, NamedDocument)
        yield pointed.collection, (record_id,), form(id=record_id, name=record_id)


def archive_of(records: Iterable[tuple[Sample, str, Json]]) -> bytes:
    """A zip as TimOS exports it, of (sample, day, document)."""
    records = list(records)
    archive = ArchiveWriter()
    pieces = []
    for collection in COLLECTIONS:
        pieces.append(archive.add_collection(collection.name, collection.version))
        for sample, day, document in records:
            if sample.collection is collection:
                pieces.append(archive.add_document(sample.id(day), NOW_MS, NOW_MS, sample.raw(document, day)))
    days = sorted({day for sample, day, _ in records if sample.collection.has_days})
    pieces += [archive.add_day(date.fromisoformat(day), f"# {day}\n") for day in days]
    return b"".join([*pieces, archive.finish()])
