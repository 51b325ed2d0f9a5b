"""The `Database` port on a server, whatever its protocol: each driver brings a `Connection` and nothing else.

Invariants:
- A transaction is READ COMMITTED; what it decides on, it locks or names as a condition of its write.
- When the engine gives a transaction up (a deadlock, a failed serialization, a lock waited for too long), the whole of it is run again:
  every statement, and each must answer what it answered before, because the caller has decided on that. If one does not, or after
  `TRIES`, the caller gets DatabaseError and nothing is stored.
- Likewise when the connection breaks before COMMIT was said: the server undoes what it had. Afterwards nobody can know whether it
  was done, so nothing is tried again: the caller's own retry is harmless, because keys are natural and writes conditional.
- No answer within `COMMAND_SECONDS`: the connection is thrown away, and so is one whose caller went away in the middle.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from secrets import randbelow
from types import TracebackType
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from timos.kernel.db.address import Server
from timos.kernel.db.pool import Connection as Pooled
from timos.kernel.db.pool import Pool
from timos.kernel.db.port import Dialect, Row, UniqueError, Value
from timos.kernel.db.statements import Statement
from timos.kernel.db.watch import Watch
from timos.kernel.errors import DatabaseError

COMMAND_SECONDS: Final = 10.0
LOCK_SECONDS: Final = 2  # a lock that is waited for longer is a deadlock that the engine does not see
TRIES: Final = 5
PAUSE_MS: Final = 10  # at most, before the second try; twice that before the third, and so on

Result = TypeVar("Result")
Arguments = tuple[Any, ...]  # Any: what `Compiled.arrange` gives, values of the port


class LostError(Exception):
    """The server closed the connection, or the network did."""


class GivenUpError(Exception):
    """The engine gave the transaction up, through no fault of its own; another try may work."""


class Connection(Pooled, Protocol):
    """What a driver's connection must do. Each method raises UniqueError, GivenUpError, LostError or DatabaseError, nothing else."""

    async def begin(self) -> None: ...
    async def commit(self) -> None: ...
    async def rollback(self) -> None: ...
    async def fetch(self, sql: str, arguments: Arguments) -> list[Row]: ...
    async def run(self, sql: str, arguments: Arguments) -> int: ...


Kind = TypeVar("Kind", bound=Connection)


