"""Moving in: each record once, nothing overwritten, every refusal with its place, nothing of a file that cannot be trusted."""

import asyncio
import hashlib
import io
import itertools
import json
import zipfile
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests import databases
from tests.lifecycle.stage import copied_on, person, started, vault_of
from tests.support import Template, World, world_in
from timos.kernel.db.port import Row
from timos.kernel.errors import TimosError
from timos.lifecycle.export import export
from timos.lifecycle.formats.archive.reading import ArchivedDocument, read_archive
from timos.lifecycle.formats.archive.writing import ArchiveWriter
from timos.lifecycle.import_ import CONFLICT, MOST_PROBLEMS, Format, Report, import_
from timos.lifecycle.instance import Instance
from timos.vault.collections import daily_entries, feels_entries, preferences
from timos.vault.collections.daily_entries import DailyEntry, Note
from timos.vault.collections.feels_entries import Morning
from timos.vault.collections.preferences import Preferences
from timos.vault.record import canonical
from timos.vault.store.vault import Vault

pytestmark = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")

ENTRIES = daily_entries.COLLECTION
DAY = "2026-11-20"
NOW_MS = 1_795_000_000_000
TODAY = date(2026, 11, 22)
Story = Callable[[Instance, Vault], Awaitable[None]]


@pytest.fixture
def tell(template_on: Template, tmp_path: Path) -> Callable[[Story], None]:
    """With the empty vault of one person."""

    async def told(story: Story) -> None:
        with copied_on(template_on, tmp_path) as places:
            async with started(places) as instance:
                await story(instance, await vault_of(instance, await person(instance)))

    return lambda story: asyncio.run(told(story))


BATCHES = itertools.count()


async def take(vault: Vault, raw: bytes, format_: Format = "jsonl", *, dry_run: bool = False) -> Report:
    report = None
    async for done, total, so_far in import_(
        vault, raw, format_, dry_run=dry_run, now_ms=NOW_MS, today_utc=TODAY, batch_id=f"batch{next(BATCHES)}"
    ):
        assert 0 <= done <= total
        report = so_far
    assert report is not None
    return report


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.new, report.same, report.conflict, report.refused


def lines(*pairs: tuple[str, str]) -> bytes:
    return "\n".join(json.dumps({"date": day, "text": text}) for day, text in pairs).encode()


async def body(vault: Vault, day: str = DAY) -> str | None:
    stored = await vault.get(ENTRIES, (day,))
    document = ENTRIES.decode(stored.raw) if stored else None
    return document.body if isinstance(document, DailyEntry) else None


def rows(instance: Instance) -> list[Row]:
    return databases.sql(instance.places.vault_at, "SELECT * FROM daily_entries ORDER BY vault_id, id")


# ── JSON Lines ───────────────────────────────────────────────────────────────────────────────────────────────────────

DIARY = lines(("1660-01-01", "Blessed be God."), ("1660-01-02", "I went out."), (DAY, "Wrote."))


def test_a_diary_is_taken_once_however_often_it_is_sent(tell: Callable[[Story], None]) -> None:
    async def story(instance: Instance, vault: Vault) -> None:
        assert counts(await take(vault, DIARY, dry_run=True)) == (3, 0, 0, 0)
        assert rows(instance) == []
        assert counts(await take(vault, DIARY)) == (3, 0, 0, 0)
        assert await body(vault, "1660-01-02") == "I went out."
        stored = rows(instance)
        for dry_run in (True, False):
            report = await take(vault, DIARY, dry_run=dry_run)
            assert counts(report) == (0, 3, 0, 0)
            assert report.problems == []
            assert report.dry_run == dry_run
        assert rows(instance) == stored

    tell(story)


def test_what_is_stored_already_is_kept_and_named(tell: Callable[[Story], None]) -> None:
    async def story(instance: Instance, vault: Vault) -> None:
        await vault.put(ENTRIES, (DAY,), ENTRIES.place(DailyEntry(body="my own words"), (DAY,)))
        for dry_run in (True, False):
            report = await take(vault, DIARY, dry_run=dry_run)
            assert counts(report) == (2, 0, 1, 0)
            assert [asdict(problem) for problem in report.problems] == [{"where": "line 3", "reason": CONFLICT, "day": DAY}]
        assert await body(vault) == "my own words"
        assert await body(vault, "1660-01-01") == "Blessed be God."

    tell(story)


