"""Restoring: what was written comes back, whoever was erased does not, no old session lives, and half a restore never starts."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lifecycle.stage import CutError, copied, person, read, snapshot, started, write
from tests.support import PASSWORD, Clock, make_template, numbers
from timos.crypto.kms.local import LocalKeys
from timos.kernel.errors import NotFoundError, StartError, UnauthenticatedError
from timos.lifecycle import backup, founding, health, ledgers
from timos.lifecycle.erase import erase
from timos.lifecycle.founding import Places
from timos.lifecycle.instance import Instance
from timos.lifecycle.restore import Restored, restore
from timos.platform.accounts import Account


@dataclass(frozen=True, slots=True)
class Past:
    """A backup of an instance in which sam and eva had written, and the instance as it is now: open to changes, not running."""

    places: Places
    folder: Path
    sam: Account
    eva: Account
    access: str  # sam's, from before the backup
    refresh: str


@pytest.fixture(scope="module")
def original(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Past:
    folder = tmp_path_factory.mktemp("past")
    places = copied(template, folder)

    async def story() -> Past:
        async with started(places) as instance:
            sam, eva = await person(instance), await person(instance, "eva")
            await write(instance, sam)
            await write(instance, eva, body="hers")
            signed = await instance.sessions.login("sam@example.org", PASSWORD, kind="bearer", device="a test", client_address="192.0.2.1")
            await asyncio.to_thread(backup.create, instance, folder / "backup", progress=lambda *_: None)
            return Past(places, folder / "backup", sam, eva, signed.access_token, signed.refresh_token)

    return asyncio.run(story())


@pytest.fixture
def past(original: Past, tmp_path: Path) -> Past:
    source = original.places.data_dir.parent
    places = copied(source, tmp_path)
    shutil.copytree(original.folder, tmp_path / "backup")
    return Past(places, tmp_path / "backup", original.sam, original.eva, original.access, original.refresh)


async def restored(past: Past, places: Places | None = None) -> Restored:
    return await restore(places or past.places, past.folder, numbers(), clock=Clock(), random=os.urandom)


@asynccontextmanager
async def served(places: Places) -> AsyncIterator[Instance]:
    """As `timos serve` begins."""
    async with started(places) as instance:
        await ledgers.require_complete(instance)
        yield instance


async def assert_as_backed_up(past: Past, instance: Instance) -> None:
    assert await read(instance, past.sam) == "words"
    assert await read(instance, past.eva) == "hers"
    assert all(finding.is_good for finding in await health.examine(instance))


async def assert_gone(instance: Instance, account: Account) -> None:
    with pytest.raises(NotFoundError):
        await instance.accounts.by_id(account.id)
    for path, query in (
        (instance.places.platform, "SELECT count(*) FROM user_deks WHERE user_id = ?"),
        (instance.places.platform, "SELECT count(*) FROM auth_sessions WHERE user_id = ?"),
    ):
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute(query, (account.id,)).fetchone() == (0,)


def leftovers(places: Places) -> list[str]:
    return [path.name for path in places.data_dir.iterdir() if ".restoring" in path.name or path.name == "restoring"]


def test_what_was_written_since_is_replaced_by_what_was_backed_up(past: Past) -> None:
    async def story() -> None:
        async with started(past.places) as instance:
            await write(instance, past.sam, body="written since")
            await person(instance, "newcomer")
        done = await restored(past)
        assert (done.erased_again, done.backup.vault_rows) == (0, 2)
        assert leftovers(past.places) == []
        async with served(past.places) as instance:
            await assert_as_backed_up(past, instance)
            assert await instance.accounts.by_address("newcomer@example.org") is None
        assert [path.name for path in done.set_aside] == ["platform.db.replaced-1", "vault.db.replaced-1"]
        assert all(path.exists() for path in done.set_aside)

    asyncio.run(story())


def test_every_session_and_one_time_link_of_before_is_void(past: Past) -> None:
    async def story() -> None:
        async with started(past.places) as instance:
            await instance.sessions.check(past.access)
        await restored(past)
        async with served(past.places) as instance:
            with pytest.raises(UnauthenticatedError):
                await instance.sessions.check(past.access)
            with pytest.raises(UnauthenticatedError):
                await instance.sessions.refresh(past.refresh, kind="bearer")
            with closing(sqlite3.connect(past.places.platform)) as connection:
                assert connection.execute("SELECT count(*) FROM auth_sessions").fetchone() == (0,)
                assert connection.execute("SELECT count(*) FROM one_time_tokens").fetchone() == (0,)
            await instance.sessions.login("sam@example.org", PASSWORD, kind="bearer", device="", client_address="192.0.2.1")

    asyncio.run(story())


@pytest.mark.parametrize("lost", ["nothing", "the file", "the vault", "the platform", "both databases"])
def test_whoever_was_erased_since_stays_erased(past: Past, lost: str) -> None:
    """By whichever copy of the ledger is left."""

    async def story() -> None:
        async with started(past.places) as instance:
            keys = await instance.keyring.unlock(past.sam.id, past.sam.key_epoch)
            await erase(instance, past.sam.id)
        for name, path in (("the file", past.places.ledger), ("the vault", past.places.vault), ("the platform", past.places.platform)):
            if lost == name or (lost == "both databases" and name != "the file"):
                path.unlink()
        done = await restored(past)
        assert done.erased_again == 1
        async with served(past.places) as instance:
            await assert_gone(instance, past.sam)
            assert await read(instance, past.eva) == "hers"
            with closing(sqlite3.connect(past.places.vault)) as connection:
                for table in ("daily_entries", "vault_gates"):
                    query = f"SELECT count(*) FROM {table} WHERE vault_id = ?"  # noqa: S608
                    assert connection.execute(query, (keys.vault_id,)).fetchone() == (0,)
            assert all(finding.is_good for finding in await health.examine(instance))
            assert len(await instance.ledger.entries()) == 1

    asyncio.run(story())


def test_restoring_twice_sets_both_former_pairs_aside(past: Past) -> None:
    async def story() -> None:
        await restored(past)
        done = await restored(past)
        assert [path.name for path in done.set_aside] == ["platform.db.replaced-2", "vault.db.replaced-2"]
        assert (past.places.data_dir / "vault.db.replaced-1").exists()
        async with served(past.places) as instance:
            await assert_as_backed_up(past, instance)

    asyncio.run(story())


def test_on_a_new_machine_the_backup_and_the_copied_key_are_enough(past: Past, tmp_path: Path) -> None:
    new = tmp_path / "new machine"
    places = Places(
        new / "data", new / "data" / "platform.db", new / "data" / "vault.db", new / "key" / "master.json", new / "key" / "erasures.jsonl"
    )
    places.key.parent.mkdir(parents=True, mode=0o700)
    shutil.copy2(past.places.key, places.key)

    async def story() -> None:
        done = await restored(past, places)
        assert done.set_aside == ()
        async with served(places) as instance:
            await assert_as_backed_up(past, instance)

    asyncio.run(story())


def test_a_first_start_that_was_cut_short_there_does_not_cost_what_was_restored(past: Past, tmp_path: Path) -> None:
    """Its mark says that the databases may be thrown away; after a restore they may not."""

    async def story() -> None:
        for path in (past.places.platform, past.places.vault):
            path.unlink()
        past.places.marker.touch()
        await restored(past)
        async with served(past.places) as instance:
            assert not instance.founded.is_new
            await assert_as_backed_up(past, instance)

    asyncio.run(story())


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another installation."""
    return make_template(tmp_path_factory.mktemp("stranger"))


