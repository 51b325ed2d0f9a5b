"""A bounded memory of unlocked keys.

- The least recently used goes first; nothing stays longer than its time, used or not.
- One load per key at a time: a hundred requests of one user cost the key service one call.
- A load that was under way while its entry was dropped is handed to those who wait, but not kept.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from timos.kernel.clock import Clock

Unlocked = TypeVar("Unlocked")
Name = tuple[bytes, int]  # user and epoch


class UnlockedCache(Generic[Unlocked]):
    """Keys by user and epoch, for `ttl_seconds` from the load on (absolute)."""

    def __init__(self, clock: Clock, *, capacity: int, ttl_seconds: float) -> None:
        self._clock = clock
        self._capacity = capacity
        self._ttl = ttl_seconds
        self._kept: OrderedDict[Name, tuple[Unlocked, float]] = OrderedDict()
        self._loading: dict[Name, asyncio.Task[Unlocked]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, name: Name) -> Unlocked | None:
        found = self._kept.get(name)
        if found is None or found[1] <= self._clock.monotonic():
            return None
        self._kept.move_to_end(name)
        return found[0]

    async def load(self, name: Name, open_: Callable[[], Awaitable[Unlocked]]) -> Unlocked:
        """Loads, or joins the load that is under way."""
        task = self._loading.get(name)
        if task is None:
            task = self._loading[name] = asyncio.ensure_future(self._run(name, open_))
            task.add_done_callback(_retrieve)
        return await asyncio.shield(task)  # one client that goes away must not fail the others

    def drop(self, user_id: bytes) -> None:
        """Forget all epochs of a user, also what is just being loaded."""
        for name in [name for name in self._kept if name[0] == user_id]:
            del self._kept[name]
        for name in [name for name in self._loading if name[0] == user_id]:
            del self._loading[name]

    def sweep(self) -> None:
        """Forget what is over its time; runs by itself as long as anything is kept."""
        now = self._clock.monotonic()
        for name in [name for name, (_, until) in self._kept.items() if until <= now]:
            del self._kept[name]
        self._timer = None
        if self._kept:
            self._schedule()

    async def _run(self, name: Name, open_: Callable[[], Awaitable[Unlocked]]) -> Unlocked:
        me = asyncio.current_task()
        try:
            unlocked = await open_()
            if self._loading.get(name) is me:
                self._keep(name, unlocked)
        finally:
            if self._loading.get(name) is me:
                del self._loading[name]
        return unlocked

    def _keep(self, name: Name, unlocked: Unlocked) -> None:
        self._kept[name] = (unlocked, self._clock.monotonic() + self._ttl)
        self._kept.move_to_end(name)
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        if self._timer is None:
            self._schedule()

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._ttl, self.sweep)


def _retrieve(task: "asyncio.Task[Unlocked]") -> None:
    if not task.cancelled():
        task.exception()  # a failure nobody waited for any more is no news
