"""The system that TimOS replaces, rebuilt for measuring side by side: `../shared/bench/seed-stack`, seen from the repository.

It is copied out and built once, where caches are; npm's packages are fetched then. Where it is not found, or Node is not there, it is left
out, and the table says so.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.people import DAYS, USERS
from benchmarks.server import Server, free_port, running

SOURCE = Path(__file__).resolve().parents[2] / "shared" / "bench" / "seed-stack"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "timos-bench"


def missing() -> str | None:
    """Why it cannot be measured here, or None."""
    if not SOURCE.is_dir():
        return "the system that TimOS replaces is not beside the repository (../shared/bench/seed-stack)"
    absent = [name for name in ("node", "npm") if not shutil.which(name)]
    return f"{' and '.join(absent)} not installed" if absent else None


def built() -> Path:
    """The folder of the built program; building takes minutes, once for each state of its sources."""
    files = sorted(path for path in SOURCE.rglob("*") if path.is_file())
    state = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
    folder = CACHE / f"seed-stack-{state}"
    if not (folder / "dist" / "app.js").exists():
        print("building the system that TimOS replaces (once; minutes) …", flush=True)
        shutil.copytree(SOURCE, folder, dirs_exist_ok=True)
        subprocess.run(["./build.sh"], cwd=folder, check=True)
    return folder


def fill(program: Path, folder: Path, platform: str, vault: str) -> None:
    """Users with their days, `tokens.txt` and `bodies.txt` in the folder."""
    amounts = {"USERS": str(USERS), "DAYS": str(DAYS), "OUT": str(folder)}
    environment = {**os.environ, "PLATFORM_URL": platform, "VAULT_URL": vault, **amounts}
    subprocess.run(["node", str(program / "dist" / "seed.js")], env=environment, check=True, capture_output=True)  # noqa: S603, S607


@contextmanager
def serving(program: Path, folder: Path, platform: str, vault: str) -> Iterator[Server]:
    """As it would run: production, one process."""
    port = free_port()
    environment = {**os.environ, "PLATFORM_URL": platform, "VAULT_URL": vault, "NODE_ENV": "production", "PORT": str(port)}
    line = ["node", str(program / "dist" / "app.js")]
    with running(line, environment, port, "/api/health", folder / "replaced.log") as server:
        yield server