class ServerDatabase(Generic[Kind]):
    """Made inside or outside an event loop; opens its first connection when it is needed."""

    def __init__(self, server: Server, connect: Callable[[Server], Awaitable[Kind]]) -> None:
        self.server = server
        self.dialect: Dialect = server.dialect
        self.pool: Pool[Kind] = Pool(lambda: connect(server), server.pool)
        self.share = max(1, server.pool - 2)
        self._watch = Watch()

    async def fetch(self, statement: Statement, params: Mapping[str, Value]) -> list[Row]:
        compiled = statement.on(self.dialect)
        arguments = compiled.arrange(params)
        try:
            return await self._once(lambda connection: connection.fetch(compiled.sql, arguments))
        except (LostError, GivenUpError):  # a question may be asked twice
            try:
                return await self._once(lambda connection: connection.fetch(compiled.sql, arguments))
            except (LostError, GivenUpError) as error:
                raise DatabaseError from error

    async def run(self, statement: Statement, params: Mapping[str, Value]) -> int:
        compiled = statement.on(self.dialect)
        arguments = compiled.arrange(params)
        for tries in range(1, TRIES):
            try:
                return await self._once(lambda connection: connection.run(compiled.sql, arguments))
            except (LostError, GivenUpError):
                await asyncio.sleep(randbelow(PAUSE_MS << tries) / 1000)
        try:
            return await self._once(lambda connection: connection.run(compiled.sql, arguments))
        except (LostError, GivenUpError) as error:
            raise DatabaseError from error

    def transaction(self) -> "ServerTransaction[Kind]":
        return ServerTransaction(self)

    async def scrub(self) -> None:
        """Nothing to do from here: what was deleted stays in the server's own log and pages until it cleans up (see the guide)."""

    async def close(self) -> None:
        await self.pool.close()

    async def _once(self, ask: Callable[[Kind], Awaitable[Result]]) -> Result:
        """A statement outside of any transaction: the engine makes it one of its own."""
        connection = await self.pool.take()
        is_usable = False
        try:
            answer = await self.answered(connection, ask(connection))
            is_usable = True
        except LostError:
            self.pool.lost()
            raise
        except (UniqueError, GivenUpError, DatabaseError):
            is_usable = True  # unless it was cut off
            raise
        finally:
            self.pool.give(connection, is_usable=is_usable)
        return answer

    async def answered(self, connection: Kind, work: Awaitable[Result]) -> Result:
        """What is under way on the connection, in time.

        Raises:
            DatabaseError: it took too long; the connection is closed. Beside what the work raises.
        """
        self._watch.begin(connection, COMMAND_SECONDS)
        try:
            return await work
        except LostError as error:
            if self._watch.end(connection):
                raise DatabaseError from error
            raise
        finally:
            self._watch.end(connection)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A statement, as it will be asked again; `answer` is what the caller got to see."""

    is_reading: bool
    sql: str
    arguments: Arguments
    answer: list[Row] | int | None = None


class ServerTransaction(Generic[Kind]):
    """See the invariants of this module."""

    __slots__ = ("_asked", "_connection", "_database", "_is_broken", "_tries")

    def __init__(self, database: ServerDatabase[Kind]) -> None:
        self._database = database
        self._connection: Kind | None = None
        self._is_broken = False  # in the middle of something, or lost
        self._asked: list[_Asked] = []
        self._tries = 1

    async def __aenter__(self) -> Self:
        try:
            await self._begin()
        except LostError:  # it had been idle, and the server is another one since
            await self._leave()
            await self._retry(self._begin)
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                await self._commit()
                self._return()
        finally:
            await self._leave()

    async def fetch(self, statement: Statement, params: Mapping[str, Value]) -> list[Row]:
        rows = await self._ask(statement, params, is_reading=True)
        assert isinstance(rows, list)  # noqa: S101 (for mypy: what `is_reading` asks for)
        return rows

    async def run(self, statement: Statement, params: Mapping[str, Value]) -> int:
        count = await self._ask(statement, params, is_reading=False)
        assert isinstance(count, int)  # noqa: S101 (likewise)
        return count

    async def _ask(self, statement: Statement, params: Mapping[str, Value], *, is_reading: bool) -> list[Row] | int:
        compiled = statement.on(self._database.dialect)
        asked = _Asked(is_reading, compiled.sql, compiled.arrange(params))
        try:
            answer = await self._answer(asked)
        except (LostError, GivenUpError) as error:
            answer = await self._again(lambda: self._answer(asked), error)
        self._asked.append(_Asked(is_reading, asked.sql, asked.arguments, answer))
        return answer

    async def _commit(self) -> None:
        try:
            await self._do(lambda connection: connection.commit())
        except GivenUpError as error:  # it says so itself: nothing is stored
            await self._again(lambda: self._do(lambda connection: connection.commit()), error)
        except LostError as error:
            raise DatabaseError from error

    async def _again(self, last: Callable[[], Awaitable[Result]], error: Exception) -> Result:
        """The whole transaction, and `last` at its end."""

        async def whole() -> Result:
            await self._leave()
            await self._begin()
            for asked in self._asked:
                try:
                    is_same = await self._answer(asked) == asked.answer
                except UniqueError as taken:
                    raise DatabaseError from taken
                if not is_same:
                    raise DatabaseError from error
            return await last()

        return await self._retry(whole, error)

    async def _retry(self, work: Callable[[], Awaitable[Result]], error: Exception | None = None) -> Result:
        while self._tries < TRIES:
            self._tries += 1
            await asyncio.sleep(randbelow(PAUSE_MS << self._tries) / 1000)
            try:
                return await work()
            except (LostError, GivenUpError) as failed:
                error = failed
            except BaseException:
                await self._leave()
                raise
        await self._leave()
        raise DatabaseError from error

    async def _begin(self) -> None:
        self._connection = await self._database.pool.take()
        await self._do(lambda connection: connection.begin())

    async def _answer(self, asked: _Asked) -> list[Row] | int:
        if asked.is_reading:
            return await self._do(lambda connection: connection.fetch(asked.sql, asked.arguments))
        return await self._do(lambda connection: connection.run(asked.sql, asked.arguments))

    async def _do(self, what: Callable[[Kind], Awaitable[Result]]) -> Result:
        if self._connection is None or self._is_broken:
            raise DatabaseError
        self._is_broken = True
        try:
            result = await self._database.answered(self._connection, what(self._connection))
        except (UniqueError, GivenUpError):
            self._is_broken = False
            raise
        except DatabaseError:
            self._is_broken = not self._connection.is_open  # it took too long
            raise
        self._is_broken = False
        return result

    def _return(self) -> None:
        """After COMMIT: there is nothing to undo, and no need to ask for it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._database.pool.give(connection, is_usable=True)

    async def _leave(self) -> None:
        """Undo what was not committed and give the connection back; idempotent."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        is_usable = False
        try:
            if self._is_broken:
                if not connection.is_open:
                    self._database.pool.lost()
            else:
                await self._database.answered(connection, connection.rollback())
                is_usable = True
        except (LostError, GivenUpError, DatabaseError):
            is_usable = False  # it is thrown away, and the server undoes it
        finally:
            self._is_broken = False
            self._database.pool.give(connection, is_usable=is_usable)
