"""Contents of a database: in bounded slices, in one order and with one digest on every engine."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests import databases
from tests.databases import Engines, Pair
from timos.kernel.db import contents
from timos.kernel.db.address import Address, parse
from timos.kernel.db.contents import SLICE_BYTES, Column, Digest, Table
from timos.kernel.db.port import Row, UniqueError
from timos.kernel.db.session import Session, session, transaction
from timos.kernel.errors import DatabaseError

ENGINES = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")
WORDS = ["a", "B", "_", "Z", "z", "é", "ä", "aa", "a b", "1", "~", "A"]  # each language has another order for them
TYPES = {"sqlite": ("BLOB", "TEXT"), "postgresql": ("bytea", "text"), "mysql": ("MEDIUMBLOB", "TEXT")}
LETTERS = Table(
    "letters",
    (Column("body", "bytes"), Column("line", "text"), Column("name", "text"), Column("number", "number")),
    (Column("number", "number"), Column("name", "text")),
)


@pytest.fixture
def address(pair: Pair, tmp_path: Path) -> Iterator[Address]:
    with pair.vault.fresh() as url:
        at = parse(url, tmp_path) if url else tmp_path / "letters.db"
        if not isinstance(at, Path) and at.dialect == "mysql":  # as a migration begins
            databases.sql(at, f"ALTER DATABASE {at.database} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        make(at)
        yield at


def make(at: Address) -> None:
    body, line = TYPES["sqlite" if isinstance(at, Path) else at.dialect]
    columns = f"number INTEGER NOT NULL, name VARCHAR(32) NOT NULL, line {line}, body {body}"
    databases.sql(at, f"CREATE TABLE letters ({columns}, CONSTRAINT pk_letters PRIMARY KEY (number, name))")


def tell(at: Address, story: Callable[[Session], Awaitable[object]]) -> None:
    async def told() -> None:
        async with session(at) as opened:
            await story(opened)

    asyncio.run(told())


async def put(opened: Session, rows: list[Row]) -> None:
    async with transaction(opened):
        await contents.insert(opened, LETTERS, rows)


async def digest(opened: Session) -> Digest:
    return await contents.digest(opened, LETTERS, told=lambda _: None)


@ENGINES
def test_the_layout_is_the_same_on_every_engine(address: Address) -> None:
    async def story(opened: Session) -> None:
        assert await contents.tables(opened) == [LETTERS]

    tell(address, story)


@ENGINES
def test_every_row_is_read_once_in_the_order_of_bytes_and_no_slice_is_larger_than_it_may_be(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "SLICE_ROWS", 5)
    wanted: list[Row] = [(b"x", None, word, number) for number in (-1, 0, 7) for word in sorted(WORDS, key=str.encode)]

    async def story(opened: Session) -> None:
        await put(opened, sorted(wanted, key=str, reverse=True))
        slices = [rows async for rows in contents.slices(opened, LETTERS)]
        assert [row for rows in slices for row in rows] == wanted
        assert max(map(len, slices)) == 5
        after = LETTERS.key_of(wanted[16])
        assert [row async for rows in contents.slices(opened, LETTERS, after) for row in rows] == wanted[17:]

    tell(address, story)


@ENGINES
def test_large_rows_come_few_at_a_time_and_one_that_is_too_large_alone(address: Address) -> None:
    sizes = [SLICE_BYTES // 3] * 4 + [3 * SLICE_BYTES, 10, 10]

    async def story(opened: Session) -> None:
        for number, size in enumerate(sizes):
            await put(opened, [(bytes(size), "", "", number)])
        slices = [[len(bytes_of(row)) for row in rows] async for rows in contents.slices(opened, LETTERS)]
        assert [size for rows in slices for size in rows] == sizes
        assert all(sum(rows) <= SLICE_BYTES or len(rows) == 1 for rows in slices)
        assert [3 * SLICE_BYTES] in slices

    tell(address, story)


def bytes_of(row: Row) -> bytes:
    assert isinstance(row[0], bytes)
    return row[0]


@ENGINES
def test_a_digest_knows_every_byte_and_nothing_else(address: Address) -> None:
    rows: list[Row] = [(b"\0\xff\n", "é😀\n", word, 2_147_483_647) for word in WORDS] + [(b"", "", "empty", 1), (None, None, "null", 1)]

    async def story(opened: Session) -> None:
        await put(opened, rows)
        found = await digest(opened)
        assert found == Digest(len(rows), by_hand(sorted(rows, key=lambda row: (row[3], str(row[2]).encode()))))
        seen = {found}
        for change in ("number = 2", "line = NULL", "body = NULL", "name = 'emptY'"):
            async with transaction(opened):
                await opened.run(f"UPDATE letters SET {change} WHERE name = 'empty'")  # noqa: S608
            seen.add(await digest(opened))
        assert len(seen) == 5

    tell(address, story)


def by_hand(rows: list[Row]) -> str:
    hashed = hashlib.sha256()
    for value in (value for row in rows for value in row):
        content = value if isinstance(value, bytes) else str(value).encode()
        kind = {bytes: b"b", str: b"t", int: b"n"}.get(type(value))
        hashed.update(kind + len(content).to_bytes(8, "big") + content if kind else b"-")
    return hashed.hexdigest()


@ENGINES
def test_a_copy_goes_on_after_the_last_row_and_a_row_that_is_not_the_sources_is_refused(address: Address, tmp_path: Path) -> None:
    rows: list[Row] = [(b"x", "", word, 1) for word in sorted(WORDS, key=str.encode)]
    there = tmp_path / "there.db"
    make(there)

    async def story(opened: Session) -> None:
        await put(opened, rows)
        async with session(there) as target:
            await put(target, rows[:7])
            told: list[int] = []
            await contents.copy(opened, target, LETTERS, told=told.append)
            assert told == [7, len(rows)]
            assert await digest(target) == await digest(opened)
        async with session(there) as source:
            with pytest.raises(UniqueError):
                await put(opened, rows[:1])
            await contents.clear(opened, LETTERS)
            assert await contents.count(opened, LETTERS) == 0
            await contents.copy(source, opened, LETTERS, told=lambda _: None)
            assert await digest(opened) == await digest(source)

    tell(address, story)


@ENGINES
def test_a_reading_transaction_sees_one_moment(address: Address) -> None:
    async def story(opened: Session) -> None:
        await put(opened, [(b"x", "", "early", 1)])
        async with transaction(opened, is_reading=True):
            assert await contents.count(opened, LETTERS) == 1
            databases.sql(address, "INSERT INTO letters (number, name) VALUES (1, 'late')")
            assert await contents.count(opened, LETTERS) == 1
        assert await contents.count(opened, LETTERS) == 2

    tell(address, story)


@pytest.mark.slow
@pytest.mark.servers
def test_a_postgresql_that_orders_words_as_a_language_does_has_the_same_digest(engines: Engines, tmp_path: Path) -> None:
    here, engine = tmp_path / "here.db", engines.get("postgresql")
    server = engine.address("language")
    databases.sql(engine.address("postgres"), "CREATE DATABASE language TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de'")
    try:
        for at in (here, server):
            make(at)
            tell(at, lambda opened: put(opened, [(b"x", "", word, 1) for word in WORDS]))
        languages = databases.sql(server, "SELECT name FROM letters ORDER BY name")
        assert [str(name) for (name,) in languages] != sorted(WORDS, key=str.encode)

        async def story() -> None:
            async with session(here) as one, session(server) as other:
                assert await digest(one) == await digest(other)

        asyncio.run(story())
    finally:
        databases.sql(engine.address("postgres"), "DROP DATABASE language WITH (FORCE)")


def test_a_text_among_bytes_is_its_bytes(tmp_path: Path) -> None:
    """SQLite keeps what somebody planted; another engine would refuse it, and with it the whole move."""
    make(tmp_path / "planted.db")
    databases.sql(tmp_path / "planted.db", "INSERT INTO letters VALUES (1, 'planted', NULL, 'text')")

    async def story(opened: Session) -> None:
        assert [row async for rows in contents.slices(opened, LETTERS) for row in rows] == [(b"text", None, "planted", 1)]

    tell(tmp_path / "planted.db", story)


def test_a_table_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    for columns in ("name TEXT", "number REAL PRIMARY KEY"):
        path = tmp_path / f"{len(columns)}.db"
        databases.sql(path, f"CREATE TABLE others ({columns})")

        async def story(opened: Session) -> None:
            with pytest.raises(DatabaseError):
                await contents.tables(opened)

        tell(path, story)
