"""Ends commands that a server does not answer in time.

One timer for all connections looks at their ends: a dictionary's work for each command, where a timer for each (`asyncio.timeout`) costs
6 µs. What is late is not cancelled but cut off: the driver then wakes up by itself, with an error.
"""

import asyncio
from typing import Protocol

TICK_SECONDS = 0.25  # so much later than it should


class Cuttable(Protocol):
    """What can be cut off, at once and for good."""

    def abort(self) -> None: ...


class Watch:
    """The ends of commands under way, by connection. Belongs to one event loop at a time."""

    __slots__ = ("_ends", "_late", "_loop")

    def __init__(self) -> None:
        self._ends: dict[Cuttable, float] = {}
        self._late: set[Cuttable] = set()
        self._loop: asyncio.AbstractEventLoop | None = None  # the one that a timer is set on

    def begin(self, connection: Cuttable, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._ends[connection] = loop.time() + seconds
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(TICK_SECONDS, self._tick, loop)

    def end(self, connection: Cuttable) -> bool:
        """Whether it was cut off for being late."""
        self._ends.pop(connection, None)
        if not self._late or connection not in self._late:
            return False
        self._late.discard(connection)
        return True

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in [connection for connection, end in self._ends.items() if end <= now]:
            del self._ends[connection]
            self._late.add(connection)
            connection.abort()
        if self._ends:
            loop.call_later(TICK_SECONDS, self._tick, loop)
        else:
            self._loop = None  # an idle server sleeps
