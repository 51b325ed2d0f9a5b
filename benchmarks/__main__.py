"""`make bench`: TimOS beside the system that it replaces, and beside the floor. See README.md.

python -m benchmarks [--engine sqlite …] [--work read …] [--rounds 5] [--seconds 2] [--save FILE]
"""

import json
import os
import platform
import shutil
import time
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory  # noqa: TID251 (instances of nobody)

from benchmarks import people, replaced, sides
from benchmarks.rounds import EVEN, FIGURES, Figures, evenly, saturated, turns
from benchmarks.sides import Place
from tests import servers

ENGINES = ("sqlite", "postgresql", "mariadb")
# how many times the requests for each second of CPU, beside the system before; and the share of its p99 at the same rate
AIMS = {"write": 8.0, "read": 8.0, "list": 6.0}
AIM_P99, AIM_FLOOR = 0.25, 3.0
EVEN_SECONDS = 3  # of the load at the same rate, in each round: the slowest percent of less is luck


def main() -> None:
    """All sides take turns in every round; medians."""
    parser = ArgumentParser(prog="python -m benchmarks", description="Measure TimOS beside the system before it, and beside the floor.")
    parser.add_argument("--engine", action="append", choices=ENGINES, help="only on this (may be repeated)")
    parser.add_argument("--work", action="append", choices=people.WORKS, help="only this (may be repeated)")
    parser.add_argument("--rounds", type=int, default=5, help="medians are taken over so many (5)")
    parser.add_argument("--seconds", type=int, default=2, help="of each load in each round (2)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="also write every figure of every round there, as JSON")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("wrk is not installed: the comparison is made with it. `python -m benchmarks.alone` does without.")
    if why := replaced.missing():
        print(f"Left out: {why}.")
    saved: dict[str, list[float]] = {}
    for engine in options.engine or ENGINES:
        if engine != "sqlite" and (why := servers.missing(engine)):
            print(f"\n{engine}: left out: {why}.")
            continue
        figures = _measured(engine, options.work or list(people.WORKS), options.rounds, options.seconds)
        _tell(engine, figures, options.rounds)
        saved |= {f"{engine}, {', '.join(key)}": values for key, values in figures.items()}
    if options.save:
        options.save.write_text(json.dumps(saved, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _measured(engine: str, works: list[str], rounds: int, seconds: int) -> Figures:
    figures: Figures = defaultdict(list)
    with TemporaryDirectory(prefix="timos-bench-") as folder, sides.engine(engine) as running, ExitStack() as stack:
        place = Place(Path(folder), running)
        makers = [sides.timos, *([] if replaced.missing() else [sides.before]), sides.floor]
        compared = [stack.enter_context(make(place)) for make in makers]
        for side, work in turns(compared, works, rounds):
            saturated(side, work, seconds, figures)
        if any(side.name == "replaced" for side in compared):
            rates = {work: min(median(figures[work, side.name, FIGURES[0]]) for side in compared) / 2 for work in works}
            for side, work in turns(compared, works, rounds):
                evenly(side, work, rates[work], EVEN_SECONDS, figures)
    return figures


def _tell(engine: str, figures: Figures, rounds: int) -> None:
    medians = {key: median(values) for key, values in figures.items()}
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    machine = f"load {load}; Python {platform.python_version()}, {platform.machine()}, {time.strftime('%Y-%m-%d', time.gmtime())}"
    amounts = f"{people.USERS} users with {people.DAYS} days each, {people.CONNECTIONS} connections, medians of {rounds} rounds"
    print(f"\n{engine}: {amounts}; {machine}")
    columns = [name for name in (*FIGURES, *EVEN) if any(name == figure for _, _, figure in medians)]
    print(f"{'':18}" + "".join(f"{name:>14}" for name in columns))
    for work in dict.fromkeys(work for work, _, _ in medians):
        for side in dict.fromkeys(side for known, side, _ in medians if known == work):
            values = (medians.get((work, side, name)) for name in columns)
            print(f"{work:6}{side:12}" + "".join(f"{'' if value is None else f'{value:,.4g}':>14}" for value in values))
        for line in _ratios(medians, work):
            print(f"{'':6}{line}")


def _ratios(medians: dict[tuple[str, str, str], float], work: str) -> Iterator[str]:
    cpu, rate, p99 = FIGURES[1], EVEN[0], EVEN[2]
    if (work, "replaced", cpu) in medians:
        times = medians[work, "replaced", cpu] / medians[work, "TimOS", cpu]
        share, bare = (medians[work, side, p99] / medians[work, "replaced", p99] for side in ("TimOS", "floor"))
        yield f"{times:.1f} × the requests per CPU second (aim {AIMS[work]:.0f})"
        yield f"{share:.2f} of the p99 at {medians[work, 'TimOS', rate]:,.0f} requests/s each (aim {AIM_P99}; the floor alone {bare:.2f})"
    yield f"{medians[work, 'TimOS', cpu] / medians[work, 'floor', cpu]:.1f} × the CPU of the floor (aim {AIM_FLOOR:.0f})"


if __name__ == "__main__":
    main()
