"""Erasures stay known for ever, to nobody but the holder of the master key, and cannot be rewritten."""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.platform.support import Story, World
from timos.kernel.errors import ConflictError, DecryptionError
from timos.platform.ledger import Entry, Ledger
from timos.platform.sealer import PlatformKeys

pytestmark = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")

AT = 1_790_000_000_000


async def append(world: World, number: int) -> Entry:
    while True:
        try:
            async with world.database.transaction() as tx:
                return await world.platform.ledger.append(tx, bytes([number]) * 16, bytes([100 + number]) * 16, AT + number)
        except ConflictError:  # where writers go side by side, another one took the sequence
            continue


def test_entries_follow_each_other_and_open_again(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        made = [await append(world, number) for number in range(4)]
        ledger = (await world.restarted()).platform.ledger
        entries = await ledger.entries()
        assert entries == made
        assert [entry.sequence for entry in entries] == [1, 2, 3, 4]
        assert ledger.verify(entries) is None
        assert [ledger.open(entry) for entry in entries] == [(bytes([n]) * 16, bytes([100 + n]) * 16) for n in range(4)]

    run(story)


def test_an_empty_ledger_is_genuine(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        assert world.platform.ledger.verify(await world.platform.ledger.entries()) is None

    run(story)


def test_a_copy_as_lines_is_the_same_ledger_and_names_nobody(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        entries = [await append(world, 65 + number) for number in range(3)]
        lines = [entry.line() for entry in entries]
        assert [Entry.parse(line) for line in lines] == entries
        for entry, line in zip(entries, lines, strict=True):
            assert "\n" not in line
            for secret in world.platform.ledger.open(entry):
                assert secret not in entry.sealed
                assert secret.hex() not in line

    run(story)


def test_every_change_to_an_entry_is_found_and_named(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        ledger = world.platform.ledger
        entries = [await append(world, number) for number in range(3)]
        changes = [
            replace(entries[1], at_ms=entries[1].at_ms + 1),
            replace(entries[1], sealed=entries[2].sealed),
            replace(entries[1], previous=bytes(32)),
            replace(entries[1], signature=entries[2].signature),
            replace(entries[1], signature=bytes(64)),
        ]
        for changed in changes:
            assert ledger.verify([entries[0], changed, entries[2]]) == 2

    run(story)


def test_a_missing_a_repeated_and_a_swapped_entry_are_found(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        verify = world.platform.ledger.verify
        one, two, three = [await append(world, number) for number in range(3)]
        assert verify([two, three]) == 2
        assert verify([one, three]) == 3
        assert verify([one, one]) == 1
        assert verify([two, one, three]) == 2
        assert verify([one, two]) is None  # a cut tail shows only beside another copy

    run(story)


def test_a_ledger_of_another_instance_is_not_genuine(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        entry = await append(world, 1)
        world.sql("DELETE FROM platform_keys WHERE purpose IN ('ledger', 'audit_signing')")
        foreign = await PlatformKeys.load_or_create(world.database, world.provider, world.clock, os.urandom, is_new=True)
        other = Ledger(world.database, foreign)
        assert other.verify([entry]) == 1
        with pytest.raises(DecryptionError):
            other.open(entry)

    run(story)


def test_sealed_ids_do_not_open_at_another_place_of_the_ledger(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        one, two = await append(world, 1), await append(world, 2)
        with pytest.raises(DecryptionError):
            world.platform.ledger.open(replace(two, sealed=one.sealed))

    run(story)


def test_replayed_entries_continue_the_ledger(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        entries = [await append(world, number) for number in range(3)]
        world.sql("DELETE FROM erasure_ledger WHERE sequence > 1")
        for entry in entries[1:]:
            async with world.database.transaction() as tx:
                await world.platform.ledger.insert(tx, Entry.parse(entry.line()))
        await append(world, 4)
        assert world.platform.ledger.verify(await world.platform.ledger.entries()) is None
        with pytest.raises(ConflictError):
            async with world.database.transaction() as tx:
                await world.platform.ledger.insert(tx, entries[0])

    run(story)


def test_erasures_at_the_same_time_make_one_chain(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await asyncio.gather(*(append(world, number) for number in range(20)))
        entries = await world.platform.ledger.entries()
        assert len(entries) == 20
        assert world.platform.ledger.verify(entries) is None

    run(story)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "null",
        "{}",
        "[" * 100_000,
        '{"sequence": 0}',
        json.dumps({"sequence": 1, "at": 1, "previous": "AA", "sealed": "AA", "signature": "AA"}),
        json.dumps({"sequence": "1", "at": 1, "previous": "A" * 43, "sealed": "AA", "signature": "A" * 86}),
        json.dumps({"sequence": 1, "at": 1, "previous": 5, "sealed": "AA", "signature": "A" * 86}),
    ],
)
def test_a_line_that_is_no_entry_is_refused(line: str) -> None:
    with pytest.raises(DecryptionError):
        Entry.parse(line)


@given(
    st.builds(
        Entry,
        sequence=st.integers(1, 2**62),
        previous=st.binary(min_size=32, max_size=32),
        at_ms=st.integers(0, 2**62),
        sealed=st.binary(max_size=200),
        signature=st.binary(min_size=64, max_size=64),
    )
)
def test_line_and_parse_are_inverse(entry: Entry) -> None:
    assert Entry.parse(entry.line()) == entry
