"""Connections to one server: few, shared, and none of them waited for without an end.

- At most `size` are open. Who finds none waits `WAIT_SECONDS`; who finds `LONGEST_QUEUE` waiting is refused at once.
- What is lost is thrown away, with all that were idle then: a server that was started again is found without a restart of ours.
- A connection is handed from who gives it back to who waited longest.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Generic, Protocol, TypeVar

from timos.kernel.errors import DatabaseError, UnavailableError

WAIT_SECONDS: Final = 5.0
CONNECT_SECONDS: Final = 5.0
LONGEST_QUEUE: Final = 256
IDLE_SECONDS: Final = 300.0  # a firewall between forgets a silent connection, often after some more minutes than that


class Connection(Protocol):
    """What the pool must know of one."""

    @property
    def is_open(self) -> bool: ...

    def abort(self) -> None:
        """At once and for good, whatever is under way."""
        ...

    async def close(self) -> None: ...


Kind = TypeVar("Kind", bound=Connection)


class Pool(Generic[Kind]):
    """`connect` makes one more; it raises DatabaseError when the server does not take it."""

    def __init__(self, connect: Callable[[], Awaitable[Kind]], size: int) -> None:
        self._connect = connect
        self._size = size
        self._open = 0
        self._idle: list[tuple[Kind, float]] = []
        self._waiting: deque[asyncio.Future[Kind | None]] = deque()  # None hands over the right to open one
        self._is_closed = False

    async def take(self) -> Kind:
        """Give it back, whatever happens.

        Raises:
            UnavailableError: all are in use, for too long or by too many.
            DatabaseError: the server takes no connection.
        """
        while self._idle:
            connection, since = self._idle.pop()
            if connection.is_open and time.monotonic() - since < IDLE_SECONDS:
                return connection
            self._drop(connection)
        if self._open < self._size:
            self._open += 1
        elif (handed := await self._wait()) is not None:
            return handed
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._connect()
        except TimeoutError as error:
            self._forget()
            raise DatabaseError from error
        except BaseException:
            self._forget()
            raise

    def give(self, connection: Kind, *, is_usable: bool) -> None:
        """`is_usable` False: what it was doing was cut short, and nobody knows what it would answer next."""
        if not is_usable or not connection.is_open or self._is_closed:
            self._drop(connection)
        elif (turn := self._next()) is not None:
            turn.set_result(connection)
        else:
            self._idle.append((connection, time.monotonic()))

    def lost(self) -> None:
        """The server went away: what is idle is of the time before."""
        while self._idle:
            self._drop(self._idle.pop()[0])

    async def close(self) -> None:
        """What is in use is closed when it is given back."""
        self._is_closed = True
        while self._idle:
            connection, _ = self._idle.pop()
            self._open -= 1
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await connection.close()
            except (TimeoutError, DatabaseError):
                connection.abort()

    async def _wait(self) -> Kind | None:
        if len(self._waiting) >= LONGEST_QUEUE:
            raise UnavailableError
        turn: asyncio.Future[Kind | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await turn
        except BaseException as error:
            self._leave(turn)
            if isinstance(error, TimeoutError):
                raise UnavailableError from error
            raise

    def _leave(self, turn: "asyncio.Future[Kind | None]") -> None:
        """Whoever goes away just when it is their turn passes it on."""
        if turn.cancelled() or not turn.done():
            with suppress(ValueError):  # `_next` took it out already
                self._waiting.remove(turn)
        elif (handed := turn.result()) is not None:
            self.give(handed, is_usable=True)
        else:
            self._forget()

    def _next(self) -> "asyncio.Future[Kind | None] | None":
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                return turn
        return None

    def _drop(self, connection: Kind) -> None:
        connection.abort()
        self._forget()

    def _forget(self) -> None:
        if (turn := self._next()) is not None:
            turn.set_result(None)
        else:
            self._open -= 1
