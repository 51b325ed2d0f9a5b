"""SIGTERM and Ctrl-C for a process that serves: it finishes what it has begun and ends well. The second one ends it where it is."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final

STOPPING: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(slots=True)
class Stop:
    """`how` runs in the event loop, once; it may be another for each part of a life."""

    how: Callable[[], object]
    is_told: bool = False

    def begin(self) -> None:
        self.is_told = True
        self.how()


@contextmanager
def stopped_well() -> Iterator[Stop]:
    """For the whole life of the process's main task, and once. Until `how` says otherwise the task is cancelled: what was not served yet
    has nothing to finish.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 (for mypy: a task calls this)
    stop = Stop(task.cancel)

    def told(_number: int, _frame: FrameType | None) -> None:
        _take(signal.SIG_DFL)  # not a handler of ours: the second one must work when nothing else does
        loop.call_soon_threadsafe(stop.begin)

    _take(told)
    try:
        yield stop
    except asyncio.CancelledError:
        if not stop.is_told:
            raise
    finally:
        _take(signal.SIG_DFL)


def _take(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in STOPPING:
        signal.signal(number, handler)
