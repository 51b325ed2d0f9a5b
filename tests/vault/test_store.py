"""The store under races, locks and tampering: no write outlives its key, and none overwrites what it has not seen."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from itertools import groupby, product
from pathlib import Path

import pytest

from tests.vault.vaults import DAY, KEY, Bench, Tell, entry
from timos.kernel.errors import DecryptionError, PreconditionError, TooLargeError, UnavailableError, VaultLockedError
from timos.kernel.ids import ID_BYTES
from timos.vault import gates
from timos.vault.collections import COLLECTIONS
from timos.vault.collections.daily_entries import COLLECTION as ENTRIES
from timos.vault.collections.daily_entries import Note, with_note
from timos.vault.collections.feels_entries import COLLECTION as FEELS
from timos.vault.collections.feels_entries import Evening, Morning
from timos.vault.collections.pillars import COLLECTION as PILLARS
from timos.vault.collections.pillars import Pillar
from timos.vault.collections.preferences import COLLECTION as PREFERENCES
from timos.vault.record import Document, canonical
from timos.vault.store import scanning
from timos.vault.store.gate import ERASED
from timos.vault.store.stored import UNKNOWN, Stored, lost_key
from timos.vault.store.vault import TRIES, Vault
from timos.vault.tables import IN_SIZES

pytestmark = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")

ANOTHER = b"another gate, 16"
PAST_MS = 1_600_000_000_000

Write = Callable[[Vault], Awaitable[object]]


def body_of(stored: Stored | None) -> str:
    assert stored is not None
    document = ENTRIES.decode(stored.raw)
    return str(getattr(document, "body", ""))


# Every way of changing a vault in which the day DAY is written already.
WRITES: dict[str, Write] = {
    "put a new one": lambda vault: vault.put(ENTRIES, ("2026-11-21",), entry("new", date(2026, 11, 21))),
    "put over": lambda vault: vault.put(ENTRIES, KEY, entry("over"), ["*"]),
    "change": lambda vault: vault.change(ENTRIES, KEY, lambda _: entry("changed")),
    "restore": lambda vault: vault.restore(
        ENTRIES, ("2026-11-21",), entry("old", date(2026, 11, 21)), created_ms=PAST_MS, updated_ms=PAST_MS
    ),
    "delete": lambda vault: vault.delete(ENTRIES, KEY),
}
every_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())


# ── the gate ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@every_write
@pytest.mark.parametrize("is_gate_learnt", [True, False])
def test_a_fenced_vault_takes_no_write(on_vault: Tell, write: Write, *, is_gate_learnt: bool) -> None:
    async def story(bench: Bench) -> None:
        await bench.write()
        before = bench.rows()
        async with bench.database.transaction() as unit:
            assert await gates.fence(unit, bench.me.vault_id)
        with pytest.raises(VaultLockedError):
            await write(bench.vault if is_gate_learnt else bench.me.vault())
        assert bench.rows() == before

    on_vault(story)


@every_write
@pytest.mark.parametrize("is_gate_learnt", [True, False])
def test_a_vault_that_this_database_does_not_hold_takes_no_write(on_vault: Tell, write: Write, *, is_gate_learnt: bool) -> None:
    async def story(bench: Bench) -> None:
        await bench.write()
        before = bench.rows()
        bench.sql("DELETE FROM vault_gates")
        with pytest.raises(VaultLockedError):
            await write(bench.vault if is_gate_learnt else bench.me.vault())
        assert bench.rows() == before

    on_vault(story)


@every_write
def test_a_fence_between_reading_and_writing_stops_the_write(on_vault: Tell, write: Write) -> None:
    async def story(bench: Bench) -> None:
        await bench.write()
        before = bench.rows()
        bench.database.before_write.append(partial(bench.sql, "UPDATE vault_gates SET gate = ?", ERASED))
        with pytest.raises(VaultLockedError):
            await write(bench.vault)
        assert bench.rows() == before

    on_vault(story)


@every_write
def test_a_changed_gate_makes_it_unlock_again_once_and_then_write(on_vault: Tell, write: Write) -> None:
    async def story(bench: Bench) -> None:
        await bench.write()
        before = bench.rows()
        bench.sql("UPDATE vault_gates SET gate = ?", ANOTHER)
        await write(bench.vault)
        assert bench.me.relocks == 1
        assert bench.rows() != before
        bench.clock.go_on(1)
        await bench.write("later", date(2026, 11, 19))
        assert bench.me.relocks == 1

    on_vault(story)


@every_write
def test_the_gate_of_another_vault_opens_nothing(on_vault: Tell, write: Write) -> None:
    async def story(bench: Bench) -> None:
        await bench.write()
        other = await bench.holder()
        keys = bench.me.keys()
        [[theirs]] = bench.sql("SELECT gate FROM vault_gates WHERE vault_id = ?", other.vault_id)
        keys.gate = theirs if isinstance(theirs, bytes) else None
        mine = bench.me.vault()
        mine._keys = keys
        await write(mine)
        assert bench.me.relocks == 1  # it missed, and got in with its own

    on_vault(story)


# ── races ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Rival:
    """Another device: puts one of two prepared versions in the place of the stored row, between a read and a write."""

    def __init__(self, bench: Bench, versions: list[bytes]) -> None:
        self.bench = bench
        self.versions = versions
        self.seen = 0

    def __call__(self) -> None:
        self.bench.sql("UPDATE daily_entries SET sealed = ?", self.versions[self.seen % 2])
        self.seen += 1


async def rival_of(bench: Bench) -> Rival:
    versions = []
    for body in ("theirs, one", "theirs, two"):
        await bench.write(body)
        [[_, _, _, sealed]] = bench.rows()
        assert isinstance(sealed, bytes)
        versions.append(sealed)
    return Rival(bench, versions)


def test_a_change_that_lost_the_race_is_made_again_on_what_won(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        bench.database.before_write.append(await rival_of(bench))
        edited: list[str] = []

        def edit(stored: Stored | None) -> Document:
            edited.append(body_of(stored))
            return entry(f"{edited[-1]}, and mine")

        written = await bench.vault.change(ENTRIES, KEY, edit)
        assert edited == ["theirs, two", "theirs, one"]
        assert body_of(written.stored) == "theirs, one, and mine"
        assert body_of(await bench.vault.get(ENTRIES, KEY)) == "theirs, one, and mine"
        assert bench.me.relocks == 0  # the gate is the same, so nothing was unlocked again

    on_vault(story)


def test_a_put_that_lost_the_race_is_refused_with_what_won(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        rival = await rival_of(bench)
        known = await bench.vault.get(ENTRIES, KEY)
        assert known is not None
        bench.database.before_write.append(rival)
        with pytest.raises(PreconditionError) as caught:
            await bench.vault.put(ENTRIES, KEY, entry("mine"), [known.etag])
        now = await bench.vault.get(ENTRIES, KEY)
        assert now is not None
        assert (caught.value.etag, caught.value.stored) == (now.etag, now.raw)
        assert body_of(now) == "theirs, one"

    on_vault(story)


def test_a_delete_that_lost_the_race_deletes_nothing_unseen(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        rival = await rival_of(bench)
        known = await bench.vault.get(ENTRIES, KEY)
        assert known is not None
        bench.database.before_write.append(rival)
        with pytest.raises(PreconditionError):
            await bench.vault.delete(ENTRIES, KEY, [known.etag])
        assert body_of(await bench.vault.get(ENTRIES, KEY)) == "theirs, one"

    on_vault(story)


def test_after_three_missed_gates_a_restore_gives_up_too(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        gates_met = [bytes([number]) * ID_BYTES for number in range(1, 9)]
        bench.database.before_write += [partial(bench.sql, "UPDATE vault_gates SET gate = ?", gate) for gate in gates_met]
        with pytest.raises(UnavailableError):
            await WRITES["restore"](bench.vault)
        assert len(gates_met) - len(bench.database.before_write) == TRIES
        assert bench.rows() == []

    on_vault(story)


@pytest.mark.parametrize("verb", ["change", "put over", "delete"])
def test_after_three_lost_races_it_gives_up_and_overwrites_nothing(on_vault: Tell, verb: str) -> None:
    async def story(bench: Bench) -> None:
        rival = await rival_of(bench)
        bench.database.before_write += [rival] * 5
        with pytest.raises(UnavailableError):
            await WRITES[verb](bench.vault)
        assert rival.seen == TRIES
        assert body_of(await bench.vault.get(ENTRIES, KEY)).startswith("theirs")

    on_vault(story)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_write_whose_answer_was_lost_is_known_again_and_decided_on_once(on_vault: Tell, *, is_there: bool) -> None:
    async def story(bench: Bench) -> None:
        before = body_of(await bench.write("one")) if is_there else None
        decided: list[str | None] = []

        def edit(stored: Stored | None) -> Document:
            decided.append(None if stored is None else body_of(stored))
            return entry(f"{decided[-1]} and two")

        bench.database.lost_answers = 1
        written = await bench.vault.change(ENTRIES, KEY, edit)
        assert decided == [before]
        assert written.is_new is not is_there
        assert body_of(written.stored) == f"{before} and two"
        assert body_of(await bench.vault.get(ENTRIES, KEY)) == f"{before} and two"

    on_vault(story)


def test_a_restored_record_whose_answer_was_lost_counts_as_new(on_vault: Tell) -> None:
    """Otherwise undoing an import would leave it."""

    async def story(bench: Bench) -> None:
        bench.database.lost_answers = 1
        for is_new in (True, False):
            written = await bench.vault.restore(ENTRIES, KEY, entry("words"), created_ms=1, updated_ms=1)
            assert written is not None
            assert written.is_new is is_new
        assert len(bench.rows()) == 1

    on_vault(story)


def test_a_delete_without_a_condition_deletes_the_latest(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        bench.database.before_write.append(await rival_of(bench))
        assert await bench.vault.delete(ENTRIES, KEY)
        assert bench.rows() == []
        assert not await bench.vault.delete(ENTRIES, KEY)

    on_vault(story)


def test_two_devices_that_make_the_same_day_at_once_make_it_once(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        devices = [bench.me.vault(), bench.me.vault()]
        ends = await asyncio.gather(
            *(vault.put(ENTRIES, KEY, entry(f"device {n}")) for n, vault in enumerate(devices)), return_exceptions=True
        )
        assert sorted(type(end).__name__ for end in ends) == ["PreconditionError", "Written"]
        assert len(bench.rows()) == 1

    on_vault(story)


def test_two_devices_that_send_the_same_at_once_both_succeed(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        first, second = await asyncio.gather(*(bench.me.vault().put(ENTRIES, KEY, entry("same")) for _ in range(2)))
        assert first.stored.etag == second.stored.etag
        assert [first.is_new, second.is_new] == [True, False]

    on_vault(story)


def test_two_notes_at_once_are_both_kept(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        def add(text: str) -> Callable[[Stored | None], Document]:
            def edit(stored: Stored | None) -> Document:
                before = ENTRIES.decode(stored.raw) if stored else entry("")
                assert isinstance(before, type(entry()))
                return with_note(before, Note(id=text, at=None, text=text))

            return edit

        await asyncio.gather(*(bench.me.vault().change(ENTRIES, KEY, add(text)) for text in ("one", "two")))
        stored = await bench.vault.get(ENTRIES, KEY)
        assert stored is not None
        assert b'"one"' in stored.raw
        assert b'"two"' in stored.raw

    on_vault(story)


# ── put, get, delete ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_put_needs_to_know_what_is_stored_unless_it_is_the_same(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        vault = bench.vault
        first = await vault.put(ENTRIES, KEY, entry("one"))
        assert first.is_new
        bench.clock.go_on(60)
        for expected in (None, ['"stale"'], [first.stored.etag]):
            again = await vault.put(ENTRIES, KEY, entry("one"), expected)
            assert not again.is_new
            assert again.stored.rev == first.stored.rev
            assert again.stored.updated_ms == first.stored.updated_ms
        for stale in (None, ['"stale"'], []):
            with pytest.raises(PreconditionError) as caught:
                await vault.put(ENTRIES, KEY, entry("two"), stale)
            assert caught.value.etag == first.stored.etag
            assert caught.value.stored == first.stored.raw
        for expected in (['"stale"', first.stored.etag], ["*"]):
            changed = await vault.put(ENTRIES, KEY, entry(str(expected)), expected)
            assert changed.stored.rev != first.stored.rev
            assert changed.stored.created_ms == first.stored.created_ms
            assert changed.stored.updated_ms == first.stored.created_ms + 60_000

    on_vault(story)


def test_a_put_that_expects_something_makes_nothing_new(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        for expected in (['"some"'], ["*"]):
            with pytest.raises(PreconditionError) as caught:
                await bench.vault.put(ENTRIES, KEY, entry(), expected)
            assert caught.value.stored is None
        assert bench.rows() == []

    on_vault(story)


def test_a_document_over_its_limit_is_refused_and_one_at_the_limit_is_not(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        small = replace(ENTRIES, limit_bytes=len(canonical(entry("word"))))
        await bench.vault.put(small, KEY, entry("word"))
        with pytest.raises(TooLargeError):
            await bench.vault.put(small, KEY, entry("words"), ["*"])
        with pytest.raises(TooLargeError):
            await bench.vault.restore(small, KEY, entry("words"), created_ms=0, updated_ms=0)
        assert body_of(await bench.vault.get(ENTRIES, KEY)) == "word"

    on_vault(story)


@pytest.mark.every_engine("sqlite")  # it looks into the files
def test_nothing_of_a_document_can_be_read_in_the_files(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        await bench.write("canary-in-a-body")
        assert isinstance(bench.address, Path)
        for file in bench.address.parent.iterdir():
            content = file.read_bytes()
            assert b"canary" not in content
            assert KEY[0].encode() not in content

    on_vault(story)


@pytest.mark.every_engine("sqlite")  # there are no rowids elsewhere
def test_rowids_keep_no_order(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        order: list[int] = []
        for number in range(12):
            await bench.write(str(number), DAY - timedelta(days=number))
            known = set(order)
            order += [int(row[0] or 0) for row in bench.sql("SELECT rowid FROM daily_entries") if row[0] not in known]
        others = [(await bench.holder()).vault_id for _ in range(11)]
        rowid_of = {row[0]: int(row[1] or 0) for row in bench.sql("SELECT vault_id, rowid FROM vault_gates")}
        made = [rowid_of[vault] for vault in (bench.me.vault_id, *others)]
        assert len(order) == len(set(made)) == 12
        for rowids in (order, made):
            assert sorted(rowids) not in (rowids, rowids[::-1])
            assert min(rowids) >= 0
        assert max(order) - min(order) > 2**30  # of 38 bits: twelve that lie closer do not happen

    on_vault(story)


@pytest.mark.every_engine("sqlite")  # elsewhere the rows of a vault lie together anyway, or in order of insertion
def test_the_rows_of_a_vault_lie_side_by_side(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        holders = [bench.me, *[await bench.holder() for _ in range(5)]]
        for number in range(5):
            day = DAY - timedelta(days=number)
            for holder in holders:
                await holder.vault().put(ENTRIES, (day.isoformat(),), entry(day=day))
        vaults = [row[0] for row in bench.sql("SELECT vault_id FROM daily_entries ORDER BY rowid")]
        assert len(vaults) == 30
        assert len(list(groupby(vaults))) == 6

    on_vault(story)


@pytest.mark.every_engine("sqlite")
def test_a_rowid_that_is_taken_is_drawn_again(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        drawn = [bytes(5), bytes(5), b"other"]
        vault = bench.me.vault(random=lambda size: drawn.pop(0) if size == 5 else os.urandom(size))
        for number in range(2):
            await vault.put(ENTRIES, ((DAY - timedelta(days=number)).isoformat(),), entry(day=DAY - timedelta(days=number)))
        assert not drawn
        assert len(bench.rows()) == 2

    on_vault(story)


# ── ranges ───────────────────────────────────────────────────────────────────────────────────────────────────────────

YEAR_AGO = DAY - timedelta(days=399)


def test_four_hundred_days_are_found_by_their_tokens_in_portions_of_few_sizes(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        wanted = [YEAR_AGO, YEAR_AGO + timedelta(days=1), YEAR_AGO + timedelta(days=200), DAY]
        for day in [*wanted, YEAR_AGO - timedelta(days=1), DAY + timedelta(days=1)]:
            await bench.vault.put(FEELS, (day.isoformat(), "evening"), Evening(day=day, honest_note=str(day)))
            await bench.vault.put(FEELS, (day.isoformat(), "morning"), Morning(day=day, note=str(day)))
        bench.database.fetched.clear()
        page = await bench.vault.days(FEELS, YEAR_AGO, DAY)
        assert [stored.key for stored in page.items] == [(day.isoformat(), kind) for day in wanted for kind in ("evening", "morning")]
        assert not page.has_more
        asked = [[str(params[name]) for name in params if name != "vault_id"] for _, params in bench.database.fetched]
        assert [len(ids) for ids in asked] == [400, 400]
        assert len({row_id for ids in asked for row_id in ids}) == 800  # every day is asked for, written or not
        for _, params in bench.database.fetched:
            ids = [value for name in params if name != "vault_id" and isinstance(value := params[name], bytes)]
            assert ids == sorted(ids)  # the order of the days would tell which is which

    on_vault(story)


@pytest.mark.parametrize(("days", "sizes"), [(1, [1]), (2, [4]), (31, [32]), (33, [64]), (65, [400]), (400, [400]), (401, [400, 1])])
def test_a_range_is_padded_to_the_next_size(on_vault: Tell, days: int, sizes: list[int]) -> None:
    async def story(bench: Bench) -> None:
        first = DAY - timedelta(days=days - 1)
        for day in {first, DAY}:
            await bench.write(day=day)
        bench.database.fetched.clear()
        page = await bench.vault.days(ENTRIES, first, DAY, limit=1000)
        assert [stored.key[0] for stored in page.items] == sorted({first.isoformat(), DAY.isoformat()})
        assert [len(params) - 1 for _, params in bench.database.fetched] == sizes
        assert set(sizes) <= set(IN_SIZES)

    on_vault(story)


@pytest.mark.parametrize("is_long", [False, True])
def test_pages_follow_each_other_without_a_gap_or_a_repetition(on_vault: Tell, *, is_long: bool) -> None:
    async def story(bench: Bench) -> None:
        written = [DAY - timedelta(days=3 * number) for number in range(7)]
        for day in written:
            await bench.write(str(day), day)
        read = bench.vault.long_range if is_long else bench.vault.days
        seen: list[str] = []
        after = None
        for expected in (3, 2):
            page = await read(ENTRIES, written[5], written[1], after=after, limit=3)
            seen += [stored.key[0] for stored in page.items]
            assert len(page.items) == expected
            assert page.has_more == (expected == 3)
            after = page.items[-1].key
        assert seen == sorted(day.isoformat() for day in written[1:6])

    on_vault(story)


def test_a_long_range_finds_what_a_short_one_cannot_enumerate(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        days = [date(1660, 1, 1), date(1999, 12, 31), DAY]
        for day in days:
            await bench.write(str(day), day)
        page = await bench.vault.long_range(ENTRIES, date(1000, 1, 1), date(1999, 12, 31))
        assert [stored.key[0] for stored in page.items] == ["1660-01-01", "1999-12-31"]

    on_vault(story)


def test_a_scan_gives_every_record_once_and_lets_others_through(on_vault: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "SLICE_SECONDS", 0.0)

    async def story(bench: Bench) -> None:
        number = 2 * 200 + 1  # three fetches
        days = [DAY - timedelta(days=offset) for offset in range(number)]
        for some in (days[:200], days[200:]):  # more at once than a pool lets wait
            await asyncio.gather(*(bench.vault.restore(ENTRIES, (str(day),), entry("x", day), created_ms=1, updated_ms=1) for day in some))
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        slices = [[stored.key[0] for stored in opened.items] async for opened in bench.vault.scan(ENTRIES)]
        ticking.cancel()
        assert sorted(key for keys in slices for key in keys) == sorted(map(str, days))
        assert len(slices) > number / 2
        assert ticks > number / 2

    on_vault(story)


# ── restore and compare ──────────────────────────────────────────────────────────────────────────────────────────────


def test_restoring_keeps_the_instants_and_never_overwrites(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        vault = bench.vault
        assert await vault.compare(ENTRIES, KEY, entry("old")) == "new"
        made = await vault.restore(ENTRIES, KEY, entry("old"), created_ms=PAST_MS, updated_ms=PAST_MS + 5)
        assert made is not None
        assert made.is_new
        stored = await vault.get(ENTRIES, KEY)
        assert stored is not None
        assert (stored.created_ms, stored.updated_ms) == (PAST_MS, PAST_MS + 5)
        before = bench.rows()
        assert await vault.compare(ENTRIES, KEY, entry("old")) == "same"
        again = await vault.restore(ENTRIES, KEY, entry("old"), created_ms=1, updated_ms=1)
        assert again is not None
        assert not again.is_new
        assert await vault.compare(ENTRIES, KEY, entry("other")) == "conflict"
        assert await vault.restore(ENTRIES, KEY, entry("other"), created_ms=1, updated_ms=1) is None
        assert bench.rows() == before

    on_vault(story)


@pytest.mark.parametrize(("theirs", "is_conflict"), [("mine", False), ("theirs", True)])
def test_restoring_what_somebody_makes_at_the_same_time_looks_again(on_vault: Tell, theirs: str, *, is_conflict: bool) -> None:
    async def story(bench: Bench) -> None:
        await bench.write(theirs)
        [row] = bench.rows()
        bench.sql("DELETE FROM daily_entries")
        statement = "INSERT INTO daily_entries (vault_id, id, tag, sealed) VALUES (?, ?, ?, ?)"
        bench.database.before_write.append(partial(bench.sql, statement, *row))
        ended = await bench.vault.restore(ENTRIES, KEY, entry("mine"), created_ms=1, updated_ms=1)
        assert (ended is None) == is_conflict
        assert bench.rows() == [row]

    on_vault(story)


def test_derived_ids_repeat_for_one_vault_and_mean_nothing_to_another(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        vault, other = bench.vault, (await bench.holder()).vault()
        first = vault.derived_id(ENTRIES, "note", "2026-11-20", "key")
        assert first == bench.me.vault().derived_id(ENTRIES, "note", "2026-11-20", "key")
        others = {
            vault.derived_id(ENTRIES, "note", "2026-11-20", "yek"),
            vault.derived_id(ENTRIES, "note", "2026-11-2", "0key"),
            vault.derived_id(FEELS, "note", "2026-11-20", "key"),
            other.derived_id(ENTRIES, "note", "2026-11-20", "key"),
        }
        assert len(others | {first}) == 5

    on_vault(story)


# ── rows that do not open ────────────────────────────────────────────────────────────────────────────────────────────

HARMS: dict[str, str] = {  # || makes TEXT of two BLOBs
    "one byte": (
        "CAST(substr(sealed, 1, 60) || CASE substr(sealed, 61, 1) WHEN x'00' THEN x'01' ELSE x'00' END || substr(sealed, 62) AS BLOB)"
    ),
    "cut": "substr(sealed, 1, length(sealed) - 1)",
    "cut to the header": "substr(sealed, 1, 20)",
    "empty": "x''",
    "longer": "CAST(sealed || x'00' AS BLOB)",
    "planted bytes": "randomblob(700)",
    "planted text": "'planted'",
    "planted text that is none": "CAST(x'ff80' AS TEXT)",
    "planted number": "5",
    "another format": "CAST(x'02' || substr(sealed, 2) AS BLOB)",
    "another key version": "CAST(x'0100000002' || substr(sealed, 6) AS BLOB)",
}
harmed = pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS.keys())


@pytest.mark.every_engine("sqlite")  # the harm is done in its SQL, and what opens is the same everywhere
@harmed
def test_a_row_that_does_not_open_is_an_error_is_witnessed_and_hides_no_other(on_vault: Tell, harm: str) -> None:
    async def story(bench: Bench) -> None:
        await bench.write("damaged")
        bench.sql(f"UPDATE daily_entries SET sealed = {harm}")  # noqa: S608
        other = DAY - timedelta(days=1)
        await bench.write("whole", other)
        assert bench.me.witnessed == []
        with pytest.raises(DecryptionError):
            await bench.vault.get(ENTRIES, KEY)
        assert bench.me.witnessed == ["daily_entries"]
        page = await bench.vault.days(ENTRIES, other, DAY)
        assert ([body_of(stored) for stored in page.items], page.unreadable) == (["whole"], [KEY])
        assert bench.me.witnessed == ["daily_entries"] * 2
        page = await bench.vault.long_range(ENTRIES, date(1000, 1, 1), DAY)
        assert ([body_of(stored) for stored in page.items], page.unreadable) == (["whole"], [UNKNOWN])
        assert bench.me.witnessed == ["daily_entries"] * 3
        opened = [opened async for opened in bench.vault.scan(ENTRIES)]
        assert sum(each.unreadable for each in opened) == 1
        assert bench.me.witnessed == ["daily_entries"] * 4

    on_vault(story)


ON_DAY = [name for name in WRITES if name in {"put over", "change"}]


@pytest.mark.every_engine("sqlite")  # the harm is done in its SQL, and what opens is the same everywhere
@harmed
def test_a_row_that_does_not_open_is_never_written_over(on_vault: Tell, harm: str) -> None:
    async def story(bench: Bench) -> None:
        await bench.write()
        bench.sql(f"UPDATE daily_entries SET sealed = {harm}")  # noqa: S608
        before = bench.rows()
        works = [WRITES[name] for name in ON_DAY]
        works.append(lambda vault: vault.put(ENTRIES, KEY, entry("blind")))
        works.append(lambda vault: vault.restore(ENTRIES, KEY, entry("blind"), created_ms=1, updated_ms=1))
        works.append(lambda vault: vault.compare(ENTRIES, KEY, entry("blind")))
        works.append(lambda vault: vault.delete(ENTRIES, KEY, ['"an etag"']))  # nobody can tell whether it is that one
        for work in works:
            with pytest.raises(DecryptionError):
                await work(bench.vault)
        assert bench.rows() == before

    on_vault(story)


DISCARDED = [name for name in HARMS if name != "planted text that is none"]  # which no driver gives back as it is


@pytest.mark.every_engine("sqlite")  # the harm is done in its SQL
@pytest.mark.parametrize("harm", [HARMS[name] for name in DISCARDED], ids=DISCARDED)
@pytest.mark.parametrize("expected", [None, ["*"]])
def test_a_row_that_does_not_open_is_its_owners_to_delete(on_vault: Tell, harm: str, expected: list[str] | None) -> None:
    async def story(bench: Bench) -> None:
        other = await bench.holder()
        await other.vault().put(ENTRIES, KEY, entry("theirs"))
        kept = bench.rows()
        await bench.write()
        bench.sql(f"UPDATE daily_entries SET sealed = {harm} WHERE vault_id = ?", bench.me.vault_id)  # noqa: S608
        assert await bench.vault.delete(ENTRIES, KEY, expected)
        assert bench.rows() == kept
        assert bench.me.witnessed == ["daily_entries"]
        assert not await bench.vault.delete(ENTRIES, KEY, expected)
        await bench.write("again")

    on_vault(story)


@pytest.mark.every_engine("sqlite")  # the harm is done in its SQL
def test_a_fence_keeps_a_row_that_does_not_open_too(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        await bench.write()
        bench.sql("UPDATE daily_entries SET sealed = zeroblob(600)")
        before = bench.rows()
        bench.database.before_write.append(partial(bench.sql, "UPDATE vault_gates SET gate = ?", ERASED))
        with pytest.raises(VaultLockedError):
            await bench.vault.delete(ENTRIES, KEY)
        assert bench.rows() == before

    on_vault(story)


@pytest.mark.every_engine("sqlite")  # the harm is done in its SQL
def test_a_row_that_lost_its_key_has_a_name_to_delete_it_by_and_no_other_has(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        async def make(key: str) -> Stored:
            return (await bench.vault.put(PILLARS, (key,), Pillar(id=key, name=key))).stored

        def row_id() -> bytes:
            [[found]] = bench.sql("SELECT id FROM pillars")
            assert isinstance(found, bytes)
            return found

        await make("one")
        whole, lost = bench.rows("pillars"), lost_key(row_id())
        assert not await bench.vault.delete(PILLARS, lost)  # it opens, and has its own key
        assert bench.rows("pillars") == whole
        bench.sql("UPDATE pillars SET sealed = zeroblob(600)")
        assert [opened.lost async for opened in bench.vault.scan(PILLARS)] == [[row_id()]]
        assert not await (await bench.holder()).vault().delete(PILLARS, lost)
        for wrong in ("unreadable-", "unreadable-x", "unreadable-" + "A" * 22, lost[0][:-1]):
            assert not await bench.vault.delete(PILLARS, (wrong,))
        assert await bench.vault.delete(PILLARS, lost)
        assert bench.rows("pillars") == []
        await make("*")
        await make(lost[0])  # an archive may bring in any id: then that is meant
        assert await bench.vault.delete(PILLARS, lost)
        assert [stored.key for stored in (await bench.vault.whole(PILLARS)).items] == [("*",)]

    on_vault(story)


def test_a_row_opens_only_in_its_own_place(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        other = await bench.holder()
        tomorrow = DAY + timedelta(days=1)
        await bench.write("today")
        await bench.write("tomorrow", tomorrow)
        await other.vault().put(ENTRIES, KEY, entry("somebody else's"))
        whole = bench.rows()
        sealed = {(row[0], row[1]): row[3] for row in whole}
        for (place, own), (source, value) in product(sealed.items(), repeat=2):
            if source != place:
                bench.sql("UPDATE daily_entries SET sealed = ? WHERE vault_id = ? AND id = ?", value, *place)
                mine = [await _unreadable(bench.vault, day) for day in (DAY, tomorrow)]
                theirs = await _unreadable(other.vault(), DAY)
                assert [*mine, theirs].count(True) == 1
                bench.sql("UPDATE daily_entries SET sealed = ? WHERE vault_id = ? AND id = ?", own, *place)
        assert bench.rows() == whole

    async def _unreadable(vault: Vault, day: date) -> bool:
        try:
            await vault.get(ENTRIES, (day.isoformat(),))
        except DecryptionError:
            return True
        return False

    on_vault(story)


def test_a_row_moved_to_another_users_vault_does_not_open_there(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        other = await bench.holder()
        await bench.write()
        bench.sql("UPDATE daily_entries SET vault_id = ?", other.vault_id)
        assert await bench.vault.get(ENTRIES, KEY) is None
        assert await other.vault().get(ENTRIES, KEY) is None  # its place there has another id
        opened = [opened async for opened in other.vault().scan(ENTRIES)]
        assert [(each.items, each.unreadable) for each in opened] == [([], 1)]

    on_vault(story)


@pytest.mark.every_engine("sqlite")  # the harm is done in its SQL, and what opens is the same everywhere
def test_a_tag_that_was_planted_or_changed_makes_its_row_unreadable(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        await bench.write()
        for tag in (b"planted tag, 16.", "text", 5):
            bench.sql("UPDATE daily_entries SET tag = ?", tag)
            with pytest.raises(DecryptionError):
                await bench.vault.get(ENTRIES, KEY)
        bench.sql("UPDATE daily_entries SET tag = NULL")
        assert body_of(await bench.vault.get(ENTRIES, KEY)) == "first"

    on_vault(story)


def test_a_row_moved_to_another_table_does_not_open_there(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        await bench.write()
        for collection in COLLECTIONS:
            if collection is not ENTRIES:
                bench.sql(f"INSERT INTO {collection.name} SELECT * FROM daily_entries")  # noqa: S608
                opened = [opened async for opened in bench.vault.scan(collection)]
                assert [(each.items, each.unreadable) for each in opened] == [([], 1)]

    on_vault(story)


def test_a_record_of_a_newer_version_is_not_taken_for_an_older_one(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        newer = replace(ENTRIES, version=2)
        await bench.vault.put(newer, KEY, entry("from the future"))
        with pytest.raises(DecryptionError, match="newer version"):
            await bench.vault.get(ENTRIES, KEY)
        with pytest.raises(DecryptionError):
            await bench.vault.put(ENTRIES, KEY, entry("from the past"), ["*"])
        assert body_of(await bench.vault.get(newer, KEY)) == "from the future"

    on_vault(story)


def test_the_document_without_a_day_has_one_place(on_vault: Tell) -> None:
    async def story(bench: Bench) -> None:
        written = await bench.vault.put(PREFERENCES, (), PREFERENCES.decode(b"{}"))
        assert written.stored.key == ()
        [opened] = [opened async for opened in bench.vault.scan(PREFERENCES)]
        assert [stored.rev for stored in opened.items] == [written.stored.rev]
        assert len(written.stored.rev) == ID_BYTES
        assert len(bench.rows("preferences")) == 1

    on_vault(story)