def test_a_bad_line_is_refused_with_its_number_and_does_not_keep_the_others_out(tell: Callable[[Story], None]) -> None:
    far = lines(("2026-11-25", "secret words"))
    long = lines(("1700-01-01", "secret" * 200_000))
    bad = [b"secret words", lines(("2026-02-30", "secret words")), far, lines(("0999-01-01", "secret words")), long]
    raw = b"\n".join([lines(("1660-01-01", "one")), *bad, lines(("1660-01-01", "secret twice")), b"", lines(("1660-01-02", "two"))])

    async def story(instance: Instance, vault: Vault) -> None:
        for expected in ((2, 0, 0, 6), (0, 2, 0, 6)):
            report = await take(vault, raw)
            assert counts(report) == expected
            assert [problem.where for problem in report.problems] == [f"line {number}" for number in range(2, 8)]
            assert all("secret" not in problem.reason and problem.reason for problem in report.problems)
        assert len(rows(instance)) == 2

    tell(story)


def test_a_report_names_the_first_problems_and_counts_all(tell: Callable[[Story], None]) -> None:
    async def story(instance: Instance, vault: Vault) -> None:
        report = await take(vault, b"nonsense\n" * 250)
        assert counts(report) == (0, 0, 0, 250)
        assert len(report.problems) == MOST_PROBLEMS
        assert report.done == 250

    tell(story)