# ── refused ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def refused(past: Past, folder: Path) -> str:
    before = snapshot(folder)
    with pytest.raises(StartError) as caught:
        await restored(past)
    after = {name: content for name, content in snapshot(folder).items() if not name.endswith("serve.lock")}
    assert after == {name: content for name, content in before.items() if not name.endswith("serve.lock")}
    return str(caught.value)


def test_with_another_master_key_nothing_is_touched(past: Past, tmp_path: Path) -> None:
    past.places.key.unlink()
    LocalKeys.create(past.places.key, Clock())
    assert "is not the one that" in asyncio.run(refused(past, tmp_path))


def test_without_the_master_key_nothing_is_touched(past: Past, tmp_path: Path) -> None:
    past.places.key.unlink()
    assert "master key" in asyncio.run(refused(past, tmp_path))


def test_the_databases_of_another_installation_are_not_replaced(past: Past, tmp_path: Path, stranger: Path) -> None:
    for path in (past.places.platform, past.places.vault):
        shutil.copyfile(stranger / "data" / path.name, path)
    assert asyncio.run(refused(past, tmp_path))


def test_a_changed_backup_touches_nothing(past: Past, tmp_path: Path) -> None:
    with (past.folder / "vault.db").open("r+b") as file:
        file.seek(5000)
        file.write(b"x")
    assert "was changed" in asyncio.run(refused(past, tmp_path))


