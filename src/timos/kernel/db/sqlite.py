"""SQLite with group commit.

Invariants:
- Statements run in the event loop (microseconds); COMMIT, which waits for the disk, runs in a thread.
- A commit is shared by all transactions that came before it: each is a savepoint in the one open transaction, and each
  is acknowledged only after that COMMIT returned. If it fails, all of them fail and nothing of them is stored.
- One transaction holds the write connection from its first statement to its last: savepoints are a stack, two
  interleaved ones would undo each other.
- Reads use a connection of their own and see committed rows only.
- A log that was checkpointed whole shrinks below CHECKPOINT_BYTES (`journal_size_limit`); else every commit would checkpoint again.
- `synchronous=FULL`: WAL with NORMAL loses acknowledged commits in a power cut.
- Nothing deleted stays readable (`secure_delete`), nothing is spilled to a temporary file (`temp_store=MEMORY`).
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from timos.kernel.db.port import Dialect, Row, UniqueError, Value
from timos.kernel.db.statements import Statement
from timos.kernel.errors import DatabaseError

_PRAGMAS = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL;
PRAGMA secure_delete=ON;
PRAGMA temp_store=MEMORY;
PRAGMA foreign_keys=ON;
PRAGMA wal_autocheckpoint=0;
PRAGMA journal_size_limit=1048576;
"""
BUSY_RETRIES = 100  # of 50 ms: another process of ours (timos user create, backup) may hold the write lock for a moment
LONGEST_LOG_BYTES = 16 * 1024 * 1024  # from here on writers wait for a checkpoint
CHECKPOINT_BYTES = 4 * 1024 * 1024  # a longer log makes reads slower, a shorter one costs more checkpoints


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection with our pragmas, usable from any thread, one at a time; transactions are ours to open.

    Raises:
        DatabaseError: the file is missing, unreadable or no database. It is never created here.
    """
    mode = "ro" if read_only else "rw"  # never "rwc": an empty database where one was expected is a loss unseen
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=0,
            cached_statements=256,
        )
        connection.text_factory = _text
        connection.executescript(_PRAGMAS if not read_only else "PRAGMA temp_store=MEMORY;")
    except sqlite3.Error as error:
        raise DatabaseError from error
    return connection


def _text(raw: bytes) -> str:
    """A planted text that is no UTF-8 must be a row that does not open, not a database that does not answer."""
    return raw.decode("utf-8", "replace")


class SqliteDatabase:
    """The `Database` port on one SQLite file. Make it inside a running event loop; one process writes at a time."""

    dialect: Dialect = "sqlite"
    share = 64  # they share a commit

    def __init__(self, path: Path, on_full: Callable[[], None] | None = None) -> None:
        """`on_full` is called at each write that a full disk refused."""
        self.path = path
        self._on_full = on_full
        self._writer = connect(path)
        self._reader = connect(path)
        self._reader.execute("PRAGMA query_only=ON")
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._checkpoint_thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._checkpoint: asyncio.Future[None] | None = None
        self._wal = path.with_name(path.name + "-wal")
        self._waiting: list[asyncio.Future[None]] = []
        self._commit_task: asyncio.Task[None] | None = None

    async def fetch(self, statement: Statement, params: Mapping[str, Value]) -> list[Row]:
        return _fetch(self._reader, statement, params)

    def transaction(self) -> "SqliteTransaction":
        return SqliteTransaction(self)

    async def run(self, statement: Statement, params: Mapping[str, Value]) -> int:
        """Without a savepoint: one statement that fails undoes itself."""
        count, refused = 0, None
        async with self._turn:
            if not self._writer.in_transaction:
                await self._begin()
            try:
                count = self.write(statement, params)
            except (UniqueError, DatabaseError) as error:
                if not self._writer.in_transaction:  # a full disk may have rolled everything back already
                    raise
                refused = error
            committed = self._join_commit()
        if isinstance(refused, DatabaseError):
            committed.add_done_callback(asyncio.Future.exception)  # how it ends is nobody's news
            raise refused
        await asyncio.shield(committed)  # see SqliteTransaction.__aexit__
        if refused is not None:
            raise refused
        return count

    def write(self, statement: Statement, params: Mapping[str, Value]) -> int:
        """How many rows it hit; by whoever has the turn, in the open transaction.

        Raises:
            UniqueError, DatabaseError
        """
        compiled = statement.on("sqlite")
        try:
            return self._writer.execute(compiled.sql, compiled.arrange(params)).rowcount
        except sqlite3.IntegrityError as error:
            raise UniqueError(statement.name) from error
        except sqlite3.Error as error:
            raise self.refused(error) from error

    async def scrub(self) -> None:
        for _ in range(BUSY_RETRIES):
            async with self._turn:
                if not self._writer.in_transaction and await asyncio.get_running_loop().run_in_executor(self._thread, self._empty_log):
                    return
            await asyncio.sleep(0.05)  # a commit, a checkpoint or another process's read is under way

    def _empty_log(self) -> bool:
        try:
            is_busy: int = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.Error:
            return False  # a full disk: what was deleted is deleted all the same
        return not is_busy

    async def close(self) -> None:
        async with self._turn:  # a commit under way holds the turn
            pass
        if self._commit_task is not None:
            await self._commit_task
        if self._checkpoint is not None:
            await self._checkpoint
        self._thread.shutdown()
        self._checkpoint_thread.shutdown()
        self._reader.close()
        self._writer.close()  # the last connection checkpoints and removes the log

    def refused(self, error: sqlite3.Error) -> DatabaseError:
        """A write that the engine did not take."""
        if self._on_full is not None and getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            self._on_full()
        return _refused(error)

    async def _begin(self) -> None:
        # A full disk or a read error rolls back the whole open transaction: those who wait for its COMMIT must not be
        # acknowledged by the COMMIT of the next one.
        self._fail_waiting()
        for attempt in range(BUSY_RETRIES):
            try:
                self._writer.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or attempt == BUSY_RETRIES - 1:
                    raise self.refused(error) from error
                await asyncio.sleep(0.05)  # not busy_timeout: that would hold up the whole loop
            else:
                return

    def _join_commit(self) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append(done)
        if self._commit_task is None:
            self._commit_task = loop.create_task(self._commit())
        return done

    async def _commit(self) -> None:
        async with self._turn:  # first come, first served: writers already waiting join this commit
            self._commit_task = None
            batch, self._waiting = self._waiting, []
            failure: sqlite3.Error | None = None
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.execute, "COMMIT")
            except sqlite3.Error as error:
                failure = error
                self.refused(error)
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
            _acknowledge(batch, failure)
            if self._log_bytes() > LONGEST_LOG_BYTES:  # under writes without a pause the checkpoints beside them never catch up
                await asyncio.get_running_loop().run_in_executor(self._thread, self._empty_log)
        self._keep_log_short()

    def _log_bytes(self) -> int:
        try:
            return self._wal.stat().st_size
        except FileNotFoundError:
            return 0

    def _fail_waiting(self) -> None:
        lost, self._waiting = self._waiting, []
        for done in lost:
            if not done.cancelled():
                done.set_exception(DatabaseError())

    def _keep_log_short(self) -> None:
        if self._checkpoint is not None and not self._checkpoint.done():
            return
        if self._log_bytes() > CHECKPOINT_BYTES:
            self._checkpoint = asyncio.get_running_loop().run_in_executor(self._checkpoint_thread, self._run_checkpoint)

    def _run_checkpoint(self) -> None:
        connection = connect(self.path)
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error:
            return  # busy or full: the log stays longer, the next commit tries again
        finally:
            connection.close()


class SqliteTransaction:
    """A savepoint inside the shared transaction."""

    __slots__ = ("_database",)

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def __aenter__(self) -> Self:
        database = self._database
        await database._turn.acquire()  # noqa: SLF001 (one mechanism in two classes)
        try:
            if not database._writer.in_transaction:  # noqa: SLF001
                await database._begin()  # noqa: SLF001
            database._writer.execute("SAVEPOINT unit")  # noqa: SLF001
        except BaseException as error:
            database._turn.release()  # noqa: SLF001
            if isinstance(error, sqlite3.Error):
                raise database.refused(error) from error
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        database = self._database
        writer = database._writer  # noqa: SLF001
        committed: asyncio.Future[None] | None = None
        try:
            if kind is None:
                writer.execute("RELEASE unit")
                committed = database._join_commit()  # noqa: SLF001
            elif writer.in_transaction:  # a full disk may have rolled everything back already
                writer.execute("ROLLBACK TO unit")
                writer.execute("RELEASE unit")
                # others may be waiting, and the write lock must not stay; how this commit ends is nobody's news
                committed = database._join_commit()  # noqa: SLF001
                committed.add_done_callback(asyncio.Future.exception)
        except sqlite3.Error as refused:
            raise database.refused(refused) from refused
        finally:
            database._turn.release()  # noqa: SLF001
        # A row that refused ours is perhaps not committed yet: nobody may look for it, or decide on it, before it is.
        if committed is not None and (kind is None or issubclass(kind, UniqueError)):
            # shielded: a client that goes away must not undo what others share; and its own write did happen
            await asyncio.shield(committed)

    async def fetch(self, statement: Statement, params: Mapping[str, Value]) -> list[Row]:
        return _fetch(self._database._writer, statement, params)  # noqa: SLF001

    async def run(self, statement: Statement, params: Mapping[str, Value]) -> int:
        return self._database.write(statement, params)


def _fetch(connection: sqlite3.Connection, statement: Statement, params: Mapping[str, Value]) -> list[Row]:
    compiled = statement.on("sqlite")
    try:
        rows: list[Any] = connection.execute(compiled.sql, compiled.arrange(params)).fetchall()
    except sqlite3.Error as error:
        raise _refused(error) from error
    return rows


def _acknowledge(waiting: list[asyncio.Future[None]], failure: sqlite3.Error | None) -> None:
    for done in waiting:
        if done.cancelled():
            continue
        if failure is None:
            done.set_result(None)
        else:
            done.set_exception(_refused(failure))


def _refused(error: sqlite3.Error) -> DatabaseError:
    refused = DatabaseError()
    refused.__cause__ = error
    return refused
