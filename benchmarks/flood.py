"""What readers notice of a flood of logins: wrong passwords from one address, each worth a hash of 64 MiB while the limits still allow it.

python -m benchmarks.flood [--rounds 3] [--seconds 5]
"""

import threading
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory  # noqa: TID251 (an instance of nobody)

import httpx

from benchmarks import people
from benchmarks.load import wrk
from benchmarks.server import Server, serving
from benchmarks.sides import Crowd

USERS = 20
READERS = 8  # connections
FLOODERS = 8
AIM_MS = 25


def main() -> None:
    """Reads with and without the flood take turns."""
    parser = ArgumentParser(prog="python -m benchmarks.flood", description="Measure reads while passwords are guessed.")
    parser.add_argument("--rounds", type=int, default=3, help="medians are taken over so many (3)")
    parser.add_argument("--seconds", type=int, default=5, help="of each round (5)")
    options = parser.parse_args()
    quiet: list[float] = []
    flooded: list[float] = []
    answers: Counter[int] = Counter()
    with TemporaryDirectory(prefix="timos-flood-") as name:
        folder = Path(name)
        with serving(folder, TIMOS_ARGON2_MEMORY_KIB="65536") as server:
            crowd = Crowd(server, folder, USERS, days=people.RECENT)
            for _ in range(options.rounds):
                crowd.renew()
                quiet.append(_p99(server, folder, options.seconds))
                with Flood(server, answers):
                    flooded.append(_p99(server, folder, options.seconds))
    told = ", ".join(f"{count} × {status}" for status, count in sorted(answers.items()))
    print(f"p99 of reads, {READERS} connections: {median(quiet):.1f} ms alone, {median(flooded):.1f} ms in the flood (aim {AIM_MS} ms)")
    print(f"the flood was answered {told}")


def _p99(server: Server, folder: Path, seconds: int) -> float:
    return wrk("prepared.lua", server.url, [str(folder / "read.txt")], ["-t1", f"-c{READERS}"], seconds).p99


class Flood:
    """Threads that guess as fast as they are answered."""

    def __init__(self, server: Server, answers: Counter[int]) -> None:
        self._url = server.url
        self._answers = answers
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._guess, args=(number,)) for number in range(FLOODERS)]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _guess(self, number: int) -> None:
        with httpx.Client(base_url=self._url, timeout=60) as client:
            while not self._is_over.is_set():
                body = {"address": f"user{number}@example.org", "password": "not that", "kind": "bearer"}
                self._answers[client.post("/api/auth/login", json=body).status_code] += 1


if __name__ == "__main__":
    main()
