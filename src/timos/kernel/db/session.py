"""One session with one database, for work of minutes that no request waits for: a copy, a backup, a move.

- Apart from the port: no pool, no retries, nothing kept of what was asked. A session that breaks ends the work, which is begun again.
- A transaction that only reads sees one moment of the database for as long as it lasts, whatever is written meanwhile.
"""

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from timos.kernel.db import sqlite
from timos.kernel.db.address import Address, Server
from timos.kernel.db.pool import CONNECT_SECONDS
from timos.kernel.db.port import Dialect, Row, UniqueError, Value
from timos.kernel.db.server import Connection, GivenUpError, LostError
from timos.kernel.errors import DatabaseError

if TYPE_CHECKING:
    from timos.kernel.db.mysql import MysqlConnection
    from timos.kernel.db.postgresql import PostgresqlConnection

STATEMENT_SECONDS: Final = 600  # a large table is counted, or emptied, in one statement
CHECKPOINT_PAGES: Final = 1000  # 4 MiB: a log that nobody else looks after
Result = TypeVar("Result")


class Session(Protocol):
    """Each method raises DatabaseError when the engine refuses or is gone, and `run` UniqueError where a key is taken."""

    dialect: Dialect

    async def fetch(self, sql: str, arguments: Sequence[Value] = ()) -> list[Row]: ...
    async def run(self, sql: str, arguments: Sequence[Value] = ()) -> int: ...

    async def begin(self, *, is_reading: bool) -> None:
        """`is_reading`: one moment, as described above."""
        ...

    async def commit(self) -> None: ...
    async def rollback(self) -> None: ...
    async def close(self) -> None: ...


@asynccontextmanager
async def session(address: Address, *, is_reading: bool = False) -> AsyncIterator[Session]:
    """`is_reading`: a file stays as it is to the last byte.

    Raises:
        DatabaseError: nothing answers there, or it is no database.
    """
    opened: Session = _SqliteSession(address, is_reading=is_reading) if isinstance(address, Path) else await _connect(address)
    try:
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def transaction(opened: Session, *, is_reading: bool = False) -> AsyncIterator[Session]:
    """All of it or nothing."""
    await opened.begin(is_reading=is_reading)
    try:
        yield opened
    except BaseException:
        with suppress(DatabaseError):  # what went wrong first is the news
            await opened.rollback()
        raise
    await opened.commit()


class _SqliteSession:
    """Blocks the loop, which has nothing else to do."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: Path, *, is_reading: bool) -> None:
        self._connection = sqlite.connect(path, read_only=is_reading)
        self._connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")

    async def fetch(self, sql: str, arguments: Sequence[Value] = ()) -> list[Row]:
        try:
            rows: list[Row] = self._connection.execute(sql, arguments).fetchall()
        except sqlite3.Error as error:
            raise DatabaseError from error
        return rows

    async def run(self, sql: str, arguments: Sequence[Value] = ()) -> int:
        try:
            return self._connection.execute(sql, arguments).rowcount
        except sqlite3.IntegrityError as error:
            raise UniqueError from error
        except sqlite3.Error as error:
            raise DatabaseError from error

    async def begin(self, *, is_reading: bool) -> None:
        await self.run("BEGIN" if is_reading else "BEGIN IMMEDIATE")

    async def commit(self) -> None:
        await self.run("COMMIT")

    async def rollback(self) -> None:
        await self.run("ROLLBACK")

    async def close(self) -> None:
        self._connection.close()


class _ServerSession(ABC):
    """What differs between the two protocols is how a transaction begins."""

    def __init__(self, dialect: Dialect, connection: Connection) -> None:
        self.dialect: Dialect = dialect
        self._connection = connection

    async def fetch(self, sql: str, arguments: Sequence[Value] = ()) -> list[Row]:
        return await _within(self._connection.fetch(sql, tuple(arguments)))

    async def run(self, sql: str, arguments: Sequence[Value] = ()) -> int:
        return await _within(self._connection.run(sql, tuple(arguments)))

    @abstractmethod
    async def begin(self, *, is_reading: bool) -> None: ...

    async def commit(self) -> None:
        await _within(self._connection.commit())

    async def rollback(self) -> None:
        await _within(self._connection.rollback())

    async def close(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._connection.close()
        except (TimeoutError, DatabaseError):
            self._connection.abort()  # what was not committed is undone by the server


class _PostgresqlSession(_ServerSession):
    def __init__(self, connection: "PostgresqlConnection") -> None:
        super().__init__("postgresql", connection)

    async def begin(self, *, is_reading: bool) -> None:
        await self.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if is_reading else "BEGIN ISOLATION LEVEL READ COMMITTED")
        await self.run(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'")
        await self.run("SET LOCAL idle_in_transaction_session_timeout = 0")  # the other side may take its time


class _MysqlSession(_ServerSession):
    def __init__(self, connection: "MysqlConnection") -> None:
        super().__init__("mysql", connection)
        self._mysql = connection

    async def begin(self, *, is_reading: bool) -> None:
        """MySQL does not prepare these."""
        if is_reading:
            await _within(self._mysql.say("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        await _within(self._mysql.say("START TRANSACTION" + (" WITH CONSISTENT SNAPSHOT, READ ONLY" if is_reading else "")))

    async def allow_time(self) -> None:
        """MySQL has such a limit for questions only, in milliseconds."""
        version = str((await self.fetch("SELECT version()"))[0][0])
        limit = f"max_statement_time = {STATEMENT_SECONDS}" if "MariaDB" in version else f"max_execution_time = {STATEMENT_SECONDS * 1000}"
        await _within(self._mysql.say(f"SET SESSION {limit}"))


async def _connect(server: Server) -> Session:
    """A driver is imported only where it is used."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            if server.dialect == "postgresql":
                from timos.kernel.db import postgresql  # noqa: PLC0415

                return _PostgresqlSession(await postgresql.connect(server))
            from timos.kernel.db import mysql  # noqa: PLC0415

            opened = _MysqlSession(await mysql.connect(server))
            await opened.allow_time()
    except TimeoutError as error:
        raise DatabaseError from error
    return opened


async def _within(work: Awaitable[Result]) -> Result:
    try:
        async with asyncio.timeout(STATEMENT_SECONDS):
            return await work
    except (TimeoutError, LostError, GivenUpError) as error:
        raise DatabaseError from error
