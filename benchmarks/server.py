"""A `timos serve` of our own in a temporary folder, on one core, with what the kernel says of it."""

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
    """`start_seconds` is from the fork to the first good answer of /readyz."""

    url: str
    pid: int
    start_seconds: float

    def cpu_seconds(self) -> float:
        """User and system time of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS  # utime, stime: proc(5)

    def rss_mib(self) -> float:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def on_core(core: int) -> list[str]:
    """What to put before a command line; nothing where there is one core only, or no taskset."""
    return ["taskset", "-c", str(core)] if shutil.which("taskset") and len(os.sched_getaffinity(0)) > 1 else []


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Settings as they come, but for cheap password hashes and limits that are out of the way."""
    port = _free_port()
    url = f"http://localhost:{port}"
    began = time.perf_counter()
    with (folder / "log.txt").open("ab") as log:
        line = [*on_core(SERVER_CORE), sys.executable, "-m", "timos", "serve"]
        process = subprocess.Popen(line, env=_environment(folder, port), stdout=log, stderr=log)  # noqa: S603 (our own program)
    try:
        _wait(url, process)
        yield Server(url, process.pid, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait()


def _environment(folder: Path, port: int) -> dict[str, str]:
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
    }


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_SECONDS
    with httpx.Client(base_url=url, timeout=1) as client:
        while process.poll() is None and time.monotonic() < until:
            try:
                if client.get("/readyz").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.005)
    raise SystemExit("The server did not start.")


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
