"""Turns for what reads a whole vault: one scan per user at a time, a few per process; the others wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

AT_ONCE = 4  # in one process, so that searching never starves writing


class Scans:
    """Made once per process, inside the event loop."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)
        self._users: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, user: bytes) -> AsyncIterator[None]:
        """Hold this while scanning; the user's own lock first, so that one user's queue takes one place."""
        lock = self._users.setdefault(user, asyncio.Lock())
        async with lock, self._places:
            yield
