"""A vault's end: fenced first, purged whole, its gate last; nobody else's is touched."""

import asyncio

import pytest

from tests.contracts.samples import SAMPLES
from tests.vault.vaults import Bench, Holder, Tell
from timos.kernel.db.port import Value
from timos.kernel.errors import VaultLockedError
from timos.vault import gates
from timos.vault.collections import COLLECTIONS
from timos.vault.collections.daily_entries import COLLECTION as ENTRIES
from timos.vault.collections.feels_entries import COLLECTION as FEELS
from timos.vault.collections.feels_entries import Morning
from timos.vault.store.gate import ERASED
from timos.vault.tables import ROWS

pytestmark = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")


async def fill(holder: Holder) -> None:
    """A row in every collection."""
    vault = holder.vault()
    for sample in {sample.table: sample for sample in SAMPLES}.values():
        await vault.put(sample.collection, sample.key(), sample.document(sample.full))


def counts(bench: Bench, vault_id: bytes) -> list[int]:
    return [sum(row[0] == vault_id for row in bench.rows(collection.name)) for collection in COLLECTIONS]


def gate_of(bench: Bench, vault_id: bytes) -> bytes | None:
    rows = bench.sql("SELECT gate FROM vault_gates WHERE vault_id = ?", vault_id)
    return rows[0][0] if rows and isinstance(rows[0][0], bytes) else None


def test_gates_are_made_of_chance_and_counted(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        others = [await bench.holder() for _ in range(3)]
        found = {gate_of(bench, holder.vault_id) for holder in (bench.me, *others)}
        assert len(found) == 4
        assert not found & {None, ERASED}
        assert await gates.count(bench.database) == 4
        assert await gates.fenced(bench.database) == []

    on_vault(story)


def test_a_fence_is_for_one_vault_and_idempotent(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        other = await bench.holder()
        for expected in (True, True):
            async with bench.database.transaction() as unit:
                assert await gates.fence(unit, bench.me.vault_id) == expected
        async with bench.database.transaction() as unit:
            assert not await gates.fence(unit, b"no vault of ours")
        assert await gates.fenced(bench.database) == [bench.me.vault_id]
        with pytest.raises(VaultLockedError):
            await fill(bench.me)
        await fill(other)

    on_vault(story)


def test_a_purge_takes_every_row_of_one_vault_and_counts_them(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        other = await bench.holder()
        await fill(bench.me)
        await fill(other)
        await bench.vault.put(FEELS, ("2026-11-19", "morning"), Morning())
        assert await gates.purge(bench.database, bench.me.vault_id) == len(COLLECTIONS) + 1
        assert counts(bench, bench.me.vault_id) == [0] * len(COLLECTIONS)
        assert counts(bench, other.vault_id) == [1] * len(COLLECTIONS)
        assert gate_of(bench, bench.me.vault_id) is None
        assert gate_of(bench, other.vault_id) is not None
        assert await gates.purge(bench.database, bench.me.vault_id) == 0

    on_vault(story)


def test_a_fence_waits_for_the_writes_that_saw_the_gate_open_and_the_purge_takes_their_rows(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        fence_and_purge: asyncio.Task[None] | None = None

        async def erase() -> None:
            async with bench.database.transaction() as unit:
                await gates.fence(unit, bench.me.vault_id)
            await gates.purge(bench.database, bench.me.vault_id)

        gate = gate_of(bench, bench.me.vault_id)
        row: dict[str, Value] = {"vault_id": bench.me.vault_id, "id": bytes(16), "tag": None, "sealed": b"x", "rowid": 1, "gate": gate}
        async with bench.database.transaction() as unit:
            assert await unit.run(ROWS["daily_entries"].insert, row) == 1
            fence_and_purge = asyncio.create_task(erase())
            await asyncio.sleep(0.2)
            assert not fence_and_purge.done()
        await fence_and_purge
        assert counts(bench, bench.me.vault_id) == [0] * len(COLLECTIONS)

    on_vault(story)


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_a_change_that_waited_for_the_fence_is_none(on_vault: Tell, verb: str) -> None:
    async def story(bench: Bench) -> None:
        stored = await bench.write()
        known = await bench.vault.get(ENTRIES, stored.key)
        assert known is not None
        [[_, row_id, tag, sealed]] = bench.rows()
        gate = gate_of(bench, bench.me.vault_id)
        params = {"vault_id": bench.me.vault_id, "id": row_id, "tag": tag, "sealed": sealed, "salt": known.salt, "gate": gate}

        async def change() -> int:
            async with bench.database.transaction() as unit:
                return await unit.run(getattr(ROWS["daily_entries"], verb), params)

        async with bench.database.transaction() as unit:
            await gates.fence(unit, bench.me.vault_id)
            changing = asyncio.create_task(change())
            await asyncio.sleep(0.2)
            assert not changing.done()
        assert await changing == 0

    on_vault(story)


class CutError(Exception):
    """The process died here."""


@pytest.mark.parametrize("steps", range(len(COLLECTIONS) + 1))
def test_a_purge_cut_short_anywhere_leaves_the_fence_and_is_finished_later(on_vault: Tell, steps: int) -> None:
    async def story(bench: Bench) -> None:
        await fill(bench.me)
        async with bench.database.transaction() as unit:
            await gates.fence(unit, bench.me.vault_id)

        def die() -> None:
            raise CutError

        bench.database.before_write += [*[lambda: None] * steps, die]
        with pytest.raises(CutError):
            await gates.purge(bench.database, bench.me.vault_id)
        assert sum(counts(bench, bench.me.vault_id)) == len(COLLECTIONS) - steps
        assert await gates.fenced(bench.database) == [bench.me.vault_id]
        await gates.purge(bench.database, bench.me.vault_id)
        assert counts(bench, bench.me.vault_id) == [0] * len(COLLECTIONS)
        assert await gates.fenced(bench.database) == []

    on_vault(story)
