"""Two processes on one pair of databases beside one. See README.md.

python -m benchmarks.processes [--engine postgresql] [--rounds 5] [--seconds 3]
"""

import os
import time
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory  # noqa: TID251 (instances of nobody)

from benchmarks import people, sides
from benchmarks.load import Measured, wrk
from benchmarks.server import LOAD_CORE, SERVER_CORE, Server, serving
from benchmarks.sides import Crowd, Place
from benchmarks.steady import steady

AIM = 1.8  # times the requests of one process
SECOND_CORE, DATABASE_CORE = 2, 3
PART = 4  # of what one process can do, for each: both find room on one core
Figures = dict[tuple[str, str], list[float]]  # by work and figure


def main() -> None:
    """One process and two take turns."""
    parser = ArgumentParser(prog="python -m benchmarks.processes", description="Measure two processes beside one.")
    parser.add_argument("--engine", default="postgresql", choices=("postgresql", "mariadb"), help="on this (postgresql)")
    parser.add_argument("--rounds", type=int, default=5, help="medians are taken over so many (5)")
    parser.add_argument("--seconds", type=int, default=3, help="of each load in each round (3)")
    options = parser.parse_args()
    has_cores = {SERVER_CORE, LOAD_CORE, SECOND_CORE, DATABASE_CORE} <= os.sched_getaffinity(0)
    if not has_cores:
        print("As fast as they can: left out, needs four cores: two for the processes, one for the load, one for the database.")
    figures: Figures = defaultdict(list)
    with TemporaryDirectory(prefix="timos-processes-") as folder, _two(options.engine, Path(folder), has_cores=has_cores) as (two, crowd):
        rates = {work: sum(_fast(two[:1], Path(folder), work, options.seconds)) / PART for work in people.WORKS}
        for _ in range(options.rounds):
            for work in people.WORKS:
                crowd.renew()
                for servers in (two[:1], two):
                    if has_cores:
                        figures[work, f"requests/s of {len(servers)}"].append(sum(_fast(servers, Path(folder), work, options.seconds)))
                    _at_rate(servers, Path(folder), work, rates[work], options.seconds, figures)
    _tell({key: median(values) for key, values in figures.items()}, rates)


@contextmanager
def _two(engine: str, folder: Path, *, has_cores: bool) -> Iterator[tuple[list[Server], Crowd]]:
    """As the guide says: the same databases, key and public address."""
    cores = (DATABASE_CORE, SECOND_CORE) if has_cores else (LOAD_CORE, SERVER_CORE)
    with sides.engine(engine, cores[0]) as running:
        platform, vault = Place(folder, running).databases("shared")
        shared = {
            "TIMOS_PLATFORM_URL": platform,
            "TIMOS_VAULT_URL": vault,
            "TIMOS_PUBLIC_URL": "http://localhost:8000",
            "TIMOS_MASTER_KEY": f"file:{folder / 'key' / 'master.json'}",
        }
        folder.joinpath("second").mkdir()
        with serving(folder, SERVER_CORE, **shared) as first:
            crowd = Crowd(first, folder, days=people.RECENT)
            with serving(folder / "second", cores[1], **shared) as second:
                yield [first, second], crowd


def _fast(servers: Sequence[Server], folder: Path, work: str, seconds: int) -> list[float]:
    """Requests in a second of each, with the connections split between them."""
    options = ["-t1", f"-c{people.CONNECTIONS // len(servers)}"]
    measured = _each(servers, lambda server: wrk("prepared.lua", server.url, [str(folder / f"{work}.txt")], options, seconds))
    return [one.per_second for one in measured]


def _at_rate(servers: Sequence[Server], folder: Path, work: str, rate: float, seconds: int, figures: Figures) -> None:
    """The same rate for each process, whether it is alone or not."""
    before = [server.cpu_seconds() for server in servers]
    measured = _each(servers, lambda server: steady(server.url, folder / f"{work}.txt", rate, seconds))
    for server, one, cpu in zip(servers, measured, before, strict=True):
        figures[work, f"CPU, µs, of {len(servers)}"].append((server.cpu_seconds() - cpu) / one.requests * 1e6)
        figures[work, f"p50, ms, of {len(servers)}"].append(one.p50)
        figures[work, f"p99, ms, of {len(servers)}"].append(one.p99)


def _each(servers: Sequence[Server], load: Callable[[Server], Measured]) -> list[Measured]:
    with ThreadPoolExecutor(len(servers)) as threads:
        measured = list(threads.map(load, servers))
    for server in servers:
        server.settle()
    return measured


def _tell(medians: dict[tuple[str, str], float], rates: dict[str, float]) -> None:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(
        f"{people.USERS} users, load {load}, {time.strftime('%Y-%m-%d', time.gmtime())}; CPU, p50 and p99 at the same rate for each process"
    )
    for work, rate in rates.items():
        one, two = ([medians[work, f"{name}, of {number}"] for name in ("CPU, µs", "p50, ms", "p99, ms")] for number in (1, 2))
        told = "; ".join(
            f"{name} {a:,.4g} alone, {b:,.4g} beside another" for name, a, b in zip(("CPU µs", "p50 ms", "p99 ms"), one, two, strict=True)
        )
        print(f"{work:6}{rate:6,.0f} requests/s each: {told}; CPU {two[0] / one[0]:.2f} times")
        if (work, "requests/s of 2") in medians:
            fast = [medians[work, f"requests/s of {number}"] for number in (1, 2)]
            print(f"{'':6}{fast[0]:,.0f} requests/s of one, {fast[1]:,.0f} of two: {fast[1] / fast[0]:.2f} times (aim {AIM})")


if __name__ == "__main__":
    main()
