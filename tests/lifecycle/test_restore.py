"""Restoring: what was written comes back, whoever was erased does not, no old session lives, and half a restore never starts."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests import databases
from tests.databases import Engines, Half
from tests.lifecycle.stage import CutError, copied_on, person, places_in, read, snapshot, started, write
from tests.support import PASSWORD, Clock, Template, make_template, numbers
from timos.crypto.kms.local import LocalKeys
from timos.kernel.db import contents
from timos.kernel.db.address import Address
from timos.kernel.db.contents import Table
from timos.kernel.db.port import Row
from timos.kernel.db.session import Session
from timos.kernel.errors import NotFoundError, StartError, UnauthenticatedError
from timos.lifecycle import backup, health, ledgers
from timos.lifecycle import restore as restoring
from timos.lifecycle.erase import erase
from timos.lifecycle.founding.places import Places
from timos.lifecycle.instance import Instance
from timos.lifecycle.restore import Restored, restore
from timos.platform.accounts.account import Account

OTHERS = (("mariadb", "postgresql"), ("postgresql", "sqlite"), ("sqlite", "mariadb"))
ENGINES = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")


@dataclass(frozen=True, slots=True)
class Past:
    """A backup of an instance in which sam and eva had written, and the instance as it is now: open to changes, not running."""

    template: Template  # of the instance
    places: Places
    folder: Path
    sam: Account
    eva: Account
    access: str  # sam's, from before the backup
    refresh: str


@pytest.fixture(scope="module")
def pasts() -> dict[str, Past]:
    """By engines."""
    return {}


@pytest.fixture
def original(template_on: Template, pasts: dict[str, Past], tmp_path_factory: pytest.TempPathFactory) -> Past:
    engines = template_on.pair.name
    if engines not in pasts:
        pasts[engines] = _original(template_on, tmp_path_factory.mktemp("past"))
    return pasts[engines]


def _original(template: Template, folder: Path) -> Past:
    made = template.kept(folder)
    places = places_in(folder, **made.settings)

    async def story() -> Past:
        async with started(places) as instance:
            sam, eva = await person(instance), await person(instance, "eva")
            await write(instance, sam)
            await write(instance, eva, body="hers")
            signed = await instance.sessions.login("sam@example.org", PASSWORD, kind="bearer", device="a test", client_address="192.0.2.1")
            await asyncio.to_thread(backup.create, instance, folder / "backup", progress=lambda *_: None)
            return Past(made, places, folder / "backup", sam, eva, signed.access_token, signed.refresh_token)

    return asyncio.run(story())


@pytest.fixture
def past(original: Past, tmp_path: Path) -> Iterator[Past]:
    shutil.copytree(original.folder, tmp_path / "backup")
    with copied_on(original.template, tmp_path) as places:
        yield replace(original, places=places, folder=tmp_path / "backup")


async def restored(past: Past, places: Places | None = None) -> Restored:
    return await restore(places or past.places, past.folder, numbers(), clock=Clock(), random=os.urandom, progress=lambda *_: None)


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
    for table in ("user_deks", "auth_sessions"):
        assert databases.sql(instance.places.platform_at, f"SELECT count(*) FROM {table} WHERE user_id = ?", account.id) == [(0,)]  # noqa: S608


def lose(at: Address) -> None:
    """A file is gone, a database on a server is another one, empty."""
    if isinstance(at, Path):
        at.unlink()
        return
    for table in databases.tables_of(at):
        databases.sql(at, f"DROP TABLE {table}")


def leftovers(places: Places) -> list[str]:
    return [path.name for path in places.data_dir.iterdir() if ".restoring" in path.name or path.name == "restoring"]


@ENGINES
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


@ENGINES
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
            for table in ("auth_sessions", "one_time_tokens"):
                assert databases.sql(past.places.platform_at, f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608
            await instance.sessions.login("sam@example.org", PASSWORD, kind="bearer", device="", client_address="192.0.2.1")

    asyncio.run(story())


@ENGINES
@pytest.mark.parametrize("lost", ["nothing", "the file", "the vault", "the platform", "both databases"])
def test_whoever_was_erased_since_stays_erased(past: Past, lost: str) -> None:
    """By whichever copy of the ledger is left."""

    async def story() -> None:
        async with started(past.places) as instance:
            keys = await instance.keyring.unlock(past.sam.id, past.sam.key_epoch)
            await erase(instance, past.sam.id)
        for name, at in (("the file", past.places.ledger), ("the vault", past.places.vault_at), ("the platform", past.places.platform_at)):
            if lost == name or (lost == "both databases" and name != "the file"):
                lose(at)
        done = await restored(past)
        assert done.erased_again == 1
        async with served(past.places) as instance:
            await assert_gone(instance, past.sam)
            assert await read(instance, past.eva) == "hers"
            for table in ("daily_entries", "vault_gates"):
                query = f"SELECT count(*) FROM {table} WHERE vault_id = ?"  # noqa: S608
                assert databases.sql(past.places.vault_at, query, keys.vault_id) == [(0,)]
            assert all(finding.is_good for finding in await health.examine(instance))
            assert len(await instance.ledger.entries()) == 1

    asyncio.run(story())


@ENGINES
def test_restoring_twice_sets_both_former_pairs_aside(past: Past) -> None:
    async def story() -> None:
        await restored(past)
        done = await restored(past)
        assert [path.name for path in done.set_aside] == ["platform.db.replaced-2", "vault.db.replaced-2"]
        assert (past.places.data_dir / "vault.db.replaced-1").exists()
        async with served(past.places) as instance:
            await assert_as_backed_up(past, instance)

    asyncio.run(story())


@ENGINES
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


@ENGINES
def test_a_first_start_that_was_cut_short_there_does_not_cost_what_was_restored(past: Past, tmp_path: Path) -> None:
    """Its mark says that the databases may be thrown away; after a restore they may not."""

    async def story() -> None:
        for at in (past.places.platform_at, past.places.vault_at):
            lose(at)
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


def rows_of(places: Places) -> list[set[Row]]:
    """Of what is on servers."""
    servers = [at for at in (places.platform_at, places.vault_at) if not isinstance(at, Path)]
    return [set(databases.sql(at, f"SELECT * FROM {table}")) for at in servers for table in sorted(databases.tables_of(at))]  # noqa: S608


async def refused(past: Past, folder: Path) -> str:
    before, held = snapshot(folder), rows_of(past.places)
    with pytest.raises(StartError) as caught:
        await restored(past)
    after = {name: content for name, content in snapshot(folder).items() if not name.endswith("serve.lock")}
    assert after == {name: content for name, content in before.items() if not name.endswith("serve.lock")}
    assert rows_of(past.places) == held
    return str(caught.value)


@ENGINES
def test_with_another_master_key_nothing_is_touched(past: Past, tmp_path: Path) -> None:
    past.places.key.unlink()
    LocalKeys.create(past.places.key, Clock())
    assert "is not the one that" in asyncio.run(refused(past, tmp_path))


@ENGINES
def test_without_the_master_key_nothing_is_touched(past: Past, tmp_path: Path) -> None:
    past.places.key.unlink()
    assert "master key" in asyncio.run(refused(past, tmp_path))


def test_the_databases_of_another_installation_are_not_replaced(past: Past, tmp_path: Path, stranger: Path) -> None:
    for path in (past.places.platform, past.places.vault):
        shutil.copyfile(stranger / "data" / path.name, path)
    assert asyncio.run(refused(past, tmp_path))


@pytest.mark.every_engine("postgresql", "mariadb")
@pytest.mark.parametrize("whose", ["another installation", "something else"])
def test_a_server_is_not_emptied_of_what_is_not_ours(past: Past, tmp_path: Path, whose: str) -> None:
    """Also where its other half is gone, and the pair can tell nothing any more."""
    lose(past.places.platform_at)
    if whose == "another installation":
        databases.sql(past.places.vault_at, "UPDATE meta SET value = ? WHERE name = 'install_id'", os.urandom(16))
        assert "of another installation" in asyncio.run(refused(past, tmp_path))
        return
    lose(past.places.vault_at)
    databases.sql(past.places.vault_at, "CREATE TABLE letters (line VARCHAR(20))")
    assert asyncio.run(refused(past, tmp_path))


@ENGINES
def test_a_changed_backup_touches_nothing(past: Past, tmp_path: Path) -> None:
    with (past.folder / "vault.db").open("r+b") as file:
        file.seek(5000)
        file.write(b"x")
    assert "was changed" in asyncio.run(refused(past, tmp_path))


@ENGINES
def test_a_running_server_is_not_robbed_of_its_databases(past: Past, tmp_path: Path) -> None:
    async def story() -> None:
        async with started(past.places) as instance:
            with pytest.raises(StartError, match="Another TimOS server is using"):
                await restored(past)
            await assert_as_backed_up(past, instance)

    asyncio.run(story())


@ENGINES
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


def die_at_swap(patch: pytest.MonkeyPatch, places: Places, moment: int) -> None:
    """When the first or the second database is replaced; of servers, in the middle of it."""
    if not places.files:
        die_at_insert(patch, {1: "users", 2: "daily_entries"}[moment], 1)
        return
    real, calls = restoring._set_aside, []

    def dying(path: Path, suffix: str) -> list[Path]:
        calls.append(path)
        if len(calls) == moment:
            raise CutError
        return real(path, suffix)

    patch.setattr(restoring, "_set_aside", dying)


def die_at_insert(patch: pytest.MonkeyPatch, table: str, moment: int) -> None:
    """Before rows of that table go to a server for the given time."""
    real, calls = contents.insert, []

    async def dying(opened: Session, into: Table, rows: Sequence[Row]) -> None:
        if into.name == table and opened.dialect != "sqlite":
            calls.append(table)
            if len(calls) == moment:
                raise CutError
        await real(opened, into, rows)

    patch.setattr(contents, "insert", dying)


@ENGINES
@pytest.mark.parametrize("moment", [1, 2])
def test_cut_short_between_the_two_swaps_nothing_starts_until_it_is_repeated(past: Past, moment: int) -> None:
    async def story() -> None:
        with pytest.MonkeyPatch.context() as patch:
            die_at_swap(patch, past.places, moment)
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


@ENGINES
def test_an_erasure_that_only_the_platform_knew_survives_a_swap_cut_short(past: Past) -> None:
    async def story() -> None:
        async with started(past.places) as instance:
            await erase(instance, past.sam.id)
        past.places.ledger.unlink()
        with pytest.MonkeyPatch.context() as patch:
            die_at_swap(patch, past.places, 2)
            with pytest.raises(CutError):
                await restored(past)
        done = await restored(past)
        assert done.erased_again == 1
        async with served(past.places) as instance:
            await assert_gone(instance, past.sam)

    asyncio.run(story())


@pytest.mark.every_engine("postgresql", "mariadb")
@pytest.mark.parametrize("moment", [1, 2, 3, 4])  # each of the two databases is marked, and unmarked
def test_a_server_whose_restore_was_cut_short_is_refused_from_any_machine(past: Past, moment: int) -> None:
    async def story() -> None:
        with pytest.MonkeyPatch.context() as patch:
            die_at_insert(patch, "meta", moment)
            with pytest.raises(CutError):
                await restored(past)
        if moment in {2, 4}:  # one of them is not complete; otherwise each is, old or new
            past.places.swapping.unlink()  # as on another machine
            with pytest.raises(StartError, match="not complete"):
                async with started(past.places):
                    pass
        await restored(past)
        async with served(past.places) as instance:
            await assert_as_backed_up(past, instance)

    asyncio.run(story())


# ── from one engine to another ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
@pytest.mark.servers
@pytest.mark.parametrize("halves", OTHERS, ids="-".join)
def test_a_backup_of_files_goes_back_into_servers_and_one_of_those_into_files(
    template_on: Template, engines: Engines, halves: tuple[str, str], tmp_path: Path
) -> None:
    past = _original(template_on, tmp_path)

    async def story(there: Places) -> None:
        await restored(past, there)
        async with served(there) as instance:
            await assert_as_backed_up(past, instance)
            await write(instance, past.sam, body="from there")
            await asyncio.to_thread(backup.create, instance, tmp_path / "again", progress=lambda *_: None)
        await restored(replace(past, folder=tmp_path / "again"))
        async with served(past.places) as instance:
            assert await read(instance, past.sam) == "from there"
            assert all(finding.is_good for finding in await health.examine(instance))

    platform, vault = (Half(name, None if name == "sqlite" else engines.get(name)) for name in halves)
    with platform.fresh() as platform_url, vault.fresh() as vault_url:
        urls = {name: url for name, url in (("platform_url", platform_url), ("vault_url", vault_url)) if url}
        there = places_in(tmp_path / "there", **urls)
        shutil.copytree(past.places.key.parent, there.key.parent)
        asyncio.run(story(there))
