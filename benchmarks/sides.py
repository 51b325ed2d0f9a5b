"""The three that are compared, each with its own databases, users and prepared requests."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks import filling, people, replaced
from benchmarks.alone import ok
from benchmarks.server import LOAD_CORE, Server, free_port, running, serving
from tests import servers
from tests.databases import Engine

FRESH_SECONDS = 300  # access tokens live twice as long
RENEWED_AT_ONCE = 8
MEMORY = {"postgresql": ("-c", "shared_buffers=128MB"), "mariadb": ("--innodb-buffer-pool-size=128M",)}


@dataclass(slots=True)
class Side:
    """`requests` are files for prepared.lua, by work; `renew` makes them again where they grow old."""

    name: str
    server: Server
    requests: dict[str, Path]
    renew: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder for everything, and a server with databases, or None for files."""

    folder: Path
    engine: Engine | None

    def databases(self, name: str) -> tuple[str, str]:
        """URLs of two empty ones."""
        if self.engine is None:
            return f"sqlite:{name}-platform.db", f"sqlite:{name}-vault.db"
        return self.engine.create(), self.engine.create()


@contextmanager
def engine(name: str, core: int = LOAD_CORE) -> Iterator[Engine | None]:
    """A server of its own with as much memory as it takes by default, which the tests' have not; or None for files."""
    if name == "sqlite":
        yield None
        return
    with servers.running(name, *MEMORY[name]) as running:
        _pin(running.pid, core)
        found = Engine(running)
        found.wait()
        yield found


def _pin(pid: int, core: int) -> None:
    if len(os.sched_getaffinity(0)) > 1:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


@contextmanager
def timos(place: Place) -> Iterator[Side]:
    """As shipped; only password hashes are cheap and the limits' numbers high."""
    folder = place.folder / "timos"
    folder.mkdir()
    platform, vault = place.databases("timos")
    with serving(folder, TIMOS_PLATFORM_URL=platform, TIMOS_VAULT_URL=vault) as server:
        crowd = Crowd(server, folder)
        side = Side("TimOS", server, {work: folder / f"{work}.txt" for work in people.WORKS}, crowd.renew)
        yield side


class Crowd:
    """Users with their days (`filling`), who keep their access tokens fresh.

    Their requests are written into the folder, `few-….txt` for the first `few` of them only.
    """

    def __init__(
        self,
        server: Server,
        folder: Path,
        users: int = people.USERS,
        *,
        days: int = people.DAYS,
        requests: int = people.REQUESTS,
        few: int = 0,
    ) -> None:
        self._folder = folder
        self._days, self._requests, self._few = days, requests, few
        self._client = httpx.Client(base_url=server.url, timeout=300)
        self._refresh_tokens = filling.filled(server, users, days)
        self._renew()

    def renew(self) -> None:
        if time.monotonic() - self._since >= FRESH_SECONDS:
            self._renew()

    def _renew(self) -> None:
        self._since = time.monotonic()
        with ThreadPoolExecutor(RENEWED_AT_ONCE) as threads:
            signed_in = list(threads.map(self._refreshed, range(len(self._refresh_tokens))))
        self._refresh_tokens = [renewed["refresh_token"] for renewed in signed_in]
        tokens = [renewed["access_token"] for renewed in signed_in]
        for prefix, those in {"": tokens, "few-": tokens[: self._few]}.items():
            for work in people.WORKS if those else ():
                lines = people.timos(work, those, days_each=self._days, requests=self._requests)
                people.write_lines(self._folder / f"{prefix}{work}.txt", lines)

    def _refreshed(self, number: int) -> dict[str, str]:
        renewal = {"refresh_token": self._refresh_tokens[number]}
        return dict(ok(self._client.post("/api/auth/refresh", json=renewal, headers={"X-Forwarded-For": filling.address_of(number)})))


@contextmanager
def before(place: Place) -> Iterator[Side]:
    """The system that TimOS replaces."""
    folder = place.folder / "replaced"
    folder.mkdir()
    program = replaced.built()
    if place.engine is None:
        platform, vault = f"file:{folder}/platform.db", f"file:{folder}/vault.db"
    else:
        platform, vault = (url.replace("mariadb://", "mysql://") for url in place.databases("replaced"))
    replaced.fill(program, folder, platform, vault)
    tokens = (folder / "tokens.txt").read_text(encoding="ascii").split()
    bodies = (folder / "bodies.txt").read_text(encoding="utf-8").splitlines()
    requests = {work: people.write_lines(folder / f"{work}.txt", people.replaced(work, tokens, bodies)) for work in people.WORKS}
    with replaced.serving(program, folder, platform, vault) as server:
        yield Side("replaced", server, requests)


@contextmanager
def floor(place: Place) -> Iterator[Side]:
    """See floor.py."""
    folder = place.folder / "floor"
    folder.mkdir()
    urls = place.databases("floor")
    port = free_port()
    line = [sys.executable, "-m", "benchmarks.floor", str(port), *urls, str(folder)]
    subprocess.run([*line[:3], "--fill", *line[3:]], check=True)  # noqa: S603 (our own program)
    requests = {work: people.write_lines(folder / f"{work}.txt", people.floor(work)) for work in people.WORKS}
    with running(line, {}, port, "/one", folder / "log.txt") as server:
        yield Side("floor", server, requests)
