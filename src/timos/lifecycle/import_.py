"""Moving in: what somebody wrote elsewhere becomes records, each once; nothing that is here already is changed.

Doing it again changes nothing: a record that is the same is counted as the same, one that differs is a conflict and stays.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import islice
from typing import Literal, TypeVar

import msgspec

from timos.kernel.clock import instant
from timos.kernel.errors import ConflictError, DatabaseError, DecryptionError, InputError, QuotaError, TimosError, UnavailableError
from timos.lifecycle.formats.archive.reading import ArchivedDocument, read_archive
from timos.lifecycle.formats.jsonl import Refusal, read_jsonl
from timos.lifecycle.formats.markdown.folder import read_markdown
from timos.lifecycle.formats.markdown.page import Page
from timos.lifecycle.formats.markdown.page import Refusal as PageRefusal
from timos.vault.actions.rehearsal import Rehearsal
from timos.vault.collections import COLLECTIONS, daily_entries, imports
from timos.vault.collections.daily_entries import DailyEntry
from timos.vault.collections.imports import ImportBatch, Made, note_key
from timos.vault.collections.weekly_recaps import parse_week
from timos.vault.record import Collection, Document, Key, is_id, parse_day
from timos.vault.store.stored import Stored
from timos.vault.store.vault import Vault

BATCH = 64  # records written at once: they share a commit, and others get their turn after some milliseconds
MOST_PROBLEMS = 100  # named in a report; the counts are complete
CONFLICT = "Something else is stored here already; it was kept."

PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0)  # beside five of waiting each time
NOTED_AT_ONCE = 500  # records in one document of the batch
Format = Literal["jsonl", "archive", "markdown"]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Problem:
    """What was not taken, and why; `where` is a line number or a member, `reason` never repeats what was written."""

    where: str
    reason: str
    day: str | None = None


@dataclass(slots=True)
class Report:
    """`conflict`: something else is stored already, and stayed. `refused`: could not be read, or breaks a rule."""

    dry_run: bool
    new: int = 0
    same: int = 0
    conflict: int = 0
    refused: int = 0
    problems: list[Problem] = field(default_factory=list)
    batch: str | None = None  # what `undo` takes; None where nothing was made

    @property
    def done(self) -> int:
        return self.new + self.same + self.conflict + self.refused


@dataclass(frozen=True, slots=True)
class _Item:
    """A record to be, or the reason why not (`document` None)."""

    where: str
    collection: Collection
    key: Key
    document: Document | None
    created_ms: int
    updated_ms: int
    reason: str = ""


async def import_(
    vault: Vault, raw: bytes, format_: Format, *, dry_run: bool, now_ms: int, today_utc: date, batch_id: str
) -> AsyncGenerator[tuple[int, int, Report]]:
    """Progress as (done, total, report so far); the last one is the whole story. What is new is noted under `batch_id`, for `undo`.

    Raises:
        MalformedError, TooLargeError, InputError: an archive that cannot be trusted; nothing of it was taken.
    """
    report = Report(dry_run)
    rehearsal = Rehearsal(vault) if dry_run else None
    notes = _Notes(vault, batch_id, format_, now_ms)
    if format_ == "jsonl":
        total = raw.count(b"\n") + 1
        items = _from_lines(raw, now_ms, today_utc)
    elif format_ == "markdown":
        pages = await asyncio.to_thread(lambda: list(read_markdown(raw)))
        total = len(pages)
        items = _from_pages(pages, now_ms, today_utc)
    else:
        documents = await asyncio.to_thread(lambda: list(read_archive(raw)))  # checked as a whole before the first is taken
        total = len(documents)
        items = _from_archive(documents, today_utc)
    while batch := list(islice(items, BATCH)):
        for item, outcome in zip(batch, await _take(vault, batch, rehearsal), strict=True):
            if isinstance(outcome, Stored):
                notes.add(item.collection, outcome)
            _count(report, item, "new" if isinstance(outcome, Stored) else outcome)
        await notes.write(at_least=NOTED_AT_ONCE)
        yield report.done, max(total, report.done), report
        await asyncio.sleep(0)
    await notes.write(at_least=1)
    report.batch = batch_id if notes.parts else None
    yield report.done, report.done, report


class _Notes:
    """What the import made, written down as it goes on: an import that was cut short can be undone too."""

    def __init__(self, vault: Vault, batch_id: str, format_: str, now_ms: int) -> None:
        self._vault = vault
        self._batch = batch_id
        self._format = format_
        self._at = instant(now_ms)
        self._made: list[Made] = []
        self.parts = 0

    def add(self, collection: Collection, stored: Stored) -> None:
        self._made.append(Made(collection.name, collection.public_id(stored.key), stored.etag))

    async def write(self, *, at_least: int) -> None:
        while len(self._made) >= at_least:
            made, self._made = self._made[:NOTED_AT_ONCE], self._made[NOTED_AT_ONCE:]
            self.parts += 1
            key = note_key(self._batch, self.parts)
            note = ImportBatch(id=key[0], batch=self._batch, part=self.parts, at=self._at, format=self._format, made=tuple(made))
            await _patiently(partial(self._vault.put, imports.COLLECTION, key, note))


async def _take(vault: Vault, batch: Sequence[_Item], rehearsal: Rehearsal | None) -> list[str | Stored]:
    places = asyncio.Semaphore(vault.share)

    async def take(item: _Item) -> str | Stored:
        async with places:
            return await _take_one(vault, item, rehearsal)

    return await asyncio.gather(*map(take, batch))


async def _take_one(vault: Vault, item: _Item, rehearsal: Rehearsal | None) -> str | Stored:
    """What was made, or `same`, `conflict` or the reason why it was refused; in a rehearsal also `new`."""
    if item.document is None:
        return item.reason
    try:
        if rehearsal is not None:
            return await rehearsal.restore(item.collection, item.key, item.document)
        restore = partial(vault.restore, item.collection, item.key, item.document, created_ms=item.created_ms, updated_ms=item.updated_ms)
        written = await _patiently(restore)
    except (InputError, ConflictError, DecryptionError, QuotaError) as error:  # what cannot be taken does not keep the others out
        return str(error)
    if written is None:
        return "conflict"
    return written.stored if written.is_new else "same"


async def _patiently(work: Callable[[], Awaitable[Result]]) -> Result:
    """Who finds no place at the database for some seconds asks again: nothing was sent, and an import is not begun anew for that. A
    database that refuses, or does not answer, ends it.
    """
    for pause in PAUSES_SECONDS:
        try:
            return await work()
        except DatabaseError:
            raise
        except UnavailableError:
            await asyncio.sleep(pause)
    return await work()


def _count(report: Report, item: _Item, outcome: str) -> None:
    if outcome == "new":
        report.new += 1
    elif outcome == "same":
        report.same += 1
    else:
        is_conflict = outcome == "conflict"
        report.conflict += is_conflict
        report.refused += not is_conflict
        if len(report.problems) < MOST_PROBLEMS:
            report.problems.append(Problem(item.where, CONFLICT if is_conflict else outcome, item.key[0] if item.key else None))


def _from_lines(raw: bytes, now_ms: int, today_utc: date) -> Iterator[_Item]:
    for read in read_jsonl(raw):
        where = f"line {read.number}"
        if isinstance(read, Refusal):
            yield _refused(where, read.reason, read.day)
        else:
            fields = {"body": read.text, "source": {"name": "JSON Lines", "id": read.day.isoformat()}}
            yield _entry(where, read.day, fields, now_ms, today_utc)


def _from_pages(pages: Sequence[Page | PageRefusal], now_ms: int, today_utc: date) -> Iterator[_Item]:
    for read in pages:
        if isinstance(read, PageRefusal):
            yield _refused(read.path, read.reason, read.day)
        else:
            source = {"name": "Markdown", "id": read.day.isoformat()}
            yield _entry(
                read.path, read.day, {"title": read.title, "body": read.body, "tags": read.tags, "source": source}, now_ms, today_utc
            )


def _refused(where: str, reason: str, day: date | None) -> _Item:
    return _Item(where, daily_entries.COLLECTION, (day.isoformat(),) if day else (), None, 0, 0, reason)


def _entry(where: str, day: date, fields: Mapping[str, object], now_ms: int, today_utc: date) -> _Item:
    """Through `convert`, which holds it against the limits of the type; making one directly would not."""
    key = (day.isoformat(),)
    try:
        parse_day(key[0], path="date", today_utc=today_utc)
        entry = msgspec.convert({"day": key[0], **fields}, DailyEntry)
    except InputError as error:
        return _refused(where, str(error), day)
    except msgspec.ValidationError:
        return _refused(where, "The text is longer than an entry may be.", day)
    return _Item(where, daily_entries.COLLECTION, key, entry, now_ms, now_ms)


def _from_archive(documents: Sequence[ArchivedDocument], today_utc: date) -> Iterator[_Item]:
    known = {collection.name: collection for collection in COLLECTIONS if collection.is_content}
    for number, archived in enumerate(documents, 1):
        where = f"{archived.collection}, record {number}"
        collection = known.get(archived.collection)
        if collection is None or archived.version > collection.version:
            reason = "This version of TimOS does not know this collection, or only an older form of it."
            yield _Item(where, daily_entries.COLLECTION, (), None, 0, 0, reason)
            continue
        try:
            key, document = _checked(collection, archived, today_utc)
        except TimosError as error:
            yield _Item(where, collection, (), None, 0, 0, str(error))
        else:
            yield _Item(where, collection, key, document, archived.created_at_ms, archived.updated_at_ms)


def _checked(collection: Collection, archived: ArchivedDocument, today_utc: date) -> tuple[Key, Document]:
    """Raises:
    InputError: the document breaks a rule, or is not at its own address.
    """
    try:
        document = collection.decode(archived.raw_json)
    except (DecryptionError, UnicodeDecodeError, RecursionError):
        message = "The document is not one of this collection."
        raise InputError(message) from None
    key = collection.key_of(document)
    if collection.public_id(key) != archived.key:
        message = "The document does not belong to the key that it is stored under."
        raise InputError(message)
    _check_address(collection, key, today_utc)
    document.check()
    return key, document


def _check_address(collection: Collection, key: Key, today_utc: date) -> None:
    """Raises:
    InputError: nobody could read, change or delete it there.
    """
    if collection.has_days:
        parse_day(key[0], path="day", today_utc=today_utc)
    elif collection.key == ("week",):
        parse_week(key[0], path="week")
    elif collection.has_ids and not is_id(key[0]):
        message = "This is no id that a record can have."
        raise InputError(message, path="id")
