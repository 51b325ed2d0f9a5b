"""The daily entry: what happened, in the user's own words, with timed notes that arrive during the day."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import msgspec

from timos.kernel.errors import InputError
from timos.vault.record import KIB, Collection, DayDocument, Reference

MAX_NOTES = 200

Short = Annotated[str, msgspec.Meta(max_length=200)]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
NoteText = Annotated[str, msgspec.Meta(min_length=1, max_length=16 * KIB)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Body = Annotated[str, msgspec.Meta(max_length=1024 * KIB)]


class PillarLink(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The part of a day that served a pillar."""

    pillar: Short
    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""


class Note(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A thought with its time; `id` is random, or derived from the Idempotency-Key it came with."""

    id: Short
    at: Moment | None = None
    text: NoteText
    pillar: Short | None = None
    mood: Short | None = None


class Source(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where an imported entry came from."""

    name: Short
    id: Short = ""


class DailyEntry(DayDocument, frozen=True, kw_only=True):
    """Markdown in `body`; everything else may stay empty."""

    title: Short = ""
    body: Body = ""
    pillars: Annotated[tuple[PillarLink, ...], msgspec.Meta(max_length=50)] = ()
    tags: Annotated[tuple[Tag, ...], msgspec.Meta(max_length=50)] = ()
    notes: Annotated[tuple[Note, ...], msgspec.Meta(max_length=MAX_NOTES)] = ()
    completed: bool = False
    place: Short | None = None
    weather: Short | None = None
    source: Source | None = None

    def references(self) -> Iterator[Reference]:
        for at, link in enumerate(self.pillars):
            yield Reference(f"$.pillars[{at}].pillar", "pillars", link.pillar)
        for at, note in enumerate(self.notes):
            if note.pillar is not None:
                yield Reference(f"$.notes[{at}].pillar", "pillars", note.pillar)
            if note.mood is not None:
                yield Reference(f"$.notes[{at}].mood", "moods", note.mood)

    def texts(self) -> Iterator[str]:
        yield self.title
        yield self.body
        yield from self.tags
        for note in self.notes:
            yield note.text
        for link in self.pillars:
            yield link.note
        yield self.place or ""


def with_note(entry: DailyEntry, note: Note) -> DailyEntry:
    """The entry with one more note, in the order in which they came.

    Raises:
        InputError: the day is full.
    """
    if len(entry.notes) >= MAX_NOTES:
        message = f"A day holds at most {MAX_NOTES} notes."
        raise InputError(message, path="$.notes")
    return msgspec.structs.replace(entry, notes=(*entry.notes, note))


COLLECTION = Collection(
    name="daily_entries",
    path="/api/entries",
    label="Daily entries",
    key=("day",),
    kinds={"": DailyEntry},
    limit_bytes=1024 * KIB + 64 * KIB,  # the body alone may have 1 MiB
)
