"""What TimOS does in a second, on a server of its own. See README.md.

python -m benchmarks.alone [--diary FILE] [--rounds 5] [--seconds 2] [--save FILE]
"""

import json
import platform
import time
from argparse import ArgumentParser
from collections import defaultdict
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory  # noqa: TID251 (an instance of nobody)
from typing import Any

import httpx

from benchmarks import diary
from benchmarks.load import Load, measure, tool
from benchmarks.server import Server, serving

PASSWORD = "correct horse battery staple"  # noqa: S105 (of nobody)
USERS = 4  # eight connections each
COLUMNS = ("requests/s", "p50, ms", "p99, ms", "CPU, µs")
Figures = dict[str, list[float]]


def main() -> None:
    """Starts first, while nothing else of ours runs; then one server for imports, searches and loads, which take turns."""
    parser = ArgumentParser(prog="python -m benchmarks.alone", description="Measure a server of its own.")
    parser.add_argument("--diary", type=Path, help='JSON Lines, {"date", "text"} in each; one of the same shape is made otherwise')
    parser.add_argument("--rounds", type=int, default=5, help="medians are taken over so many (5)")
    parser.add_argument("--seconds", type=float, default=2, help="of each load in each round (2)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="also write the medians there, as JSON")
    options = parser.parse_args()
    what, days = diary.read(options.diary)
    print(f"{what}; load by {tool()}; medians of {options.rounds} rounds; Python {platform.python_version()}, {platform.machine()}\n")
    figures: Figures = defaultdict(list)
    with TemporaryDirectory(prefix="timos-bench-") as folder:
        root = Path(folder)
        for number in range(options.rounds):
            _starts(root / f"start{number}", figures)
        root.joinpath("load").mkdir()
        _work(root / "load", days, options.rounds, options.seconds, figures)
    medians = {name: median(values) for name, values in figures.items()}
    _tell(medians, figures)
    if options.save:
        options.save.write_text(json.dumps(medians, indent=2) + "\n", encoding="utf-8")


def _tell(medians: dict[str, float], figures: Figures) -> None:
    """Loads as a table, everything else with the lowest and the highest round."""
    loads = sorted({name.partition(": ")[0] for name in medians if ": " in name})
    for name, value in medians.items():
        if ": " not in name:
            print(f"{name:28} {value:>10,.4g}   ({min(figures[name]):,.4g} to {max(figures[name]):,.4g})")
    print(f"\n{'':28}" + "".join(f"{column:>14}" for column in COLUMNS))
    for load in loads:
        print(f"{load:28}" + "".join(f"{medians[f'{load}: {column}']:>14,.4g}" for column in COLUMNS))


def _starts(folder: Path, figures: Figures) -> None:
    folder.mkdir()
    with serving(folder) as server:
        figures["cold start (founding), s"].append(server.start_seconds)
        figures["memory, idle, MiB"].append(server.rss_mib())
    with serving(folder) as server:
        figures["warm start, s"].append(server.start_seconds)


def _work(folder: Path, days: list[dict[str, str]], rounds: int, seconds: float, figures: Figures) -> None:
    raw = diary.lines(days)
    with serving(folder) as server, httpx.Client(base_url=server.url, timeout=300) as client:
        setup = setup_secret(folder)
        tokens: list[str] = []
        for number in range(max(rounds, USERS)):
            tokens.append(sign_up(client, number, setup if number == 0 else None)["access_token"])
            figures["import, days/s"].append(imported(client, tokens[-1], raw, len(days)))
        loads = _loads([day["date"] for day in days], tuple(tokens[:USERS]))
        for _ in range(rounds):
            for query in diary.QUERIES:
                figures[f"search {query}, ms"].append(search(client, tokens[0], query))
            for name, load in loads.items():
                _loaded(server, name, load, seconds, folder, figures)
        figures["memory, after the load, MiB"].append(server.rss_mib())


def _loads(days: list[str], tokens: tuple[str, ...]) -> dict[str, Load]:
    one = tuple(f"/api/entries/{day}" for day in days)
    months = tuple(f"/api/entries?from={month}-01&to={month}-28" for month in sorted({day[:7] for day in days}))
    kinds = {"one read": ("GET", one), "one write": ("PUT", one), "a month": ("GET", months)}
    return {
        f"{name}, {8 * users} connections": Load(method, paths, tokens[:users], 8 * users)
        for name, (method, paths) in kinds.items()
        for users in (1, USERS)
    }


def _loaded(server: Server, name: str, load: Load, seconds: float, folder: Path, figures: Figures) -> None:
    before = server.cpu_seconds()
    measured = measure(server.url, load, seconds, folder)
    server.settle()  # what was cut off still holds the places of its user
    cpu = server.cpu_seconds() - before
    values = (measured.per_second, measured.p50, measured.p99, cpu / measured.requests * 1e6)
    for column, value in zip(COLUMNS, values, strict=True):
        figures[f"{name}: {column}"].append(value)


def setup_secret(folder: Path) -> str:
    """What makes the first account of the server whose log is there."""
    return (folder / "log.txt").read_text(encoding="utf-8").partition("#setup=")[2].split()[0]


def sign_up(client: httpx.Client, number: int, setup: str | None) -> dict[str, str]:
    """The answer, with its tokens. `setup` is the secret that makes the first account."""
    body = {"address": f"user{number}@example.org", "password": PASSWORD, "kind": "bearer", "token": setup}
    return dict(ok(client.post("/api/auth/signup", json=body)))


def imported(client: httpx.Client, token: str, raw: bytes, days: int) -> float:
    """Days in a second, of a diary for somebody who has none."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    began = time.perf_counter()
    report = ok(client.post("/api/imports", params={"format": "jsonl"}, content=raw, headers=headers))["report"]
    seconds = time.perf_counter() - began
    if report["new"] != days:
        raise SystemExit(f"Only {report['new']} of {days} days were taken in.")
    return days / seconds


def search(client: httpx.Client, token: str, query: str) -> float:
    """Milliseconds, by the client's clock."""
    began = time.perf_counter()
    ok(client.post("/api/search", json={"query": query}, headers={"Authorization": f"Bearer {token}"}))
    return (time.perf_counter() - began) * 1000


def ok(answer: httpx.Response) -> Any:  # Any: JSON
    """What it holds. Raises SystemExit when something went wrong."""
    if answer.is_error:
        raise SystemExit(f"{answer.request.url.path}: {answer.status_code} {answer.text}")
    return answer.json()


if __name__ == "__main__":
    main()
