"""MariaDB and MySQL through asyncmy, with statements that the server prepares: parameters travel as bytes, never inside a text.

What the server would do by itself is set for each session, because its defaults lose or change what is written: a text that is too
long is refused and not cut; a change that changes nothing counts as a hit, as on the other engines.
"""

import asyncio
import logging
from collections import OrderedDict
from typing import Any, Final

import asyncmy
from asyncmy.constants.CLIENT import FOUND_ROWS
from asyncmy.errors import MySQLError

from timos.kernel.db import tls
from timos.kernel.db.address import Server
from timos.kernel.db.port import Row, UniqueError
from timos.kernel.db.server import COMMAND_SECONDS, LOCK_SECONDS, Arguments, GivenUpError, LostError, ServerDatabase
from timos.kernel.errors import DatabaseError

_STATEMENTS: Final = 96  # kept by each connection; a server keeps 16,382 in all (max_prepared_stmt_count)
_AGAIN: Final = {1213, 1205, 1020, 3572}  # deadlock, lock wait timeout, record has changed, lock not available
_UNIQUE: Final = {1062, 1586}
_LOST: Final = {1053, 1927, 1158, 1159, 1160, 1161, 2003, 2006, 2013, 2055, 4031}  # shutting down, killed, network
_SESSION: Final = (
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'",
    f"SET SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}",
)

logging.getLogger("asyncmy").setLevel(logging.CRITICAL)  # it would log the server's warnings, which quote values


class MysqlConnection:
    """One session."""

    __slots__ = ("_driver", "_is_prepared", "_statements")

    def __init__(self, driver: Any, *, is_prepared: bool) -> None:  # Any: asyncmy leaves most of it untyped
        self._driver = driver
        self._is_prepared = is_prepared
        self._statements: OrderedDict[str, Any] = OrderedDict()

    @property
    def is_open(self) -> bool:
        return bool(self._driver.connected) and not self._driver._stream_broken  # noqa: SLF001 (what its own pool asks; a test sees to it)

    def abort(self) -> None:
        transport = self._driver._transport  # noqa: SLF001 (`close` alone would wait until what is unsent is sent)
        self._driver.close()
        if transport is not None:
            transport.abort()

    async def close(self) -> None:
        try:
            await self._driver.ensure_closed()
        except (OSError, RuntimeError, MySQLError) as error:
            raise DatabaseError from error

    async def begin(self) -> None:
        await self.say("START TRANSACTION")

    async def commit(self) -> None:
        await self.say("COMMIT")

    async def rollback(self) -> None:
        await self.say("ROLLBACK")

    async def fetch(self, sql: str, arguments: Arguments) -> list[Row]:
        return (await self._execute(sql, arguments))[0]

    async def run(self, sql: str, arguments: Arguments) -> int:
        return (await self._execute(sql, arguments))[1]

    async def say(self, sql: str) -> None:
        """A statement of ours without parameters or answer.

        Raises:
            As all of them.
        """
        try:
            await self._driver.query(sql)
        except (OSError, RuntimeError, MySQLError) as error:
            raise _translated(error) from error

    async def _execute(self, sql: str, arguments: Arguments) -> tuple[list[Row], int]:
        try:
            statement = await self._prepared(sql)
            result = await statement.execute(arguments)
            if not self._is_prepared:
                await self._forget(sql)
        except (OSError, RuntimeError, MySQLError) as error:
            raise _translated(error) from error
        return list(result.rows or ()), int(result.affected_rows)

    async def _prepared(self, sql: str) -> Any:
        statement = self._statements.get(sql)
        if statement is None:
            statement = self._statements[sql] = await self._driver.prepare(sql)
            if len(self._statements) > _STATEMENTS:
                await self._forget(next(iter(self._statements)))
        else:
            self._statements.move_to_end(sql)
        return statement

    async def _forget(self, sql: str) -> None:
        await self._statements.pop(sql).close()


def database(server: Server) -> ServerDatabase[MysqlConnection]:
    """The port on that server."""
    return ServerDatabase(server, connect)


async def connect(server: Server) -> MysqlConnection:
    """Raises:
    DatabaseError: it does not answer, or not with what it must be asked for.
    """
    options = {"unix_socket": server.socket} if server.socket else {"host": server.host, "port": server.port}
    try:
        driver = await asyncmy.connect(
            **options,
            user=server.user,
            password=server.password,
            database=server.database,
            charset="utf8mb4",
            ssl=tls.context(server),
            client_flag=FOUND_ROWS,
            autocommit=True,
            local_infile=False,
            connect_timeout=int(COMMAND_SECONDS),  # the pool's is shorter
            program_name="timos",
        )
    except (OSError, RuntimeError, ValueError, MySQLError) as error:
        raise DatabaseError from error
    connection = MysqlConnection(driver, is_prepared=server.is_prepared)
    try:
        for sql in (*_SESSION, _longest(driver.get_server_info())):
            await connection.say(sql)
    except (LostError, GivenUpError, UniqueError) as error:
        connection.abort()
        raise DatabaseError from error
    except (DatabaseError, asyncio.CancelledError):
        connection.abort()
        raise
    return connection


def _longest(version: str) -> str:
    """The server stops by itself what nobody waits for any more; MySQL does so for questions only."""
    if "MariaDB" in version:
        return f"SET SESSION max_statement_time = {COMMAND_SECONDS:.0f}"
    return f"SET SESSION max_execution_time = {COMMAND_SECONDS * 1000:.0f}"


def _translated(error: Exception) -> Exception:
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if isinstance(error, MySQLError):
        if code in _UNIQUE:
            return UniqueError()
        if code in _AGAIN:
            return GivenUpError()
        if code in _LOST or not code:
            return LostError()
        return DatabaseError()
    return LostError()
