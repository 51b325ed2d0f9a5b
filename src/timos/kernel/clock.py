"""The only source of time. Everything that needs it is handed a `Clock`, so that tests decide what time it is."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall clock in milliseconds since 1970 UTC, and a monotonic clock in seconds for durations."""

    def now_ms(self) -> int: ...
    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's own clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


def instant(at_ms: int) -> datetime:
    """An aware UTC datetime; hand it to msgspec as it is (isoformat costs more)."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)
