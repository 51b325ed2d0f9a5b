"""Searching a whole vault, which is opened for it, on each engine: milliseconds by the client's clock. See README.md.

python -m benchmarks.searches [--engine sqlite …] [--rounds 9]
"""

import platform
from argparse import ArgumentParser
from collections import defaultdict
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory  # noqa: TID251 (instances of nobody)

import httpx

from benchmarks import diary, sides
from benchmarks.alone import imported, ok, search, setup_secret, sign_up
from benchmarks.server import Server, serving
from benchmarks.sides import FRESH_SECONDS, Place
from tests import servers

ENGINES = ("sqlite", "postgresql", "mariadb")
AIMS_MS = {diary.DAYS: 100, 15_000: 300}  # by documents
SHARES = {15_000: 0.4}  # of the length of a diary's day: 11 MB in all
FIGURES = ("ms", "CPU, ms")
Times = dict[tuple[int, str, str], list[float]]  # by documents, query and figure


def main() -> None:
    """One user for each size; the queries take turns."""
    parser = ArgumentParser(prog="python -m benchmarks.searches", description="Measure searches on each engine.")
    parser.add_argument("--engine", action="append", choices=ENGINES, help="only on this (may be repeated)")
    parser.add_argument("--rounds", type=int, default=9, help="medians are taken over so many (9)")
    options = parser.parse_args()
    print(f"medians of {options.rounds} rounds; Python {platform.python_version()}, {platform.machine()}\n")
    for engine in options.engine or ENGINES:
        if engine != "sqlite" and (why := servers.missing(engine)):
            print(f"{engine}: left out: {why}.")
            continue
        with TemporaryDirectory(prefix="timos-searches-") as folder, sides.engine(engine) as running:
            _tell(engine, _measured(Place(Path(folder), running), options.rounds))


def _measured(place: Place, rounds: int) -> Times:
    times: Times = defaultdict(list)
    platform_url, vault_url = place.databases("searched")
    with (
        serving(place.folder, TIMOS_PLATFORM_URL=platform_url, TIMOS_VAULT_URL=vault_url) as server,
        httpx.Client(base_url=server.url, timeout=FRESH_SECONDS) as client,
    ):
        tokens = {}
        for number, documents in enumerate(AIMS_MS):
            signed_in = sign_up(client, number, setup_secret(place.folder) if number == 0 else None)
            days = diary.generated(documents, share=SHARES.get(documents, 1))
            imported(client, signed_in["access_token"], diary.lines(days), documents)
            tokens[documents] = str(
                ok(client.post("/api/auth/refresh", json={"refresh_token": signed_in["refresh_token"]}))["access_token"]
            )
        for _ in range(rounds):
            for documents, token in tokens.items():
                for query in diary.QUERIES:
                    _search(server, client, token, times, (documents, query))
    return times


def _search(server: Server, client: httpx.Client, token: str, times: Times, what: tuple[int, str]) -> None:
    before = server.cpu_seconds()
    took = search(client, token, what[1])
    for figure, value in zip(FIGURES, (took, (server.cpu_seconds() - before) * 1000), strict=True):
        times[*what, figure].append(value)


def _tell(engine: str, times: Times) -> None:
    for documents, query in dict.fromkeys((documents, query) for documents, query, _ in times):
        took, cpu = (times[documents, query, figure] for figure in FIGURES)
        found = f"{median(took):>8.0f} ms ({min(took):.0f} to {max(took):.0f}), CPU {median(cpu):.0f} ms; aim {AIMS_MS[documents]} ms"
        print(f"{engine:12}{documents:>7,} documents  {query:12}{found}")


if __name__ == "__main__":
    main()
