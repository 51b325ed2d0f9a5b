"""Requests as fast as they are answered, on kept-alive connections: by wrk where it is installed, else by a small client here."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import quantiles

from benchmarks.server import LOAD_CORE, on_core

TEXT = "This morning I rose and went to the office. " * 32  # as in requests.lua
END_OF_HEADERS = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Measured:
    """Latencies in milliseconds, as the client saw them."""

    requests: int
    per_second: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Load:
    """`paths` are asked for in turn; every token is a user with eight connections at most, for more are refused at once."""

    method: str
    paths: tuple[str, ...]
    tokens: tuple[str, ...]
    connections: int


def tool() -> str:
    """What the requests will be made by."""
    return "wrk" if shutil.which("wrk") else "own client"


def measure(url: str, load: Load, seconds: float, folder: Path) -> Measured:
    """Raises SystemExit when anything was refused: such figures mean nothing."""
    return _wrk(url, load, seconds, folder) if shutil.which("wrk") else asyncio.run(_own(url, load, seconds))


def _wrk(url: str, load: Load, seconds: float, folder: Path) -> Measured:
    paths = folder / "paths.txt"
    paths.write_text("\n".join(load.paths), encoding="ascii")
    options = [f"-t{len(load.tokens)}", f"-c{load.connections}"]
    return wrk("requests.lua", url, [load.method, str(paths), *load.tokens], options, seconds)


def wrk(script: str, url: str, arguments: list[str], options: list[str], seconds: float) -> Measured:
    """By wrk, with a script of this folder. Raises SystemExit as `measure` does."""
    always = [f"-d{max(1, round(seconds))}s", "--timeout", "10s", "-s", str(Path(__file__).with_name(script))]
    line = [*on_core(LOAD_CORE), "wrk", *options, *always, url, "--", *arguments]
    output = subprocess.run(line, capture_output=True, text=True, check=True).stdout  # noqa: S603 (by argument list)
    result = next(line for line in output.splitlines() if line.startswith("RESULT "))
    requests, microseconds, p50, p99, bad = (float(value) for value in result.split()[1:])
    if bad or not requests:
        raise SystemExit(f"{bad:.0f} of {requests:.0f} requests failed:\n{output}")
    return Measured(int(requests), requests / microseconds * 1e6, p50 / 1000, p99 / 1000)


# ── the client for machines without wrk ──────────────────────────────────────────────────────────────────────────────


async def _own(url: str, load: Load, seconds: float) -> Measured:
    if len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {LOAD_CORE})
    host, _, port = url.removeprefix("http://").partition(":")
    until = time.perf_counter() + seconds
    numbers = count()
    began = time.perf_counter()
    one = [
        _connection(host, int(port), _requests(load, load.tokens[place % len(load.tokens)], numbers), until)
        for place in range(load.connections)
    ]
    latencies = [latency for latencies in await asyncio.gather(*one) for latency in latencies]
    elapsed = time.perf_counter() - began
    cuts = quantiles(latencies, n=100)
    return Measured(len(latencies), len(latencies) / elapsed, cuts[49] * 1000, cuts[98] * 1000)


async def _connection(host: str, port: int, requests: Iterator[bytes], until: float) -> list[float]:
    reader, writer = await asyncio.open_connection(host, port)
    latencies = []
    while (began := time.perf_counter()) < until:
        writer.write(next(requests))
        head = await reader.readuntil(END_OF_HEADERS)
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        if not head.startswith(b"HTTP/1.1 2"):
            raise SystemExit(f"A request failed: {head.decode('latin-1')}")
        latencies.append(time.perf_counter() - began)
    writer.close()
    return latencies


def _requests(load: Load, token: str, numbers: Iterator[int]) -> Iterator[bytes]:
    for number in numbers:
        lines = [f"{load.method} {load.paths[number % len(load.paths)]} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}"]
        body = ""
        if load.method == "PUT":
            body = f'{{"title":"{number}","body":"{TEXT}"}}'
            lines += ["If-Match: *", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        yield ("\r\n".join(lines) + "\r\n\r\n" + body).encode("ascii")
