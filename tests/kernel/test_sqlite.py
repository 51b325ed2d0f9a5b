"""The SQLite port under load, failure and neighbours: what was acknowledged is on the disk, what was not is nowhere."""

import asyncio
import resource
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from timos.kernel.db import sqlite
from timos.kernel.db.port import UniqueError
from timos.kernel.db.sqlite import SqliteDatabase, connect
from timos.kernel.db.statements import Statement
from timos.kernel.errors import DatabaseError

SCHEMA = """
CREATE TABLE rows (id INTEGER PRIMARY KEY, value BLOB);
CREATE TABLE children (parent INTEGER REFERENCES rows (id) DEFERRABLE INITIALLY DEFERRED);
"""
INSERT = Statement("rows.insert", text("INSERT INTO rows (id, value) VALUES (:id, :value)"))
DELETE = Statement("rows.delete", text("DELETE FROM rows"))
ORPHAN = Statement("children.insert", text("INSERT INTO children (parent) VALUES (:parent)"))
IDS = Statement("rows.ids", text("SELECT id FROM rows ORDER BY id"))
NONSENSE = Statement("rows.nonsense", text("SELECT nothing FROM nowhere"))
KIB = 1024

Story = Callable[[SqliteDatabase], Awaitable[None]]
Tell = Callable[[Story], None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "kernel.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
    return path


@pytest.fixture
def tell(path: Path) -> Tell:
    async def told(story: Story) -> None:
        database = SqliteDatabase(path)
        try:
            await story(database)
        finally:
            await database.close()

    return lambda story: asyncio.run(told(story))


async def put(database: SqliteDatabase, row_id: int, value: bytes = b"x") -> None:
    async with database.transaction() as tx:
        await tx.run(INSERT, {"id": row_id, "value": value})


async def ids(database: SqliteDatabase) -> list[int]:
    return [int(row[0] or 0) for row in await database.fetch(IDS, {})]


def on_disk(path: Path) -> list[int]:
    """What another process sees."""
    with closing(sqlite3.connect(path)) as connection:
        return [row_id for (row_id,) in connection.execute("SELECT id FROM rows ORDER BY id")]


async def outcomes(*works: Awaitable[None]) -> list[str]:
    ends = await asyncio.gather(*works, return_exceptions=True)
    return ["done" if end is None else type(end).__name__ for end in ends]


async def turns(number: int = 20) -> None:
    """Lets every other task go as far as it can without waiting for anything outside the loop."""
    for _ in range(number):
        await asyncio.sleep(0)


class HeldCommit:
    """Every COMMIT stops just before it happens, until `go` is set; `seen` counts them."""

    def __init__(self, database: SqliteDatabase) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.seen = 0
        database._writer.set_trace_callback(self._trace)

    def _trace(self, statement: str) -> None:
        if statement == "COMMIT":
            self.seen += 1
            self.begun.set()
            self.go.wait(10)

    async def reached(self) -> None:
        assert await asyncio.to_thread(self.begun.wait, 10)


async def put_alone(database: SqliteDatabase, row_id: int) -> None:
    """As most of what is written: one statement, which begins no savepoint."""
    await database.run(INSERT, {"id": row_id, "value": b"x"})


@pytest.mark.parametrize("write", [put, put_alone])
def test_a_write_ends_when_it_is_committed_and_no_sooner(
    tell: Tell, path: Path, write: Callable[[SqliteDatabase, int], Awaitable[None]]
) -> None:
    async def story(database: SqliteDatabase) -> None:
        held = HeldCommit(database)
        written = asyncio.ensure_future(write(database, 1))
        await held.reached()
        await turns()
        assert not written.done()
        assert on_disk(path) == []
        held.go.set()
        await written
        assert on_disk(path) == [1]

    tell(story)


# ── group commit ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_many_transactions_at_once_share_few_commits(tell: Tell, path: Path) -> None:
    async def story(database: SqliteDatabase) -> None:
        held = HeldCommit(database)
        first = asyncio.create_task(put(database, 0))
        await held.reached()
        others = [asyncio.create_task(put(database, number)) for number in range(1, 200)]
        await turns()
        held.go.set()
        await asyncio.gather(first, *others)
        assert held.seen == 2  # the first one's, and one for all that came meanwhile
        assert on_disk(path) == list(range(200))

    tell(story)


def test_a_transaction_is_acknowledged_only_after_its_commit(tell: Tell, path: Path) -> None:
    async def story(database: SqliteDatabase) -> None:
        held = HeldCommit(database)
        write = asyncio.create_task(put(database, 1))
        await held.reached()
        await turns()
        assert not write.done()
        assert on_disk(path) == []
        held.go.set()
        await write
        assert on_disk(path) == [1]

    tell(story)


def test_reads_go_on_while_a_commit_waits_for_the_disk(tell: Tell) -> None:
    async def story(database: SqliteDatabase) -> None:
        await put(database, 1)
        held = HeldCommit(database)
        write = asyncio.create_task(put(database, 2))
        await held.reached()
        assert await ids(database) == [1]
        held.go.set()
        await write
        assert await ids(database) == [1, 2]

    tell(story)


def test_reads_see_committed_rows_only_and_a_transaction_its_own_too(tell: Tell) -> None:
    async def story(database: SqliteDatabase) -> None:
        async with database.transaction() as tx:
            await tx.run(INSERT, {"id": 1, "value": b""})
            assert await tx.fetch(IDS, {}) == [(1,)]
            assert await database.fetch(IDS, {}) == []
        assert await database.fetch(IDS, {}) == [(1,)]

    tell(story)


def test_a_failing_transaction_takes_back_its_own_rows_and_nobody_elses(tell: Tell, path: Path) -> None:
    async def failing(database: SqliteDatabase) -> None:
        async with database.transaction() as tx:
            await tx.run(INSERT, {"id": 2, "value": b""})
            raise LookupError

    async def story(database: SqliteDatabase) -> None:
        assert await outcomes(put(database, 1), failing(database), put(database, 3)) == ["done", "LookupError", "done"]
        assert on_disk(path) == [1, 3]

    tell(story)


def test_transactions_do_not_interleave(tell: Tell) -> None:
    async def slow(database: SqliteDatabase, log: list[str], name: str) -> None:
        async with database.transaction():
            log.append(f"{name} in")
            await turns()
            log.append(f"{name} out")

    async def story(database: SqliteDatabase) -> None:
        log: list[str] = []
        await asyncio.gather(slow(database, log, "a"), slow(database, log, "b"))
        assert log == ["a in", "a out", "b in", "b out"]

    tell(story)


def test_a_row_that_is_there_already_is_a_unique_error_and_leaves_the_others_of_its_batch(tell: Tell, path: Path) -> None:
    async def story(database: SqliteDatabase) -> None:
        assert await outcomes(put(database, 1), put(database, 1), put(database, 2)) == ["done", "UniqueError", "done"]
        assert on_disk(path) == [1, 2]
        with pytest.raises(UniqueError, match=r"rows\.insert"):
            await put(database, 2)

    tell(story)


def test_run_counts_the_rows_it_hit(tell: Tell) -> None:
    async def story(database: SqliteDatabase) -> None:
        await put(database, 1)
        await put(database, 2)
        async with database.transaction() as tx:
            assert await tx.run(DELETE, {}) == 2
            assert await tx.run(DELETE, {}) == 0

    tell(story)


def test_whoever_goes_away_while_waiting_undoes_nothing_that_others_share(tell: Tell, path: Path) -> None:
    async def story(database: SqliteDatabase) -> None:
        held = HeldCommit(database)
        opener = asyncio.create_task(put(database, 0))
        await held.reached()
        gone, stays = asyncio.create_task(put(database, 1)), asyncio.create_task(put(database, 2))
        opener.cancel()
        await turns()
        held.go.set()
        assert await outcomes(opener) == ["CancelledError"]
        await stays
        await gone
        assert on_disk(path) == [0, 1, 2]

    tell(story)


def test_whoever_goes_away_in_the_middle_writes_nothing_and_blocks_nobody(tell: Tell, path: Path) -> None:
    async def endless(database: SqliteDatabase) -> None:
        async with database.transaction() as tx:
            await tx.run(INSERT, {"id": 1, "value": b""})
            await asyncio.Event().wait()

    async def story(database: SqliteDatabase) -> None:
        task = asyncio.create_task(endless(database))
        waiting = asyncio.create_task(put(database, 2))
        never_begun = asyncio.create_task(put(database, 3))
        await turns()
        never_begun.cancel()
        task.cancel()
        assert await outcomes(task, waiting, never_begun) == ["CancelledError", "done", "CancelledError"]
        assert on_disk(path) == [2]

    tell(story)


# ── failures ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refused_statement_is_a_database_error_that_quotes_no_sql(tell: Tell) -> None:
    async def story(database: SqliteDatabase) -> None:
        with pytest.raises(DatabaseError) as caught:
            await database.fetch(NONSENSE, {})
        assert str(caught.value) == DatabaseError.default
        assert isinstance(caught.value.__cause__, sqlite3.Error)
        async with database.transaction() as tx:
            with pytest.raises(DatabaseError):
                await tx.fetch(NONSENSE, {})

    tell(story)


def test_a_refused_commit_fails_all_that_share_it_and_stores_nothing_of_them(tell: Tell, path: Path) -> None:
    async def orphan(database: SqliteDatabase) -> None:
        async with database.transaction() as tx:
            await tx.run(ORPHAN, {"parent": 99})  # the deferred foreign key refuses the COMMIT itself

    async def story(database: SqliteDatabase) -> None:
        await put(database, 1)
        assert await outcomes(put(database, 2), orphan(database), put(database, 3)) == ["DatabaseError"] * 3
        assert on_disk(path) == [1]
        await put(database, 4)
        assert on_disk(path) == [1, 4]

    tell(story)


@contextmanager
def full_disk(path: Path, *, spare_bytes: int = 0) -> Iterator[None]:
    """No file grows beyond the present size of the write-ahead log: what SQLite sees is a write that fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = path.with_name(path.name + "-wal").stat().st_size + spare_bytes
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_at_the_commit_acknowledges_nothing_and_later_all_goes_on(tell: Tell, path: Path) -> None:
    async def story(database: SqliteDatabase) -> None:
        await put(database, 1)
        with full_disk(path, spare_bytes=16 * KIB):  # a part of the log still fits: a torn commit
            assert await outcomes(*(put(database, number, bytes(20 * KIB)) for number in range(2, 6))) == ["DatabaseError"] * 4
            assert await ids(database) == [1]
        await put(database, 6)
        assert on_disk(path) == [1, 6]

    tell(story)


def limit_pages(database: SqliteDatabase, *, spare: int) -> None:
    (pages,) = database._writer.execute("PRAGMA page_count").fetchone()
    database._writer.execute(f"PRAGMA max_page_count={pages + spare}")


def test_a_rollback_in_the_middle_fails_the_earlier_ones_of_the_batch(tell: Tell, path: Path) -> None:
    async def story(database: SqliteDatabase) -> None:
        await put(database, 1)
        limit_pages(database, spare=4)
        assert await outcomes(put(database, 2), put(database, 3, bytes(64 * KIB))) == ["DatabaseError"] * 2
        assert on_disk(path) == [1]

    tell(story)


def test_after_such_a_rollback_the_next_commit_acknowledges_its_own_rows_only(tell: Tell, path: Path) -> None:
    async def story(database: SqliteDatabase) -> None:
        await put(database, 1)
        limit_pages(database, spare=4)
        works = (put(database, 2), put(database, 3, bytes(64 * KIB)), put(database, 4))
        assert await outcomes(*works) == ["DatabaseError", "DatabaseError", "done"]
        assert on_disk(path) == [1, 4]

    tell(story)


def test_a_lock_of_another_process_is_waited_for(tell: Tell, path: Path) -> None:
    async def story(database: SqliteDatabase) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("INSERT INTO rows (id) VALUES (1)")
            write = asyncio.create_task(put(database, 2))
            await turns()
            assert not write.done()
            assert await ids(database) == []
            other.execute("COMMIT")
            await write
        assert on_disk(path) == [1, 2]

    tell(story)


def test_a_lock_that_is_never_released_is_an_error_in_the_end(tell: Tell, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_RETRIES", 2)

    async def story(database: SqliteDatabase) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseError):
                await put(database, 1)
            other.execute("ROLLBACK")
        await put(database, 2)
        assert on_disk(path) == [2]

    tell(story)


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("is_read_only", [False, True])
def test_a_missing_file_is_an_error_and_is_not_made(tmp_path: Path, *, is_read_only: bool) -> None:
    with pytest.raises(DatabaseError):
        connect(tmp_path / "gone.db", read_only=is_read_only)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_an_error_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_bytes(b"Dear Sir, " * 1000)
    with pytest.raises(DatabaseError):
        connect(path)
    assert path.read_bytes() == b"Dear Sir, " * 1000


def test_a_name_with_signs_that_mean_something_in_an_address_is_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=memory&b#c%41 d.db"
    path.touch()
    connect(path).close()
    assert path.stat().st_size > 0
    assert list(tmp_path.iterdir()) == [path]


def test_the_settings_of_a_connection_hold(tell: Tell) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "temp_store": 2, "foreign_keys": 1, "wal_autocheckpoint": 0}

    async def story(database: SqliteDatabase) -> None:
        for connection in (database._writer, database._reader):
            assert {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted} == wanted
        assert database._reader.execute("PRAGMA query_only").fetchone() == (1,)
        with pytest.raises(sqlite3.OperationalError):
            database._reader.execute("DELETE FROM rows")

    tell(story)


def test_what_was_deleted_is_in_no_file_any_more(tell: Tell, path: Path) -> None:
    canary = b"canary-of-a-deleted-row" * 40

    async def story(database: SqliteDatabase) -> None:
        await put(database, 1, canary)
        assert any(b"canary-of-a-deleted-row" in file.read_bytes() for file in path.parent.iterdir())
        async with database.transaction() as tx:
            await tx.run(DELETE, {})

    tell(story)
    assert not any(b"canary-of-a-deleted-row" in file.read_bytes() for file in path.parent.iterdir())


def test_the_log_is_kept_short_and_a_short_one_costs_no_checkpoint(tell: Tell, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "CHECKPOINT_BYTES", 2048 * KIB)
    log = path.with_name(path.name + "-wal")

    async def story(database: SqliteDatabase) -> None:
        checkpoints = 0
        for number in range(60):
            before = database._checkpoint
            await put(database, number, bytes(128 * KIB))
            if database._checkpoint is not before and database._checkpoint is not None:
                checkpoints += 1
                await database._checkpoint
            assert log.stat().st_size < 2048 * KIB + 512 * KIB
        assert 2 <= checkpoints <= 8  # 8 MiB through a log of 2: a log that stays long would have one for each commit

    tell(story)
    assert on_disk(path) == list(range(60))


def test_after_scrubbing_what_was_deleted_is_in_no_file_of_the_open_database(tell: Tell, path: Path) -> None:
    async def story(database: SqliteDatabase) -> None:
        await put(database, 1, b"canary-of-a-deleted-row" * 40)
        async with database.transaction() as tx:
            await tx.run(DELETE, {})
        await database.scrub()
        assert not any(b"canary-of-a-deleted-row" in file.read_bytes() for file in path.parent.iterdir())
        await put(database, 2)
        assert on_disk(path) == [2]

    tell(story)


def test_scrubbing_waits_for_a_reader_in_the_way_but_not_for_ever(tell: Tell, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_RETRIES", 2)
    log = path.with_name(path.name + "-wal")

    async def story(database: SqliteDatabase) -> None:
        await put(database, 1)
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM rows").fetchone() == (1,)
            await put(database, 2)
            await database.scrub()
            assert log.stat().st_size > 0
            assert reader.execute("SELECT count(*) FROM rows").fetchone() == (1,)
            reader.execute("ROLLBACK")
        await database.scrub()
        assert log.stat().st_size == 0
        assert on_disk(path) == [1, 2]

    tell(story)


def test_closing_waits_for_a_commit_under_way(path: Path) -> None:
    async def story() -> None:
        database = SqliteDatabase(path)
        held = HeldCommit(database)
        first = asyncio.create_task(put(database, 1))
        await held.reached()
        second = asyncio.create_task(put(database, 2))
        await turns()
        closing_ = asyncio.create_task(database.close())
        await turns()
        assert not closing_.done()
        held.go.set()
        await asyncio.gather(first, second, closing_)

    asyncio.run(story())
    assert on_disk(path) == [1, 2]
    assert not path.with_name(path.name + "-wal").exists()
