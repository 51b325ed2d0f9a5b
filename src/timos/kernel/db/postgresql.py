"""PostgreSQL through asyncpg, and whatever speaks its protocol.

Each connection has settings of its own, prepares a statement once and keeps it. Behind a pooler that hands out another connection for each
transaction (PgBouncer) neither holds: `prepared=off` in the address prepares nothing and sends no settings. A connection without that looks
once whether its settings arrived: a pooler that lets them fall would mix up the statements too, but only later and not every time.
"""

import asyncio
import ssl
from typing import Final

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from timos.kernel.db import tls
from timos.kernel.db.address import Server
from timos.kernel.db.port import Row, UniqueError
from timos.kernel.db.server import COMMAND_SECONDS, LOCK_SECONDS, Arguments, GivenUpError, LostError, ServerDatabase
from timos.kernel.errors import DatabaseError

_STATEMENTS: Final = 512  # kept by each connection; there are about a dozen for each collection
_AGAIN: Final = {"40001", "40P01", "55P03"}  # serialization_failure, deadlock_detected, lock_not_available
_LOST: Final = {"57P01", "57P02", "57P03", "08003", "08006"}  # the server stops, or has ended this session
_BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
# InternalClientError: a connection that broke while asyncpg was in the middle of a message, and was then asked something
_ERRORS: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
# and a table that another process changed: what was prepared on it before is of no more use, and neither is the connection
_BROKEN: Final = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.InvalidCachedStatementError)
_SETTINGS: Final = {
    "application_name": "timos",
    "client_encoding": "UTF8",
    "lock_timeout": f"{LOCK_SECONDS}s",
    # the server stops by itself what nobody waits for any more
    "statement_timeout": f"{COMMAND_SECONDS:.0f}s",
    "idle_in_transaction_session_timeout": "60s",
}
_ARRIVED: Final = "SELECT current_setting('lock_timeout')"
_MIXED_UP: Final = {"26000", "42P05"}  # a prepared statement is not there, or is there already: it was another connection's


class PoolerError(Exception):
    """What the address must say, and does not."""

    def __str__(self) -> str:
        return "a pooler stands before it that keeps no settings for a connection. Add prepared=off to its address"


class PostgresqlConnection:
    """One session."""

    __slots__ = ("_driver", "_is_prepared", "_statements")

    def __init__(self, driver: "asyncpg.Connection[asyncpg.Record]", *, is_prepared: bool) -> None:
        self._driver = driver
        self._is_prepared = is_prepared
        self._statements: dict[str, PreparedStatement[asyncpg.Record]] = {}

    @property
    def is_open(self) -> bool:
        return not self._driver.is_closed()

    def abort(self) -> None:
        self._driver.terminate()

    async def close(self) -> None:
        try:
            await self._driver.close()
        except _ERRORS as error:
            raise DatabaseError from error

    async def begin(self) -> None:
        await self._say(_BEGIN)

    async def commit(self) -> None:
        if await self._say("COMMIT") != "COMMIT":  # "ROLLBACK": a statement before it had failed
            raise DatabaseError

    async def rollback(self) -> None:
        await self._say("ROLLBACK")

    async def fetch(self, sql: str, arguments: Arguments) -> list[Row]:
        return [tuple(record) for record in (await self._execute(sql, arguments))[0]]

    async def run(self, sql: str, arguments: Arguments) -> int:
        count = (await self._execute(sql, arguments))[1].rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def _say(self, sql: str) -> str:
        try:
            return await self._driver.execute(sql)
        except _ERRORS as error:
            raise _translated(error) from error

    async def _execute(self, sql: str, arguments: Arguments) -> tuple[list[asyncpg.Record], str]:
        """Rows and the status of the command."""
        try:
            statement = self._statements.get(sql) or await self._prepared(sql)
            return await statement.fetch(*arguments), statement.get_statusmsg() or ""
        except _ERRORS as error:
            raise _translated(error) from error

    async def _prepared(self, sql: str) -> "PreparedStatement[asyncpg.Record]":
        """Kept here and not by the driver, whose own way to a kept statement takes as long as all the rest."""
        statement = await self._driver.prepare(sql)
        if self._is_prepared:
            if len(self._statements) >= _STATEMENTS:
                self._statements.clear()
            self._statements[sql] = statement
        return statement


def database(server: Server) -> ServerDatabase[PostgresqlConnection]:
    """The port on that server."""
    return ServerDatabase(server, connect)


async def connect(server: Server) -> PostgresqlConnection:
    """Raises:
    DatabaseError: it does not answer, or not with what it must be asked for.
    """
    try:
        driver = await asyncpg.connect(
            host=server.socket or server.host,
            port=server.port,
            user=server.user,
            password=server.password or None,
            database=server.database,
            passfile="/dev/null",  # of whoever runs this: it must not add a password
            ssl=tls.context(server) or False,
            direct_tls=False,
            statement_cache_size=_STATEMENTS if server.is_prepared else 0,
            max_cached_statement_lifetime=0,
            server_settings=_SETTINGS if server.is_prepared else None,
            timeout=COMMAND_SECONDS,  # the pool's is shorter
        )
    except (ssl.SSLError, ValueError, *_ERRORS) as error:
        raise DatabaseError from PoolerError() if _refuses_settings(error) else error
    if server.is_prepared:
        await _check_settings(driver)
    return PostgresqlConnection(driver, is_prepared=server.is_prepared)


def _refuses_settings(error: Exception) -> bool:
    return isinstance(error, asyncpg.ProtocolViolationError) and "startup parameter" in str(error)


async def _check_settings(driver: "asyncpg.Connection[asyncpg.Record]") -> None:
    try:
        has_arrived = await driver.fetchval(_ARRIVED) == _SETTINGS["lock_timeout"]
    except _ERRORS as error:
        driver.terminate()
        raise DatabaseError from PoolerError() if getattr(error, "sqlstate", None) in _MIXED_UP else error
    except asyncio.CancelledError:
        driver.terminate()
        raise
    if not has_arrived:
        driver.terminate()
        raise DatabaseError from PoolerError()


def _translated(error: Exception) -> Exception:
    state = getattr(error, "sqlstate", None)
    if state == "23505":
        return UniqueError()
    if state in _AGAIN:
        return GivenUpError()
    if state in _LOST or isinstance(error, _BROKEN):
        return LostError()
    return DatabaseError()
