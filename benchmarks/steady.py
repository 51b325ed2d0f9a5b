"""Requests at a given rate: what wrk, which asks as fast as it is answered, cannot do.

1. Open loop. A request is due at its instant, whether or not the server has answered the ones before, and its latency counts from there: a
   server that stalls pays for all that were due meanwhile.
2. The instants come from the rate alone (as strangers come: exponential gaps), so that all who are compared get the same ones.
3. What is due while every connection is busy waits for one, and the wait counts.

python -m benchmarks.steady URL FILE RATE SECONDS
"""

import gc
import random  # noqa: TID251 (the same instants in every run)
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from selectors import EVENT_READ, SelectSelector
from statistics import quantiles
from urllib.parse import urlsplit

from benchmarks.load import END_OF_HEADERS, Measured
from benchmarks.people import CONNECTIONS, COUNTED
from benchmarks.server import LOAD_CORE, on_core

PATIENCE_SECONDS = 10  # for the last answers
PIECE_BYTES = 256 * 1024


def steady(url: str, requests: Path, rate: float, seconds: float) -> Measured:
    """By a process of its own, on the core of the load. Raises SystemExit when anything failed."""
    line = [*on_core(LOAD_CORE), sys.executable, "-m", "benchmarks.steady", url, str(requests), str(rate), str(seconds)]
    done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 (our own program)
    if done.returncode:
        raise SystemExit(f"The load at {rate:.0f} requests a second was not answered.")
    count, p50, p99 = done.stdout.split()
    return Measured(int(count), rate, float(p50), float(p99))


class Connection:
    """Kept alive, with one request under way at most."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)  # noqa: FBT003 (the standard library's)
        self.due = 0.0
        self._head = b""
        self._missing = 0

    def ask(self, request: bytes, due: float) -> None:
        self.due = due
        self.socket.sendall(request)

    def is_answered(self) -> bool:
        """Takes what has come. Raises SystemExit when it is no good answer."""
        piece = self.socket.recv(PIECE_BYTES)
        if not piece:
            raise SystemExit("The server closed a connection.")
        if self._missing:
            self._missing -= len(piece)
            return not self._missing
        self._head += piece
        head, end, body = self._head.partition(END_OF_HEADERS)
        if not end:
            return False
        self._head = b""
        if not head.startswith(b"HTTP/1.1 2"):
            raise SystemExit(f"A request failed: {head.decode('latin-1')}")
        self._missing = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]) - len(body)
        return not self._missing


def load(connections: list[Connection], requests: Iterator[bytes], instants: list[float]) -> list[float]:
    """Latencies in seconds. `instants` are counted from now."""
    began = time.perf_counter()
    due = deque(began + instant for instant in instants)
    idle = deque(connections)
    latencies: list[float] = []
    with SelectSelector() as selector:  # its timeout is exact to microseconds, epoll's to a millisecond
        for connection in connections:
            selector.register(connection.socket, EVENT_READ, connection)
        while len(latencies) < len(instants):
            now = time.perf_counter()
            while due and idle and due[0] <= now:
                idle.popleft().ask(next(requests), due.popleft())
            if now > began + instants[-1] + PATIENCE_SECONDS:
                raise SystemExit(f"{len(instants) - len(latencies)} of {len(instants)} requests were not answered.")
            for key, _ in selector.select(max(0.0, due[0] - now) if due and idle else PATIENCE_SECONDS):
                if key.data.is_answered():
                    latencies.append(time.perf_counter() - key.data.due)
                    idle.append(key.data)
    return latencies


def instants(rate: float, seconds: float) -> list[float]:
    """From 0 on, in seconds."""
    chance = random.Random(42)  # noqa: S311 (likewise)
    at, found = 0.0, []
    while (at := at + chance.expovariate(rate)) < seconds:
        found.append(at)
    return found


def prepared(path: Path, host: str) -> Iterator[bytes]:
    """What prepared.lua makes of the same file, for ever."""
    makers = [_maker(line, host) for line in path.read_text(encoding="utf-8").splitlines()]
    number = 0
    while True:
        number += 1
        yield makers[number % len(makers)](number)


def _maker(line: str, host: str) -> Callable[[int], bytes]:
    method, path, token, body = line.split("\t")
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {token}"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    if method == "PUT":
        lines += ["If-Match: *"]
    first, counted, rest = ("\r\n".join(lines) + "\r\n\r\n" + body).encode("ascii").partition(COUNTED.encode())
    return (lambda number: b"%b%08d%b" % (first, number, rest)) if counted else (lambda _: first)


def main(url: str, requests: str, rate: str, seconds: str) -> None:
    """Prints how many there were, and p50 and p99 in milliseconds."""
    place = urlsplit(url)
    asked = prepared(Path(requests), place.netloc)
    connections = [Connection(str(place.hostname), place.port or 80) for _ in range(CONNECTIONS)]
    gc.disable()  # a pause here would be the server's
    load(connections, asked, [0.0] * CONNECTIONS)  # what a connection's first answer costs is not asked for here
    latencies = load(connections, asked, instants(float(rate), float(seconds)))
    cuts = quantiles(latencies, n=100)
    print(len(latencies), cuts[49] * 1000, cuts[98] * 1000)


if __name__ == "__main__":
    main(*sys.argv[1:])
