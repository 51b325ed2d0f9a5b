"""Backups: made beside a running server, private, without any user's key outside keys.json, and refused once anything was changed."""

import asyncio
import base64
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import databases
from tests.lifecycle.stage import copied, copied_on, person, snapshot, started, write
from tests.support import Template
from timos.kernel.db.port import Row
from timos.kernel.errors import StartError
from timos.lifecycle import backup
from timos.lifecycle.backup import KEYS, MANIFEST, PLATFORM, VAULT, Backup
from timos.lifecycle.erase import erase
from timos.lifecycle.founding.places import Places
from timos.lifecycle.instance import Instance


def make(instance: Instance, folder: Path) -> Backup:
    seen: list[tuple[str, int, int]] = []
    made = backup.create(instance, folder, progress=lambda name, done, total: seen.append((name, done, total)))
    assert {name for name, _, _ in seen} == {VAULT, PLATFORM}
    assert all(0 <= done <= total for _, done, total in seen)
    return made


@dataclass(frozen=True, slots=True)
class Made:
    """A backup of two accounts, one record and one erasure; the users' keys as the database had them, and the master key."""

    folder: Path
    stored: list[Row]
    master: Path


@pytest.fixture(scope="module")
def mades() -> dict[str, Made]:
    """By the engines they were made of."""
    return {}


@pytest.fixture
def made(template_on: Template, mades: dict[str, Made], tmp_path_factory: pytest.TempPathFactory) -> Made:
    engines = template_on.pair.name
    if engines not in mades:
        folder = tmp_path_factory.mktemp("backup")
        with copied_on(template_on, folder / "instance") as places:
            stored = asyncio.run(_make(places, folder / "made"))
        mades[engines] = Made(folder / "made", stored, places.key)
    return mades[engines]


async def _make(places: Places, folder: Path) -> list[Row]:
    async with started(places) as instance:
        await write(instance, await person(instance))
        await erase(instance, (await person(instance, "gone")).id)
        found = await asyncio.to_thread(make, instance, folder)
        assert (found.vault_rows, found.keys, found.ledger) == (1, 4, 1)
        assert found.install_id == instance.founded.install_id.hex()
        assert found.master_keys == instance.keys.refs
    return databases.sql(places.platform_at, "SELECT edk, sealed FROM user_deks")


@pytest.mark.every_engine
def test_a_backup_is_four_private_files_and_reads_back(made: Made) -> None:
    folder = made.folder
    assert {path.name for path in folder.iterdir()} == {VAULT, PLATFORM, KEYS, MANIFEST}
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder, *folder.iterdir()))
    before = snapshot(folder)
    found = backup.verify(folder)
    assert (found.vault_rows, found.keys, found.ledger) == (1, 4, 1)
    assert snapshot(folder) == before


@pytest.mark.every_engine
def test_the_users_keys_are_in_one_file_only_and_the_master_key_in_none(made: Made) -> None:
    folder = made.folder
    keys = backup.read_keys(folder)
    assert len(made.stored) == len(keys) == 4
    with closing(sqlite3.connect(folder / PLATFORM)) as connection:
        assert connection.execute("SELECT count(*) FROM user_deks").fetchone() == (0,)
    for name in (PLATFORM, VAULT):
        content = (folder / name).read_bytes()
        for pair in made.stored:
            assert all(isinstance(cell, bytes) and cell[20:60] not in content for cell in pair)
    master = json.loads(made.master.read_text())
    for secret in master["keys"].values():
        assert all(secret.encode() not in path.read_bytes() for path in folder.iterdir())


