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
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory  # noqa: TID251 (instances of nobody)

from benchmarks import people, replaced, sides
from benchmarks.load import wrk
from benchmarks.server import LOAD_CORE
from benchmarks.sides import CONNECTIONS, Place, Side
from tests import servers
from tests.databases import Engine

ENGINES = ("sqlite", "postgresql", "mariadb")
FIGURES = ("requests/s", "CPU, µs", "p50, ms", "p99, ms")
# how many times the requests for each second of CPU, beside the system before; and the share of its p99
AIMS = {"write": 8.0, "read": 8.0, "list": 6.0}
AIM_P99, AIM_FLOOR = 0.25, 3.0
Figures = dict[tuple[str, str, str], list[float]]  # by work, side and figure


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
    with TemporaryDirectory(prefix="timos-bench-") as folder, _engine(engine) as running, ExitStack() as stack:
        place = Place(Path(folder), running)
        makers = [sides.timos, *([] if replaced.missing() else [sides.before]), sides.floor]
        compared = [stack.enter_context(make(place)) for make in makers]
        for number in range(rounds):
            for work in works:
                for side in compared if number % 2 else compared[::-1]:
                    _round(side, work, seconds, figures)
    return figures


@contextmanager
def _engine(name: str) -> Iterator[Engine | None]:
    """On the core of the load."""
    if name == "sqlite":
        yield None
        return
    with servers.running(name) as running:
        _pin(running.pid)
        engine = Engine(running)
        engine.wait()
        yield engine


def _pin(pid: int) -> None:
    if len(os.sched_getaffinity(0)) > 1:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {LOAD_CORE})


def _round(side: Side, work: str, seconds: int, figures: Figures) -> None:
    side.renew()
    before = side.server.cpu_seconds()
    measured = wrk("prepared.lua", side.server.url, [str(side.requests[work])], ["-t1", f"-c{CONNECTIONS}"], seconds)
    side.server.settle()  # what it still does for them is part of their cost
    cpu = side.server.cpu_seconds() - before
    values = (measured.per_second, cpu / measured.requests * 1e6, measured.p50, measured.p99)
    for name, value in zip(FIGURES, values, strict=True):
        figures[work, side.name, name].append(value)


def _tell(engine: str, figures: Figures, rounds: int) -> None:
    medians = {key: median(values) for key, values in figures.items()}
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    machine = f"load {load}; Python {platform.python_version()}, {platform.machine()}, {time.strftime('%Y-%m-%d', time.gmtime())}"
    amounts = f"{people.USERS} users with {people.DAYS} days each, {CONNECTIONS} connections, medians of {rounds} rounds"
    print(f"\n{engine}: {amounts}; {machine}")
    print(f"{'':18}" + "".join(f"{name:>13}" for name in FIGURES))
    for work in dict.fromkeys(work for work, _, _ in medians):
        for side in dict.fromkeys(side for known, side, _ in medians if known == work):
            print(f"{work:6}{side:12}" + "".join(f"{medians[work, side, name]:>13,.4g}" for name in FIGURES))
        for line in _ratios(medians, work):
            print(f"{'':6}{line}")


def _ratios(medians: dict[tuple[str, str, str], float], work: str) -> Iterator[str]:
    cpu, p99 = "CPU, µs", "p99, ms"
    if (work, "replaced", cpu) in medians:
        times = medians[work, "replaced", cpu] / medians[work, "TimOS", cpu]
        share = medians[work, "TimOS", p99] / medians[work, "replaced", p99]
        yield f"{times:.1f} × the requests per CPU second (aim {AIMS[work]:.0f}), {share:.2f} of the p99 (aim {AIM_P99})"
    yield f"{medians[work, 'TimOS', cpu] / medians[work, 'floor', cpu]:.1f} × the CPU of the floor (aim {AIM_FLOOR:.0f})"


if __name__ == "__main__":
    main()
