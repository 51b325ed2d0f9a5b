"""The archive: readable without TimOS, whole, and honest about what is missing."""

import asyncio
import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests import databases
from tests.lifecycle.stage import copied_on, person, snapshot, started, vault_of
from tests.support import Template
from timos.lifecycle.export import export
from timos.lifecycle.instance import Instance
from timos.vault.collections import COLLECTIONS, daily_entries, feels_entries, preferences
from timos.vault.collections.daily_entries import DailyEntry, Note, PillarLink
from timos.vault.collections.feels_entries import Evening, Morning
from timos.vault.collections.preferences import Preferences
from timos.vault.store.vault import Vault

pytestmark = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")

DAY = date(2026, 11, 20)
Story = Callable[[Instance, Vault], Awaitable[None]]


@pytest.fixture
def tell(template_on: Template, tmp_path: Path) -> Callable[[Story], None]:
    """With the vault of one person."""

    async def told(story: Story) -> None:
        with copied_on(template_on, tmp_path) as places:
            async with started(places) as instance:
                await story(instance, await vault_of(instance, await person(instance)))

    return lambda story: asyncio.run(told(story))


async def put_entry(vault: Vault, entry: DailyEntry, day: date) -> None:
    collection = daily_entries.COLLECTION
    await vault.put(collection, (day.isoformat(),), collection.place(entry, (day.isoformat(),)))


async def exported(vault: Vault) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join([piece async for piece in export(vault)])))


def text(archive: zipfile.ZipFile, name: str) -> str:
    return archive.read(name).decode()


def test_a_text_editor_reads_every_word_of_a_day(tell: Callable[[Story], None]) -> None:
    async def story(instance: Instance, vault: Vault) -> None:
        note = Note(id="1", at=None, text="the ferry was late")
        await put_entry(
            vault,
            DailyEntry(title="Über’s Meer", body="A long crossing.\n\nThen *land*.", tags=("sea",), notes=(note,), place="Dover"),
            DAY,
        )
        await put_entry(vault, DailyEntry(pillars=(PillarLink(pillar="health", note="swam"),), weather="fog"), DAY + timedelta(days=1))
        key = DAY.isoformat()
        await vault.put(feels_entries.COLLECTION, (key, "morning"), Morning(day=DAY, mental_state=4, avoiding="the letter"))
        await vault.put(feels_entries.COLLECTION, (key, "evening"), Evening(day=DAY, energy_givers=("wind", "salt"), honest_note="tired"))
        await vault.put(preferences.COLLECTION, (), Preferences(time_zone="Europe/Zurich"))
        archive = await exported(vault)
        assert archive.testzip() is None
        page = text(archive, "entries/2026/2026-11-20.md")
        assert page.startswith("# Friday, 2026-11-20\n")
        for written in (
            "Über’s Meer",
            "A long crossing.\n\nThen *land*.",
            "the ferry was late",
            "sea",
            "Dover",
            "the letter",
            "wind; salt",
        ):
            assert written in page
        assert "swam" in text(archive, "entries/2026/2026-11-21.md")
        assert "fog" in text(archive, "entries/2026/2026-11-21.md")
        stored = json.loads(text(archive, "data/preferences.json"))["documents"]
        assert stored[0]["document"]["time_zone"] == "Europe/Zurich"
        manifest = json.loads(text(archive, "manifest.json"))
        assert {name: count for name, count in manifest["counts"].items() if count} == {
            "daily_entries": 2,
            "feels_entries": 2,
            "preferences": 1,
        }
        assert manifest["days"] == 2
        assert "UNREADABLE.txt" not in archive.namelist()

    tell(story)


def test_an_empty_vault_is_an_archive_too(tell: Callable[[Story], None]) -> None:
    async def story(instance: Instance, vault: Vault) -> None:
        archive = await exported(vault)
        names = {f"data/{collection.name}.json" for collection in COLLECTIONS if collection.is_content} | {"README.txt", "manifest.json"}
        assert set(archive.namelist()) == names

    tell(story)


def test_days_far_apart_each_have_their_page_and_no_other_day_has_one(tell: Callable[[Story], None]) -> None:
    async def story(instance: Instance, vault: Vault) -> None:
        days = [date(1660, 1, 1), date(1660, 2, 29), date(1660, 3, 1), date(1999, 12, 31), *(DAY - timedelta(days=n) for n in range(130))]
        await asyncio.gather(*(put_entry(vault, DailyEntry(body=f"written on {day}"), day) for day in days))
        archive = await exported(vault)
        pages = {name for name in archive.namelist() if name.startswith("entries/")}
        assert pages == {f"entries/{day:%Y}/{day}.md" for day in days}
        assert all(f"written on {day}" in text(archive, f"entries/{day:%Y}/{day}.md") for day in days)

    tell(story)


def test_rows_that_do_not_open_are_counted_and_the_others_are_there(tell: Callable[[Story], None]) -> None:
    async def story(instance: Instance, vault: Vault) -> None:
        for offset in range(5):
            day = DAY - timedelta(days=offset)
            await put_entry(vault, DailyEntry(body=f"written on {day}"), day)
        for (row_id,) in databases.sql(instance.places.vault_at, "SELECT id FROM daily_entries")[:2]:
            databases.sql(instance.places.vault_at, "UPDATE daily_entries SET sealed = ? WHERE id = ?", bytes(600), row_id)
        archive = await exported(vault)
        assert "2 records did not open" in text(archive, "UNREADABLE.txt")
        assert len(json.loads(text(archive, "data/daily_entries.json"))["documents"]) == 3
        assert sum(name.startswith("entries/") for name in archive.namelist()) == 3
        assert "UNREADABLE.txt" in json.loads(text(archive, "manifest.json"))["files"]

    tell(story)


def test_nothing_but_ones_own_is_in_it_and_nothing_of_it_stays_on_the_servers_disk(tell: Callable[[Story], None], tmp_path: Path) -> None:
    async def story(instance: Instance, vault: Vault) -> None:
        await put_entry(vault, DailyEntry(body="mine"), DAY)
        other = await vault_of(instance, await person(instance, "eva"))
        await put_entry(other, DailyEntry(body="not mine"), DAY)
        before = snapshot(tmp_path)
        archive = await exported(vault)
        assert snapshot(tmp_path) == before
        everything = "".join(text(archive, name) for name in archive.namelist())
        assert "not mine" not in everything
        for word in ("sam@", "example.org", "Sam"):
            assert word not in everything

    tell(story)


def test_it_is_sent_in_pieces(tell: Callable[[Story], None]) -> None:
    async def story(instance: Instance, vault: Vault) -> None:
        noise = "".join(chr(0x4E00 + (number * 7919) % 20_000) for number in range(20_000))
        for offset in range(10):
            await put_entry(vault, DailyEntry(body=noise[offset:]), DAY - timedelta(days=offset))
        sizes = [len(piece) async for piece in export(vault)]
        assert sum(sizes) > 300_000
        assert max(sizes) < sum(sizes) / 2

    tell(story)
