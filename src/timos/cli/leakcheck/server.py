"""A real server of the check's own, and what talks to it."""

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
from typing import Any

import httpx

START_SECONDS = 30
TERMINAL = "log.txt"  # output of the server and of commands


@dataclass(frozen=True, slots=True)
class Server:
    """While it runs."""

    url: str
    process: "subprocess.Popen[bytes]"


@contextmanager
def started(root: Path) -> Iterator[Server]:
    """A real server process with everything of it below `root`: data, key, log and temporary files."""
    environment = _environment(root)
    with (root / TERMINAL).open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "timos", "serve"], env=environment, stdout=log, stderr=log, cwd=root)
        url = f"http://localhost:{environment['TIMOS_PORT']}"
        try:
            _wait_until_ready(url, process)
            yield Server(url, process)
        finally:
            process.terminate()
            process.wait(timeout=START_SECONDS)


def _environment(root: Path) -> dict[str, str]:
    (root / "tmp").mkdir(exist_ok=True)
    keep = {name: value for name, value in os.environ.items() if not name.startswith("TIMOS_")}
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return keep | {
        "TIMOS_DATA_DIR": str(root / "data"),
        "TIMOS_MASTER_KEY": f"file:{root / 'key' / 'master.json'}",
        "TIMOS_PORT": str(port),
        "TIMOS_REGISTRATION": "open",
        "TIMOS_ARGON2_MEMORY_KIB": "64",
        "TIMOS_LOG_LEVEL": "debug",
        "TIMOS_SIGN_UPS_PER_HOUR": "1000",
        "TMPDIR": str(root / "tmp"),
        "HOME": str(root),
    }


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_SECONDS
    with client_of(url) as client:
        while time.monotonic() < until and process.poll() is None:
            try:
                if client.get("/readyz").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
    message = "The server for the leak check did not start."
    raise RuntimeError(message)


def command(root: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Of `timos`, on the same instance; what it says goes to the log."""
    environment = _environment(root)
    done = subprocess.run(
        [sys.executable, "-m", "timos", *arguments], env=environment, capture_output=True, cwd=root, check=False, timeout=120
    )
    with (root / TERMINAL).open("ab") as log:
        log.write(done.stdout + done.stderr)
    return done


def copy_while_running(root: Path) -> None:
    """The files as a thief of a running machine would find them, write-ahead logs included."""
    (root / "stolen").mkdir()
    for path in (root / "data").iterdir():
        shutil.copyfile(path, root / "stolen" / path.name)


def setup_token(root: Path) -> str:
    """As the server printed it when it started."""
    log = (root / TERMINAL).read_text(encoding="utf-8")
    return log.partition("#setup=")[2].split()[0]


def ok(answer: httpx.Response) -> Any:  # Any: JSON
    """What was answered, of a request that nothing may refuse."""
    if answer.is_error:
        message = f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}"
        raise RuntimeError(message)
    return answer.json() if answer.content else None


def client_of(url: str, agent: str = "leakcheck") -> httpx.Client:
    """With which the check talks to its server; `agent` is the device of its sessions."""
    return httpx.Client(base_url=url, timeout=30, headers={"User-Agent": agent})
