"""A document for each kind that a collection has. Every field is set, so that a field that is lost somewhere is missed."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import msgspec

from tests.support import NOW_MS, Json
from timos.lifecycle.formats.archive import ArchiveWriter
from timos.vault.collections import COLLECTIONS
from timos.vault.record import Collection, Document, Key, canonical

DAY = "2026-11-20"
OTHER_DAY = "2026-11-21"
WIDE = "€"  # three bytes, one character: a document reaches its limit in bytes before any field reaches its own in characters


@dataclass(frozen=True, slots=True)
class Sample:
    """`full` sets every field, `other` says something else; `filled` puts a text of any length where much room is."""

    collection: Collection
    kind: str
    full: Json
    other: Json
    filled: Callable[[str], Json]

    @property
    def form(self) -> type[Document]:
        return self.collection.kinds[self.kind]

    @property
    def table(self) -> str:
        return self.collection.name

    def key(self, day: str = DAY) -> Key:
        return (day, self.kind) if self.kind else (day,) if self.collection.has_days else ()

    def address(self, day: str = DAY) -> str:
        return "/".join([self.collection.path, *self.key(day)])

    def id(self, day: str = DAY) -> str:
        return self.collection.public_id(self.key(day))

    def raw(self, document: Json, day: str = DAY) -> bytes:
        """As it is stored."""
        return canonical(self.collection.place(msgspec.convert(document, self.form), self.key(day)))

    def sized(self, size_bytes: int) -> Json:
        """A document of exactly so many stored bytes."""
        rest = size_bytes - len(self.raw(self.filled(WIDE))) + len(WIDE.encode())
        return self.filled(WIDE * (rest // 3) + "x" * (rest % 3))


_FULL: Mapping[str, tuple[Json, Json, Callable[[str], Json]]] = {
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
}

SAMPLES = tuple(Sample(collection, kind, *_FULL[form.__name__]) for collection in COLLECTIONS for kind, form in collection.kinds.items())
DAILY = tuple(sample for sample in SAMPLES if sample.collection.has_days)


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
