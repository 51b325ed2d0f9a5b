"""Servers of our own in a temporary folder, on one core, with what the kernel says of them."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

SERVER_CORE, LOAD_CORE = 0, 1
START_SECONDS = 60
FAR = "100000000"  # limits that nobody reaches
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """`start_seconds` is from the fork to the first good answer of /readyz; `environment` are its settings."""

    url: str
    pid: int
    start_seconds: float
    environment: dict[str, str]

    def cpu_seconds(self) -> float:
        """User and system time of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS  # utime, stime: proc(5)

    def settle(self) -> None:
        """Returns when it has nothing to do any more: what a load that ended has left behind must not count for the next one."""
        before = -1.0
        while (now := self.cpu_seconds()) != before:
            before = now
            time.sleep(0.1)

    def rss_mib(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def on_core(core: int) -> list[str]:
    """What to put before a command line; nothing where there is one core only, or no taskset."""
    return ["taskset", "-c", str(core)] if shutil.which("taskset") and len(os.sched_getaffinity(0)) > 1 else []


@contextmanager
def serving(folder: Path, core: int = SERVER_CORE, **settings: str) -> Iterator[Server]:
    """Settings as they come, but for cheap password hashes and limits that are out of the way; and for those that are given."""
    port = free_port()
    line = [sys.executable, "-m", "timos", "serve"]
    with running(line, _environment(folder, port, settings), port, "/readyz", folder / "log.txt", core) as server:
        yield server


@contextmanager
def running(line: list[str], environment: dict[str, str], port: int, path: str, log: Path, core: int = SERVER_CORE) -> Iterator[Server]:
    """Any server, on one core; it is there when `path` is answered well."""
    url = f"http://localhost:{port}"
    began = time.perf_counter()
    with log.open("ab") as output:
        process = subprocess.Popen([*on_core(core), *line], env=environment, stdout=output, stderr=output)  # noqa: S603 (by list)
    try:
        if not _answers(url + path, process):
            raise SystemExit("The server did not start:\n" + log.read_text(encoding="utf-8")[-2000:])
        yield Server(url, process.pid, time.perf_counter() - began, environment)
    finally:
        process.terminate()
        process.wait()


def _environment(folder: Path, port: int, settings: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIMOS_")}
    return {
        **kept,
        "TIMOS_DATA_DIR": str(folder / "data"),
        "TIMOS_MASTER_KEY": f"file:{folder / 'key' / 'master.json'}",
        "TIMOS_PORT": str(port),
        "TIMOS_REGISTRATION": "open",
        "TIMOS_ARGON2_MEMORY_KIB": "64",
        "TIMOS_REQUESTS_PER_MINUTE": FAR,
        "TIMOS_TRANSFERS_PER_HOUR": FAR,
        "TIMOS_SIGN_UPS_PER_HOUR": FAR,
        **settings,
    }


def _answers(address: str, process: "subprocess.Popen[bytes]") -> bool:
    until = time.monotonic() + START_SECONDS
    with httpx.Client(timeout=1) as client:
        while process.poll() is None and time.monotonic() < until:
            try:
                if client.get(address).is_success:
                    return True
            except httpx.TransportError:
                time.sleep(0.005)
    return False


def free_port() -> int:
    """Free until now; the server that is started next takes it."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
