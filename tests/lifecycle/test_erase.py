"""Erasing: stopped anywhere it is finished later, with one end; nothing of the account is left, nothing of others is touched."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from tests import databases
from tests.lifecycle.stage import CutError, person, read, started, vault_of, write
from tests.support import PASSWORD, Story, Template, World, settings_in
from timos.cli.local import places_of
from timos.kernel.db.address import Address
from timos.kernel.db.port import Row
from timos.kernel.db.server import ServerDatabase, ServerTransaction
from timos.kernel.db.sqlite import SqliteDatabase, SqliteTransaction
from timos.kernel.errors import ConflictError, NotFoundError, StartError, TimosError, UnauthenticatedError, VaultLockedError
from timos.lifecycle import erase as erasing
from timos.lifecycle import health
from timos.lifecycle.erase import erase, finish_begun
from timos.lifecycle.founding.places import Places
from timos.lifecycle.instance import Instance
from timos.platform.accounts.account import Account
from timos.vault import facts, gates
from timos.vault.collections.daily_entries import COLLECTION as ENTRIES
from timos.vault.collections.daily_entries import DailyEntry

pytestmark = pytest.mark.every_engine


@pytest.fixture
def places(template_on: Template, tmp_path: Path) -> Iterator[Places]:
    with template_on.copied(tmp_path) as urls:
        yield places_of(settings_in(tmp_path, **urls))


def occurrences(address: Address, needle: bytes) -> dict[str, int]:
    """In how many cells of which table a value stands."""
    return counted(databases.contents(address, databases.tables_of(address)), needle)


def counted(tables: Mapping[str, list[Row]], needle: bytes) -> dict[str, int]:
    found = {table: sum(needle in cell for row in rows for cell in row if isinstance(cell, bytes)) for table, rows in tables.items()}
    return {table: count for table, count in found.items() if count}


async def sign_in(instance: Instance, name: str = "sam") -> str:
    address = f"{name}@example.org"
    signed = await instance.sessions.login(address, PASSWORD, kind="bearer", device="a test", client_address="192.0.2.1")
    return signed.access_token


async def vault_id_of(instance: Instance, account: Account) -> bytes:
    return (await instance.keyring.unlock(account.id, account.key_epoch)).vault_id


async def assert_erased(instance: Instance, account: Account, vault_id: bytes, *, entries: int) -> None:
    """The one end that there is."""
    with pytest.raises(NotFoundError):
        await instance.accounts.by_id(account.id)
    platform = databases.contents(instance.places.platform_at, databases.tables_of(instance.places.platform_at))
    assert set(counted(platform, account.id)) <= {"audit_logs"}
    assert counted(platform, account.address_index) == {}
    assert counted(platform, vault_id) == {}
    assert occurrences(instance.places.vault_at, vault_id) == {}
    assert await instance.accounts.erasing() == ()
    assert await gates.fenced(instance.vault) == []
    ledger = await instance.ledger.entries()
    assert len(ledger) == entries
    assert instance.ledger.verify(ledger) is None
    assert [instance.ledger.open(entry) for entry in ledger].count((account.id, vault_id)) == 1
    lines = [entry.line() for entry in ledger]
    assert await facts.ledger_lines(instance.vault) == lines
    assert instance.places.ledger.read_text(encoding="utf-8").splitlines() == lines
    assert all(finding.is_good for finding in await health.examine(instance))


def test_an_erased_account_leaves_no_row_no_key_and_no_session(places: Places) -> None:
    async def story() -> None:
        async with started(places) as instance:
            sam, eva = await person(instance), await person(instance, "eva")
            for account in (sam, eva):
                for day in ("2026-11-19", "2026-11-20"):
                    await write(instance, account, day)
            access = await sign_in(instance)
            await instance.sessions.check(access)
            vault_id = await vault_id_of(instance, sam)
            hers = [occurrences(path, await vault_id_of(instance, eva)) for path in (places.vault_at, places.platform_at)]
            receipt = await erase(instance, sam.id)
            assert (receipt.keys_destroyed, receipt.rows, receipt.ledger_sequence) == (2, 2, 1)
            assert receipt.erased_at_ms == instance.clock.now_ms()
            assert "2 keys destroyed, 2 records deleted, entry 1 of the ledger" in erasing.statement(receipt)
            with pytest.raises(UnauthenticatedError):
                await instance.sessions.check(access)
            with pytest.raises(VaultLockedError):
                await instance.keyring.unlock(sam.id, sam.key_epoch)
            await assert_erased(instance, sam, vault_id, entries=1)
            with pytest.raises(NotFoundError):
                await erase(instance, sam.id)
            assert await read(instance, eva) == "words"
            assert [occurrences(path, await vault_id_of(instance, eva)) for path in (places.vault_at, places.platform_at)] == hers
            again = await person(instance)  # the address is free
            assert again.id != sam.id
            assert await read(instance, again) is None

    asyncio.run(story())


@pytest.mark.every_engine("sqlite")  # it looks into the files
def test_no_file_of_the_running_server_keeps_what_was_erased(places: Places) -> None:
    async def story() -> None:
        async with started(places) as instance:
            sam = await person(instance)
            await write(instance, sam)
            keys = sealed_of(places.platform, "SELECT edk, sealed FROM user_deks WHERE user_id = ?", sam.id)
            rows = sealed_of(places.vault, "SELECT sealed FROM daily_entries WHERE vault_id = ?", await vault_id_of(instance, sam))
            assert (len(keys), len(rows)) == (4, 1)
            assert all(present(places, value) for value in keys + rows)
            await erase(instance, sam.id)
            assert not any(present(places, value) for value in keys + rows)

    asyncio.run(story())


def sealed_of(path: Path, query: str, owner: bytes) -> list[bytes]:
    with closing(sqlite3.connect(path)) as connection:
        return [cell for row in connection.execute(query, (owner,)) for cell in row]


def present(places: Places, value: bytes) -> bool:
    """The middle of it: a long value is spread over pages."""
    middle = value[40:90]
    return any(middle in path.read_bytes() for path in places.data_dir.iterdir() if path.is_file())


# ── cut short ────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def dying_at(step: int) -> Iterator[list[str]]:
    """The process dies before its `step`-th step on a database (a statement, a commit, a scrub); yields the steps it made."""
    made: list[str] = []

    def wrapped(owner: type, name: str) -> Callable[..., object]:
        real = getattr(owner, name)

        async def counted(*arguments: object) -> object:
            if name == "__aexit__" and arguments[1] is not None:
                return await real(*arguments)  # what died takes its savepoint with it
            made.append(name)
            if len(made) == step:
                if name == "__aexit__":
                    await real(arguments[0], CutError, CutError(), None)  # before the COMMIT: nothing of it is stored
                raise CutError
            return await real(*arguments)

        return counted

    with pytest.MonkeyPatch.context() as patch:
        transactions, engines = (SqliteTransaction, ServerTransaction), (SqliteDatabase, ServerDatabase)
        for owner, names in [(kind, ("run", "__aexit__")) for kind in transactions] + [(kind, ("fetch", "scrub")) for kind in engines]:
            for name in names:
                patch.setattr(owner, name, wrapped(owner, name))
        yield made


@dataclass(frozen=True, slots=True)
class Cut:
    """An erasure that died at its `step`-th step, or got to its end before that; `made` are the steps that it made."""

    step: int
    account: Account
    vault_id: bytes
    made: list[str]
    is_cut: bool


async def cut(instance: Instance, step: int) -> Cut:
    sam = await person(instance, f"sam{step}")
    await write(instance, sam)
    vault_id = await vault_id_of(instance, sam)
    is_cut = False
    with dying_at(step) as made:
        try:
            await erase(instance, sam.id)
        except CutError:
            is_cut = True
    return Cut(step, sam, vault_id, made, is_cut)


async def finish(instance: Instance, one: Cut, erased: int) -> bool:
    """At the start after it; whether the erasure had begun."""
    is_begun = one.account.id in await instance.accounts.erasing() or not await is_there(instance, one.account)
    await finish_begun(instance)
    if is_begun:
        await assert_erased(instance, one.account, one.vault_id, entries=erased + 1)
    else:
        assert one.is_cut
        assert await read(instance, one.account) == "words"
        assert await sign_in(instance, f"sam{one.step}")
    assert await finish_begun(instance) == 0
    return is_begun


@pytest.mark.slow
@pytest.mark.every_engine("sqlite", "postgresql", "mariadb")  # a hundred starts: a mixed pair knows no step that these do not
def test_cut_short_at_any_step_it_is_not_begun_or_it_is_finished_at_the_next_start(places: Places) -> None:
    """Steps are counted while it runs, so that a new one is part of this test without a word."""

    async def story() -> None:
        erased, last = 0, None
        for step in count(1):
            async with started(places) as instance:
                erased += last is not None and await finish(instance, last, erased)
                if last is not None and not last.is_cut:
                    break
                last = await cut(instance, step)
        assert last is not None
        assert last.made.count("scrub") == 2
        assert last.step > 20
        assert 0 < last.step - erased < 8  # only what reads and marks comes before the point of no return

    asyncio.run(story())


async def is_there(instance: Instance, account: Account) -> bool:
    try:
        await instance.accounts.by_id(account.id)
    except NotFoundError:
        return False
    return True


def test_once_begun_nobody_gets_in_and_nothing_is_written_while_it_waits_to_be_finished(places: Places) -> None:
    async def story() -> None:
        async with started(places) as instance:
            sam = await person(instance)
            await write(instance, sam)
            access = await sign_in(instance)
            vault = await vault_of(instance, sam)
            await instance.accounts.begin_erasure(sam)
            with pytest.raises(UnauthenticatedError):
                await instance.sessions.check(access)
            with pytest.raises(TimosError):
                await sign_in(instance)
            with pytest.raises(NotFoundError):
                await instance.accounts.enable(sam.id)
            async with instance.vault.transaction() as unit:
                await gates.fence(unit, await vault_id_of(instance, sam))
            with pytest.raises(VaultLockedError):
                await vault.put(ENTRIES, ("2026-11-21",), DailyEntry())

    asyncio.run(story())


# ── at the same time ─────────────────────────────────────────────────────────────────────────────────────────────────


async def turns_until(condition: Callable[[], bool]) -> None:
    """Lets the other tasks go on; to look costs more than a turn of theirs."""
    while not condition():
        for _ in range(10):
            await asyncio.sleep(0)


def test_writes_under_way_are_acknowledged_before_the_fence_or_refused_and_none_survives(places: Places) -> None:
    async def writing(instance: Instance, sam: Account, number: int, acknowledged: list[int]) -> None:
        vault = await vault_of(instance, sam)
        for offset in range(1, 28):
            day = f"2026-{number:02d}-{offset:02d}"
            try:
                await vault.put(ENTRIES, (day,), ENTRIES.place(DailyEntry(body=day), (day,)))
            except VaultLockedError:
                return
            acknowledged.append(offset)
        pytest.fail("The erasure came after all writes.")

    async def story() -> None:
        async with started(places) as instance:
            sam = await person(instance)
            vault_id = await vault_id_of(instance, sam)
            acknowledged: list[int] = []
            writers = [asyncio.create_task(writing(instance, sam, number, acknowledged)) for number in range(1, 9)]
            await turns_until(lambda: len(acknowledged) >= 20)
            receipt = await erase(instance, sam.id)
            await asyncio.gather(*writers)
            assert receipt.rows == len(acknowledged)
            await assert_erased(instance, sam, vault_id, entries=1)

    asyncio.run(story())


def test_erasures_at_once_each_get_their_place_in_the_ledger(places: Places) -> None:
    async def story() -> None:
        async with started(places) as instance:
            accounts = [await person(instance, name) for name in ("sam", "eva", "kim", "lee", "ann")]
            vaults = [await vault_id_of(instance, account) for account in accounts]
            receipts = await asyncio.gather(*(erase(instance, account.id) for account in accounts))
            assert sorted(receipt.ledger_sequence for receipt in receipts) == [1, 2, 3, 4, 5]
            assert len({receipt.receipt for receipt in receipts}) == 5
            for account, vault_id in zip(accounts, vaults, strict=True):
                await assert_erased(instance, account, vault_id, entries=5)

    asyncio.run(story())


def test_erasing_one_account_twice_at_once_erases_it_once(places: Places) -> None:
    async def story() -> None:
        async with started(places) as instance:
            sam = await person(instance)
            await write(instance, sam)
            vault_id = await vault_id_of(instance, sam)
            ends = await asyncio.gather(*(erase(instance, sam.id) for _ in range(3)), return_exceptions=True)
            receipts = [end for end in ends if not isinstance(end, BaseException)]
            assert [receipt.keys_destroyed for receipt in receipts] == [2]
            assert all(isinstance(end, (ConflictError, NotFoundError, VaultLockedError)) for end in ends if end not in receipts)
            await assert_erased(instance, sam, vault_id, entries=1)

    asyncio.run(story())


def test_an_import_under_way_ends_with_the_account(tell: Callable[[Story], None]) -> None:
    """Through the API, where a session is checked before the stream begins."""
    lines = "\n".join(f'{{"date":"19{year:02d}-01-{day:02d}","text":"x"}}' for year in range(60) for day in range(1, 29)).encode()

    async def story(world: World) -> None:
        sam = await world.sign_up()
        proof = await sam.step_up("erase")
        taking = asyncio.create_task(
            sam.call("POST", "/api/imports?format=jsonl", content=lines, headers={"content-type": "application/x-ndjson"})
        )
        await turns_until(lambda: occurrences_of_entries(world) > 0)
        erased = await sam.call("POST", "/api/account/erase", {"phrase": "erase my account"}, headers=proof)
        assert erased.is_success, erased.text
        answer = await taking
        assert answer.json()["code"] == "vault_locked"
        assert occurrences_of_entries(world) == 0

    tell(story)


def occurrences_of_entries(world: World) -> int:
    return int(world.sql("vault", "SELECT count(*) FROM daily_entries")[0][0] or 0)


def test_an_account_whose_key_is_damaged_is_erased_all_the_same(places: Places) -> None:
    async def story() -> None:
        async with started(places) as instance:
            sam = await person(instance)
            await write(instance, sam)
        databases.sql(places.platform_at, "UPDATE user_deks SET sealed = ? WHERE user_id = ? AND purpose = 'vault'", bytes(152), sam.id)
        async with started(places) as instance:
            receipt = await erase(instance, sam.id)
            assert (receipt.keys_destroyed, receipt.rows) == (2, 0)  # nobody can name its rows any more, nor read them
            with pytest.raises(NotFoundError):
                await instance.accounts.by_id(sam.id)
            assert await finish_begun(instance) == 0

    asyncio.run(story())


def test_a_ledger_file_that_cannot_be_written_keeps_no_receipt_back_and_stops_the_next_start(places: Places) -> None:
    async def story() -> None:
        async with started(places) as instance:
            sam = await person(instance)
            await write(instance, sam)
            places.ledger.mkdir()  # stands in the way for root too
            places.ledger.with_suffix(".new").mkdir()
            assert (await erase(instance, sam.id)).rows == 1
            with pytest.raises(StartError, match="TIMOS_LEDGER"):
                await finish_begun(instance)

    asyncio.run(story())
