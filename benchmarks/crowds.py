"""The same work for few and for many users: CPU for one request, and the slowest percent at the same rate. See README.md.

python -m benchmarks.crowds [--engine sqlite] [--users 10 …] [--rounds 5] [--seconds 2]
"""

from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory  # noqa: TID251 (instances of nobody)

from benchmarks import people, sides
from benchmarks.rounds import EVEN, FIGURES, Figures, evenly, saturated, turns
from benchmarks.server import serving
from benchmarks.sides import Crowd, Place, Side

CROWDS = (10, people.USERS, 10_000)
REQUESTS = 20_000  # so that all of the largest crowd come
EVEN_SECONDS = 4
AIM = 0.2  # how far from the figures of `people.USERS` users
COLUMNS = (FIGURES[1], EVEN[0], EVEN[1], EVEN[2])


def main() -> None:
    """Every crowd has a server and databases of its own; they take turns."""
    parser = ArgumentParser(prog="python -m benchmarks.crowds", description="Measure TimOS with few users and with many.")
    parser.add_argument("--engine", default="sqlite", choices=("sqlite", "postgresql", "mariadb"), help="on this (sqlite)")
    parser.add_argument(
        "--users", type=int, action="append", help="a crowd of so many beside the usual 200 (may be repeated; 10 and 10,000)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="medians are taken over so many (5)")
    parser.add_argument("--seconds", type=int, default=2, help="of each load in each round (2)")
    options = parser.parse_args()
    sizes = sorted({people.USERS, *(options.users or CROWDS)})
    figures: Figures = defaultdict(list)
    memory: dict[str, float] = {}
    with TemporaryDirectory(prefix="timos-crowds-") as folder, sides.engine(options.engine) as running, ExitStack() as stack:
        place = Place(Path(folder), running)
        compared = [side for users in sizes for side in stack.enter_context(_crowd(place, users))]
        for side, work in turns(compared, people.WORKS, options.rounds):
            saturated(side, work, options.seconds, figures)
        rates = {work: min(median(figures[work, side.name, FIGURES[0]]) for side in compared) / 2 for work in people.WORKS}
        for side, work in turns(compared, people.WORKS, options.rounds):
            evenly(side, work, rates[work], EVEN_SECONDS, figures)
        memory = {side.name: side.server.rss_mib() for side in compared}
    _tell({key: median(values) for key, values in figures.items()}, memory)


@contextmanager
def _crowd(place: Place, users: int) -> Iterator[Sequence[Side]]:
    """All of them at work; where they are more than the usual ones, these alone too: then only the tables are larger."""
    folder = place.folder / f"{users}"
    folder.mkdir()
    platform, vault = place.databases(f"crowd{users}")
    few = people.USERS if users > people.USERS else 0
    with serving(folder, TIMOS_PLATFORM_URL=platform, TIMOS_VAULT_URL=vault, TIMOS_PROXIES="127.0.0.1/32") as server:
        crowd = Crowd(server, folder, users, days=people.RECENT, requests=REQUESTS, few=few)
        prefixes = {f"{users:,}": "", **({f"{few:,} of {users:,}": "few-"} if few else {})}
        yield [
            Side(name, server, {work: folder / f"{prefix}{work}.txt" for work in people.WORKS}, crowd.renew)
            for name, prefix in prefixes.items()
        ]


def _tell(medians: dict[tuple[str, str, str], float], memory: dict[str, float]) -> None:
    print(
        f"{'':26}"
        + "".join(f"{name:>14}" for name in COLUMNS)
        + f"{'CPU':>14}{'p99':>14}   of that of {people.USERS} users (aim within {AIM:.0%})"
    )
    for work in people.WORKS:
        for side in memory:
            values = [medians[work, side, name] for name in COLUMNS]
            usual = [medians[work, f"{people.USERS:,}", name] for name in COLUMNS]
            shares = (values[0] / usual[0], values[3] / usual[3])
            print(
                f"{work:6}{side:>14} users"
                + "".join(f"{value:>14,.4g}" for value in values)
                + "".join(f"{share:>14.2f}" for share in shares)
            )
    print("memory of the process at the end, MiB: " + ", ".join(f"{side} users {mib:.0f}" for side, mib in memory.items()))


if __name__ == "__main__":
    main()