def test_a_running_server_is_not_robbed_of_its_databases(past: Past, tmp_path: Path) -> None:
    async def story() -> None:
        async with started(past.places) as instance:
            with pytest.raises(StartError, match="Another TimOS server is using"):
                await restored(past)
            await assert_as_backed_up(past, instance)

    asyncio.run(story())


def test_a_ledger_that_tells_another_story_is_not_overwritten(past: Past, tmp_path: Path) -> None:
    async def story() -> None:
        async with started(past.places) as instance:
            await erase(instance, past.sam.id)
        past.places.ledger.write_text("half a li\n")
        assert "ledger" in await refused(past, tmp_path)

    asyncio.run(story())


def test_a_damaged_database_can_be_moved_away_and_the_message_says_so(past: Past, tmp_path: Path) -> None:
    past.places.vault.write_bytes(b"Dear Sir, " * 2000)

    async def story() -> None:
        text = await refused(past, tmp_path)
        assert "ove " in text
        assert str(past.places.vault) in text
        past.places.vault.rename(tmp_path / "damaged.db")
        await restored(past)
        async with served(past.places) as instance:
            await assert_as_backed_up(past, instance)

    asyncio.run(story())


# ── cut short ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_cut_short_while_it_builds_it_leaves_the_present_and_is_repeated(past: Past, tmp_path: Path) -> None:
    """What an attempt left behind, its logs too, does not find its way into the next one."""

    async def story() -> None:
        async with started(past.places) as instance:
            await write(instance, past.sam, body="written since")
        for name in ("platform.db", "vault.db"):  # another state of the same databases, with a log that is not empty
            other = past.places.data_dir / f"{name}.restoring"
            shutil.copyfile(past.places.data_dir / name, other)
            keep = sqlite3.connect(other)
            keep.execute("PRAGMA journal_mode=WAL")
            keep.execute("PRAGMA wal_autocheckpoint=0")
            table, columns = ("users", "role") if name == "platform.db" else ("daily_entries", "sealed")
            keep.execute(f"UPDATE {table} SET {columns} = 'from an older attempt'")  # noqa: S608
            keep.commit()
            for end in ("-wal", "-shm"):  # as a power cut leaves them: a close would empty the log
                shutil.copyfile(f"{other}{end}", tmp_path / f"{name}{end}")
            keep.close()
            for end in ("-wal", "-shm"):
                shutil.copyfile(tmp_path / f"{name}{end}", f"{other}{end}")
        async with served(past.places) as instance:
            assert await read(instance, past.sam) == "written since"
        await restored(past)
        assert leftovers(past.places) == []
        async with served(past.places) as instance:
            await assert_as_backed_up(past, instance)

    asyncio.run(story())


@pytest.mark.parametrize("moment", [1, 2])
def test_cut_short_between_the_two_swaps_nothing_starts_until_it_is_repeated(past: Past, moment: int) -> None:
    real, calls = founding._set_aside, []

    def dying(path: Path, suffix: str) -> list[Path]:
        calls.append(path)
        if len(calls) == moment:
            raise CutError
        return real(path, suffix)

    async def story() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(founding, "_set_aside", dying)
            with pytest.raises(CutError):
                await restored(past)
        assert past.places.swapping.exists()
        for is_server in (True, False):
            with pytest.raises(StartError, match="restore was cut short"):
                async with started(past.places, is_server=is_server):
                    pass
        await restored(past)
        assert leftovers(past.places) == []
        async with served(past.places) as instance:
            await assert_as_backed_up(past, instance)

    asyncio.run(story())


def test_an_erasure_that_only_the_platform_knew_survives_a_swap_cut_short(past: Past) -> None:
    real, calls = founding._set_aside, []

    def dying(path: Path, suffix: str) -> list[Path]:
        calls.append(path)
        if len(calls) == 2:
            raise CutError
        return real(path, suffix)

    async def story() -> None:
        async with started(past.places) as instance:
            await erase(instance, past.sam.id)
        past.places.ledger.unlink()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(founding, "_set_aside", dying)
            with pytest.raises(CutError):
                await restored(past)
        done = await restored(past)
        assert done.erased_again == 1
        async with served(past.places) as instance:
            await assert_gone(instance, past.sam)

    asyncio.run(story())
