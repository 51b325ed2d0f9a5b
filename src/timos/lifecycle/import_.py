"""Moving in: what somebody wrote elsewhere becomes records, each once; nothing that is here already is changed.

Doing it again changes nothing: a record that is the same is counted as the same, one that differs is a conflict and stays.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Literal

import msgspec

from timos.kernel.errors import DecryptionError, InputError, TimosError
from timos.lifecycle.formats.archive import ArchivedDocument, read_archive
from timos.lifecycle.formats.jsonl import Line, Refusal, read_jsonl
from timos.vault.collections import COLLECTIONS, daily_entries
from timos.vault.collections.daily_entries import DailyEntry
from timos.vault.record import Collection, Document, Key, parse_day
from timos.vault.store import Vault

BATCH = 64  # records written at once: they share a commit, and others get their turn after some milliseconds
MOST_PROBLEMS = 100  # named in a report; the counts are complete
CONFLICT = "Something else is stored here already; it was kept."

Format = Literal["jsonl", "archive"]


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
    vault: Vault, raw: bytes, format_: Format, *, dry_run: bool, now_ms: int, today_utc: date
) -> AsyncGenerator[tuple[int, int, Report]]:
    """Progress as (done, total, report so far); the last one is the whole story.

    Raises:
        MalformedError, TooLargeError, InputError: an archive that cannot be trusted; nothing of it was taken.
    """
    report = Report(dry_run)
    if format_ == "jsonl":
        total = raw.count(b"\n") + 1
        items = _from_lines(raw, now_ms, today_utc)
    else:
        documents = await asyncio.to_thread(lambda: list(read_archive(raw)))  # checked as a whole before the first is taken
        total = len(documents)
        items = _from_archive(documents, today_utc)
    while batch := list(islice(items, BATCH)):
        for item, outcome in zip(batch, await _take(vault, batch, dry_run=dry_run), strict=True):
            _count(report, item, outcome)
        yield report.done, max(total, report.done), report
        await asyncio.sleep(0)
    yield report.done, report.done, report


async def _take(vault: Vault, batch: Sequence[_Item], *, dry_run: bool) -> list[str]:
    return await asyncio.gather(*(_take_one(vault, item, dry_run=dry_run) for item in batch))


async def _take_one(vault: Vault, item: _Item, *, dry_run: bool) -> str:
    if item.document is None:
        return item.reason
    try:
        if dry_run:
            return await vault.compare(item.collection, item.key, item.document)
        written = await vault.restore(item.collection, item.key, item.document, created_ms=item.created_ms, updated_ms=item.updated_ms)
    except (InputError, DecryptionError) as error:  # a stored row that does not open stays, and does not keep the others out
        return str(error)
    if written is None:
        return "conflict"
    return "new" if written.is_new else "same"


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
    collection = daily_entries.COLLECTION
    for read in read_jsonl(raw):
        where = f"line {read.number}"
        if isinstance(read, Refusal):
            yield _Item(where, collection, (read.day.isoformat(),) if read.day else (), None, 0, 0, read.reason)
            continue
        key = (read.day.isoformat(),)
        try:
            entry = _entry(read, today_utc)
        except InputError as error:
            yield _Item(where, collection, key, None, 0, 0, str(error))
        else:
            yield _Item(where, collection, key, entry, now_ms, now_ms)


def _entry(read: Line, today_utc: date) -> DailyEntry:
    """Through `convert`, which holds it against the limits of the type; making one directly would not."""
    day = read.day.isoformat()
    parse_day(day, path="date", today_utc=today_utc)
    try:
        return msgspec.convert({"day": day, "body": read.text, "source": {"name": "JSON Lines", "id": day}}, DailyEntry)
    except msgspec.ValidationError:
        message = "The text is longer than an entry may be."
        raise InputError(message) from None


def _from_archive(documents: Sequence[ArchivedDocument], today_utc: date) -> Iterator[_Item]:
    known = {collection.name: collection for collection in COLLECTIONS}
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
    if collection.has_days:
        parse_day(key[0], path="day", today_utc=today_utc)
    document.check()
    return key, document
