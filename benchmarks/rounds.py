"""Rounds in which the sides take turns: each as fast as it can, or all of them at the same rate."""

from collections.abc import Iterator, Sequence

from benchmarks import people
from benchmarks.load import wrk
from benchmarks.sides import Side
from benchmarks.steady import steady

FIGURES = ("requests/s", "CPU, µs", "p50, ms", "p99, ms")
EVEN = ("rate/s", "p50 at it, ms", "p99 at it, ms")
Figures = dict[tuple[str, str, str], list[float]]  # by work, side and figure


def turns(sides: Sequence[Side], works: Sequence[str], rounds: int) -> Iterator[tuple[Side, str]]:
    """In the other order every other round."""
    for number in range(rounds):
        for work in works:
            for side in sides if number % 2 else sides[::-1]:
                side.renew()
                yield side, work


def saturated(side: Side, work: str, seconds: int, figures: Figures) -> None:
    """As fast as it is answered."""
    before = side.server.cpu_seconds()
    measured = wrk("prepared.lua", side.server.url, [str(side.requests[work])], ["-t1", f"-c{people.CONNECTIONS}"], seconds)
    side.server.settle()  # what it still does for them is part of their cost
    cpu = side.server.cpu_seconds() - before
    values = (measured.per_second, cpu / measured.requests * 1e6, measured.p50, measured.p99)
    for name, value in zip(FIGURES, values, strict=True):
        figures[work, side.name, name].append(value)


def evenly(side: Side, work: str, rate: float, seconds: int, figures: Figures) -> None:
    """At this rate, at the same instants for every side."""
    measured = steady(side.server.url, side.requests[work], rate, seconds)
    side.server.settle()
    for name, value in zip(EVEN, (rate, measured.p50, measured.p99), strict=True):
        figures[work, side.name, name].append(value)