@pytest.mark.parametrize("raw", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_changes_nothing(tell: Callable[[Story], None], raw: bytes) -> None:
    async def story(instance: Instance, vault: Vault) -> None:
        assert counts(await take(vault, raw)) == (0, 0, 0, 0)

    tell(story)


def test_a_stored_day_that_does_not_open_is_left_and_keeps_no_other_out(tell: Callable[[Story], None]) -> None:
    async def story(instance: Instance, vault: Vault) -> None:
        await take(vault, lines((DAY, "damaged")))
        databases.sql(instance.places.vault_at, "UPDATE daily_entries SET sealed = ?", bytes(600))
        damaged = rows(instance)
        report = await take(vault, DIARY)
        assert counts(report) == (2, 0, 0, 1)
        assert [problem.where for problem in report.problems] == ["line 3"]
        assert damaged[0] in rows(instance)

    tell(story)


def test_what_came_in_says_where_from_and_when(tell: Callable[[Story], None]) -> None:
    async def story(instance: Instance, vault: Vault) -> None:
        await take(vault, DIARY)
        stored = await vault.get(ENTRIES, (DAY,))
        assert stored is not None
        document = ENTRIES.decode(stored.raw)
        assert isinstance(document, DailyEntry)
        assert document.source is not None
        assert (document.source.name, document.source.id) == ("JSON Lines", DAY)
        assert (stored.created_ms, stored.updated_ms) == (NOW_MS, NOW_MS)

    tell(story)


# ── our own archive ──────────────────────────────────────────────────────────────────────────────────────────────────


async def exported(vault: Vault) -> bytes:
    return b"".join([piece async for piece in export(vault)])


def documents(raw: bytes) -> list[ArchivedDocument]:
    return sorted(read_archive(raw), key=lambda document: (document.collection, document.key))


def pages(raw: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.startswith("entries/")}


async def furnish(vault: Vault) -> None:
    for number in range(12):
        key = (f"2025-03-{number + 1:02d}",)
        note = Note(id=str(number), at=None, text=f"note {number} 📓")
        await vault.restore(
            ENTRIES,
            key,
            ENTRIES.place(DailyEntry(title=f"t{number}", body="\u0000 tab\t “é” 𝄞\r\n" * number, tags=("a", "b"), notes=(note,)), key),
            created_ms=1_700_000_000_123 + number,
            updated_ms=1_700_000_009_999,
        )
    await vault.put(feels_entries.COLLECTION, (DAY, "morning"), Morning(day=date.fromisoformat(DAY), valence=0.1, sleep_hours=7.25))
    await vault.put(preferences.COLLECTION, (), Preferences(prompts=("What mattered?",)))


def test_an_archive_gives_an_empty_account_the_same_documents_byte_for_byte(tell: Callable[[Story], None]) -> None:
    async def story(instance: Instance, vault: Vault) -> None:
        await furnish(vault)
        raw = await exported(vault)
        other = await vault_of(instance, await person(instance, "eva"))
        assert counts(await take(other, raw, "archive", dry_run=True)) == (14, 0, 0, 0)
        assert counts(await take(other, raw, "archive")) == (14, 0, 0, 0)
        again = await exported(other)
        assert documents(again) == documents(raw)  # with their instants
        assert pages(again) == pages(raw)
        stored = rows(instance)
        assert counts(await take(other, raw, "archive")) == (0, 14, 0, 0)
        assert rows(instance) == stored

    tell(story)


def test_an_archive_overwrites_nothing(tell: Callable[[Story], None]) -> None:
    async def story(instance: Instance, vault: Vault) -> None:
        await furnish(vault)
        raw = await exported(vault)
        other = await vault_of(instance, await person(instance, "eva"))
        await other.put(ENTRIES, ("2025-03-01",), ENTRIES.place(DailyEntry(body="hers"), ("2025-03-01",)))
        report = await take(other, raw, "archive")
        assert counts(report) == (13, 0, 1, 0)
        assert report.problems[0].day == "2025-03-01"
        assert await body(other, "2025-03-01") == "hers"

    tell(story)


def archive(*archived: ArchivedDocument) -> bytes:
    """Well made, with a manifest that fits: only its documents may be wrong."""
    writer = ArchiveWriter()
    pieces = []
    for name in dict.fromkeys(document.collection for document in archived):
        mine = [document for document in archived if document.collection == name]
        pieces.append(writer.add_collection(name, mine[0].version))
        pieces += [writer.add_document(each.key, each.created_at_ms, each.updated_at_ms, each.raw_json) for each in mine]
    return b"".join([*pieces, writer.finish()])


def archived(key: str = DAY, collection: str = "daily_entries", **fields: Any) -> ArchivedDocument:
    document = ENTRIES.place(DailyEntry(body="good"), (key,)) if collection == "daily_entries" and key == DAY else None
    raw = canonical(document) if document and not fields else json.dumps({"day": DAY, **fields}).encode()
    return ArchivedDocument(collection, 1, key, NOW_MS, NOW_MS, raw)


GOOD = archived()
WRONG = {
    "another day than its key": archived("2026-11-19", day=DAY),
    "a key that is a path": archived("../../etc/passwd", day=DAY),
    "no day": replace(GOOD, key="", raw_json=b"{}"),
    "an unknown field": archived("2026-11-18", day="2026-11-18", secret="words"),
    "a wrong type": archived("2026-11-18", day="2026-11-18", body=5),
    "a day to come": archived("2026-11-30", day="2026-11-30"),
    "a day before all days": archived("0999-11-30", day="0999-11-30"),
    "a time zone that is none": ArchivedDocument("preferences", 1, "preferences", 0, 0, b'{"time_zone":"Mars/Olympus"}'),
    "no object": replace(GOOD, key="2026-11-18", raw_json=b"[]"),
    "an unknown collection": ArchivedDocument("secret_entries", 1, DAY, 0, 0, b"{}"),
    "a newer version": ArchivedDocument("feels_entries", 2, f"{DAY}/morning", 0, 0, b'{"kind":"morning","day":"2026-11-20"}'),
    "a kind that is none": ArchivedDocument("feels_entries", 1, f"{DAY}/noon", 0, 0, b'{"kind":"noon","day":"2026-11-20"}'),
    "too long": archived("2026-11-18", day="2026-11-18", body="x" * (1024 * 1024 + 1)),
    "too large as a whole": archived("2026-11-18", day="2026-11-18", body="\u0001" * 1024 * 1024),
}


@pytest.mark.every_engine("sqlite")  # refused before the vault is asked
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_document_is_refused_by_its_place_and_the_others_are_taken(tell: Callable[[Story], None], wrong: ArchivedDocument) -> None:
    async def story(instance: Instance, vault: Vault) -> None:
        report = await take(vault, archive(GOOD, wrong), "archive")
        assert counts(report) == (1, 0, 0, 1)
        [problem] = report.problems
        assert problem.where == f"{wrong.collection}, record 2"
        assert "words" not in problem.reason
        assert "passwd" not in problem.reason
        assert len(rows(instance)) == 1

    tell(story)


def repacked(raw: bytes, change: Callable[[dict[str, bytes]], Iterable[tuple[str, bytes]]]) -> bytes:
    """By a zip program that knows nothing of us."""
    with zipfile.ZipFile(io.BytesIO(raw)) as source:
        members = {name: source.read(name) for name in source.namelist()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in change(members):
            target.writestr(name, content)
    return out.getvalue()


def _without(name: str) -> Callable[[dict[str, bytes]], Iterable[tuple[str, bytes]]]:
    return lambda members: [(each, content) for each, content in members.items() if each != name]


def _with(name: str, content: bytes) -> Callable[[dict[str, bytes]], Iterable[tuple[str, bytes]]]:
    return lambda members: (members | {name: content}).items()


def _one_byte(members: dict[str, bytes]) -> Iterable[tuple[str, bytes]]:
    return (members | {"data/daily_entries.json": members["data/daily_entries.json"].replace(b"good", b"evil")}).items()


def _consistent_but_broken(members: dict[str, bytes]) -> Iterable[tuple[str, bytes]]:
    """A later member is no JSON, and the manifest says so."""
    content = b"{broken"
    manifest = json.loads(members["manifest.json"])
    manifest["files"]["data/zzz.json"] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return (members | {"data/zzz.json": content, "manifest.json": json.dumps(manifest).encode()}).items()


WHOLE = archive(GOOD)
HOSTILE: dict[str, bytes] = {
    "no zip": b"Dear Sir, " * 100,
    "empty": b"",
    "cut": WHOLE[:-10],
    "with a prefix": b"MZ" + WHOLE,
    "a stranger's zip": repacked(WHOLE, _without("manifest.json")),
    "a member gone": repacked(WHOLE, _without("data/daily_entries.json")),
    "a member more": repacked(WHOLE, _with("data/more.json", b"{}")),
    "a member that climbs out": repacked(WHOLE, _with("../evil.txt", b"evil")),
    "a member changed": repacked(WHOLE, _one_byte),
    "a manifest of nothing": repacked(WHOLE, _with("manifest.json", b"[]")),
    "another format": repacked(WHOLE, _with("manifest.json", b'{"format":"other","version":1,"counts":{},"days":0,"files":{}}')),
    "a later version": repacked(WHOLE, _with("manifest.json", b'{"format":"timos-archive","version":9,"counts":{},"days":0,"files":{}}')),
    "broken with a fitting manifest": repacked(WHOLE, _consistent_but_broken),
}


@pytest.mark.every_engine("sqlite")  # refused before the vault is asked
@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_of_an_archive_that_cannot_be_trusted_nothing_is_taken(tell: Callable[[Story], None], raw: bytes, tmp_path: Path) -> None:
    async def story(instance: Instance, vault: Vault) -> None:
        with pytest.raises(TimosError) as caught:
            await take(vault, raw, "archive")
        assert 400 <= caught.value.status < 500
        assert rows(instance) == []
        assert not (tmp_path.parent / "evil.txt").exists()

    tell(story)


def test_repacking_by_another_program_is_no_harm(tell: Callable[[Story], None]) -> None:
    async def story(instance: Instance, vault: Vault) -> None:
        raw = repacked(WHOLE, lambda members: [("data/", b""), *members.items()])
        assert counts(await take(vault, raw, "archive")) == (1, 0, 0, 0)

    tell(story)


# ── through the API ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_over_the_operators_limit_is_refused_whole(template: Path, tmp_path: Path) -> None:
    async def story(world: World) -> None:
        sam = await world.sign_up()
        big = b"\n".join(lines((f"1960-01-{day:02d}", "x" * 100_000)) for day in range(1, 12))
        assert len(big) > 1024 * 1024
        for headers in ({}, {"accept": "application/x-ndjson"}):
            sent = {"content-type": "application/x-ndjson", **headers}
            answer = await sam.call("POST", "/api/imports?format=jsonl", content=big, headers=sent)
            assert answer.status_code == 413
            assert answer.json()["code"] == "too_large"
        assert rows(world.instance) == []

    async def told() -> None:
        async with world_in(tmp_path, template=template, import_limit_mib=1) as world:
            await story(world)

    asyncio.run(told())