@pytest.mark.every_engine
def test_whoever_signs_up_and_writes_between_two_copies_leaves_no_row_without_its_key(template_on: Template, tmp_path: Path) -> None:
    async def story(places: Places) -> None:
        loop = asyncio.get_running_loop()
        seen: list[str] = []
        async with started(places) as instance:
            await write(instance, await person(instance, "early"))

            async def join(name: str) -> None:
                await write(instance, await person(instance, name))

            def progress(name: str, done: int, total: int) -> None:
                if done == total and name not in seen:  # this artefact is complete, the next one not begun
                    seen.append(name)
                    asyncio.run_coroutine_threadsafe(join(f"late{len(seen)}"), loop).result(10)

            folder = tmp_path / "made"
            await asyncio.to_thread(backup.create, instance, folder, progress=progress)
            assert len(seen) == 2
            with closing(sqlite3.connect(folder / VAULT)) as vault:
                owners = {row[0] for row in vault.execute("SELECT DISTINCT vault_id FROM daily_entries")}
            with closing(sqlite3.connect(folder / PLATFORM)) as platform:
                people = {row[0] for row in platform.execute("SELECT id FROM users")}
            keyed = {base64.b64decode(str(key["user_id"])) for key in backup.read_keys(folder)}
            assert keyed == people
            accounts = [await instance.accounts.by_id(user_id) for user_id in people]
            vaults = {(await instance.keyring.unlock(account.id, account.key_epoch)).vault_id for account in accounts}
            assert len(owners) == 1
            assert owners <= vaults
            assert await instance.accounts.count() == 4

    with copied_on(template_on, tmp_path) as places:
        asyncio.run(story(places))


@pytest.mark.every_engine("postgresql", "mariadb")
def test_a_backup_of_a_server_is_of_one_moment(template_on: Template, tmp_path: Path) -> None:
    """A table that is read late holds nothing that was written after the first one was read."""

    async def story(places: Places) -> None:
        async with started(places) as instance:
            await write(instance, await person(instance))
            late: list[str] = []

            def progress(name: str, _done: int, _total: int) -> None:
                if not late:
                    late.append(name)
                    databases.sql(
                        places.vault_at, "INSERT INTO weekly_recaps (vault_id, id, sealed) SELECT vault_id, id, sealed FROM daily_entries"
                    )

            await asyncio.to_thread(backup.create, instance, tmp_path / "made", progress=progress)
        assert databases.sql(places.vault_at, "SELECT count(*) FROM weekly_recaps") == [(1,)]
        assert databases.sql(tmp_path / "made" / VAULT, "SELECT count(*) FROM weekly_recaps") == [(0,)]
        assert databases.sql(tmp_path / "made" / VAULT, "SELECT count(*) FROM daily_entries") == [(1,)]

    with copied_on(template_on, tmp_path) as places:
        asyncio.run(story(places))


def test_a_folder_that_is_there_is_not_written_to(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "letter.txt").write_text("mine")

    async def story() -> None:
        async with started(copied(template, tmp_path)) as instance:
            with pytest.raises(StartError, match="does not exist yet"):
                backup.create(instance, folder, progress=lambda *_: None)

    asyncio.run(story())
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]


# ── reading back ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _flip(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)

    return change


def _cut(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-2])


def _gone(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def _swapped(folder: Path) -> None:
    (folder / VAULT).rename(folder / "x")
    (folder / PLATFORM).rename(folder / VAULT)
    (folder / "x").rename(folder / PLATFORM)


def _manifest(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / MANIFEST).write_text(text)


def _field(name: str, value: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        manifest = json.loads((folder / MANIFEST).read_text())
        manifest[name] = value
        (folder / MANIFEST).write_text(json.dumps(manifest))

    return change


CHANGES: dict[str, Callable[[Path], object]] = {
    **{f"{name} changed": _flip(name) for name in (VAULT, PLATFORM, KEYS)},
    **{f"{name} cut": _cut(name) for name in (VAULT, PLATFORM, KEYS, MANIFEST)},
    **{f"{name} gone": _gone(name) for name in (VAULT, PLATFORM, KEYS, MANIFEST)},
    "two files swapped": _swapped,
    "an empty manifest": _manifest(""),
    "a manifest that is a list": _manifest("[]"),
    "a manifest that is a text": _manifest('"timos-backup/1"'),
    "a manifest of another format": _field("format", "timos-backup/9"),
    "a manifest without files": _manifest('{"format": "timos-backup/1"}'),
    "a manifest with no files": _field("files", {}),
    "a manifest with a number for files": _field("files", 5),
    "a manifest that is no text": lambda folder: (folder / MANIFEST).write_bytes(b"\xff\xfe"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_backup_that_was_changed_or_is_not_whole_is_refused(made: Made, tmp_path: Path, change: Callable[[Path], object]) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    for path in made.folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    backup.verify(folder)
    change(folder)
    with pytest.raises(StartError) as caught:
        backup.verify(folder)
    assert str(folder) in str(caught.value)


def test_a_folder_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(StartError, match="no complete backup"):
            backup.verify(folder)
