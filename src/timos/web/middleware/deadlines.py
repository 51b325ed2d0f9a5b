"""Ends requests that take too long, and bodies that drip: no Python server does it (operations.md, "Abuse").

One timer for all requests looks at their ends four times a second: joining and leaving is a dictionary's work, where a timer for each
request (`asyncio.timeout`) costs 5 µs. Late by a quarter of a second is no loss.
"""

import asyncio

from starlette.types import Message, Receive

TICK_SECONDS = 0.25


class Deadlines:
    """The ends of all running requests, by task, on the event loop's clock. One instance belongs to one event loop at a time."""

    __slots__ = ("_ends", "_gap_seconds", "_late", "_loop", "_tick_seconds")

    def __init__(self, *, gap_seconds: float, shortest_seconds: float) -> None:
        self._gap_seconds = gap_seconds
        self._tick_seconds = min(TICK_SECONDS, shortest_seconds / 4)
        self._ends: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None  # the one that a timer is set on

    def begin(self, task: asyncio.Task[object], seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._ends[task] = loop.time() + seconds
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(self._tick_seconds, self._tick, loop)

    def end(self, task: asyncio.Task[object]) -> bool:
        """Whether the task was ended for being late; then its cancellation was ours, and is taken back."""
        self._ends.pop(task, None)
        if task not in self._late:
            return False
        self._late.discard(task)
        # more than one request to cancel: the server is stopping too, and that one counts
        return task.uncancel() == 0

    async def patient(self, receive: Receive) -> Message:
        """`receive`, for at most the gap that is allowed between two pieces."""
        task = asyncio.current_task()
        end = self._ends.get(task) if task is not None else None
        if task is None or end is None:
            return await receive()
        self._ends[task] = min(end, asyncio.get_running_loop().time() + self._gap_seconds)
        try:
            return await receive()
        finally:
            self._ends[task] = end

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task in [task for task, end in self._ends.items() if end <= now]:
            del self._ends[task]
            self._late.add(task)
            task.cancel()
        if self._ends:
            loop.call_later(self._tick_seconds, self._tick, loop)
        else:
            self._loop = None  # an idle server sleeps
