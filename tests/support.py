"""A whole TimOS for tests: real files, real migrations, the real frame; a template is founded once and copied for each test."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp

from tests import databases
from tests.databases import Pair
from timos import app, config
from timos.cli.local import places_of
from timos.config import Settings
from timos.crypto.passwords import Cost
from timos.kernel.clock import SystemClock
from timos.kernel.db.port import Row, Value
from timos.lifecycle.founding.places import Places
from timos.lifecycle.instance import Instance, Numbers, open_instance
from timos.platform.auth.limits import AuthLimits, Window
from timos.web.middleware.log import new_log

HOST = "http://localhost:8000"
PASSWORD = "correct horse battery staple"
CHEAP = Cost(memory_kib=64, time=1, lanes=1)
NOW_MS = 1_795_348_800_000  # 2026-11-22 12:00 UTC
MANY = 1_000_000
START_SECONDS = 120  # of a machine with ten other things to do; who is ready, or has ended, is not waited for

Json = Any  # decoded JSON
Story = Callable[["World"], Awaitable[None]]


@dataclass(slots=True)
class Clock:
    """Time that goes on only when a test says so; durations are the machine's."""

    at_ms: int = NOW_MS
    steady: float = 0.0

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic(self) -> float:
        return self.steady

    def go_on(self, seconds: float) -> None:
        self.at_ms += int(seconds * 1000)
        self.steady += seconds


def settings_in(folder: Path, **more: object) -> Settings:
    """Settings whose files all lie below `folder`; limits are far away unless a test sets them."""
    values: dict[str, object] = {
        "data_dir": folder / "data",
        "master_key": f"file:{folder / 'key' / 'master.json'}",
        "registration": "open",
        "requests_per_minute": MANY,
        "transfers_per_hour": MANY,
        "sign_ups_per_hour": MANY,
        **more,
    }
    return config.read(values)


def numbers() -> Numbers:
    return Numbers(password_cost=CHEAP, limits=AuthLimits(sign_up=Window(MANY, 3600)), issuer=HOST)


@dataclass(slots=True)
class Person:
    """Somebody signed in; calls the API in their name."""

    client: httpx.AsyncClient
    address: str
    tokens: Json

    @property
    def user_id(self) -> str:
        return str(self.tokens["user"]["id"])

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.tokens['access_token']}"}

    async def call(
        self, method: str, path: str, body: Json = None, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        content = {"json": body} if body is not None else {}
        return await self.client.request(method, path, headers={**self.headers, **(headers or {})}, **content, **more)

    async def step_up(self, action: str) -> dict[str, str]:
        answer = await self.call("POST", "/api/auth/step-up", {"password": PASSWORD, "action": action})
        assert answer.status_code == httpx.codes.OK, answer.text
        return {"x-step-up": answer.json()["token"]}


@dataclass(slots=True)
class World:
    """An open instance with the frame in front of it."""

    folder: Path
    instance: Instance
    application: ASGIApp
    client: httpx.AsyncClient
    clock: Clock
    people: list[Person] = field(default_factory=list)

    @property
    def places(self) -> Places:
        return self.instance.places

    def sql(self, half: str, text: str, *params: Value) -> list[Row]:
        """In the platform or the vault, behind the program's back."""
        return databases.sql(self.places.platform_at if half == "platform" else self.places.vault_at, text, *params)

    @property
    def has_files(self) -> bool:
        """Both databases are files, which can be looked into."""
        return len(self.places.files) == 2

    async def sign_up(self, name: str = "sam", kind: str = "bearer") -> Person:
        """The first one comes with the template and is the admin; others sign up openly."""
        address = f"{name}@example.org"
        body = {"address": address, "password": PASSWORD, "name": name.title(), "kind": kind}
        answer = await self.client.post("/api/auth/signup", json=body)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        person = Person(self.client, address, answer.json())
        self.people.append(person)
        return person


def files_of(instance: Instance) -> list[Path]:
    """Every file of the instance, with write-ahead logs."""
    return sorted(path for folder in (instance.places.data_dir, instance.places.key.parent) for path in folder.rglob("*") if path.is_file())


async def _found(folder: Path, **more: object) -> None:
    """An instance with its admin, so that tests may sign up openly."""
    from timos.lifecycle import signup  # noqa: PLC0415 (only for the template)
    from timos.platform.accounts.account import Role  # noqa: PLC0415

    instance = await open_instance(places_of(settings_in(folder, **more)), numbers(), clock=SystemClock(), is_server=True)
    await signup.create(instance, address="admin@example.org", password=PASSWORD, name="Admin", role=Role.ADMIN)
    await instance.close()


def make_template(folder: Path) -> Path:
    asyncio.run(_found(folder))
    return folder


@dataclass(frozen=True, slots=True)
class Template:
    """A founded instance with its admin on one pair of engines, to be copied."""

    pair: Pair
    folder: Path
    urls: Mapping[str, str | None]

    @classmethod
    def found(cls, pair: Pair, folder: Path) -> "Template":
        urls = {"platform_url": pair.platform.make(), "vault_url": pair.vault.make()}
        asyncio.run(_found(folder, **_given(urls)))
        return cls(pair, folder, urls)

    @property
    def settings(self) -> dict[str, object]:
        """Of the template itself."""
        return _given(self.urls)

    def kept(self, folder: Path) -> "Template":
        """A copy that stays until the servers go, to be changed and be a template itself."""
        databases.copy_folder(self.folder, folder)
        halves = ((self.pair.platform, "platform_url"), (self.pair.vault, "vault_url"))
        return Template(self.pair, folder, {name: half.copy(self.urls[name]) for half, name in halves})

    @contextmanager
    def copied(self, folder: Path) -> Iterator[dict[str, object]]:
        """Settings of a copy whose files are below `folder`; its databases are gone afterwards."""
        databases.copy_folder(self.folder, folder)
        halves = ((self.pair.platform, "platform_url"), (self.pair.vault, "vault_url"))
        with ExitStack() as stack:
            yield _given({name: stack.enter_context(half.fresh(self.urls[name])) for half, name in halves})


def _given(urls: Mapping[str, str | None]) -> dict[str, object]:
    return {name: url for name, url in urls.items() if url is not None}


@asynccontextmanager
async def world_in(folder: Path, *, template: Path | None, clock: Clock | None = None, **more: object) -> AsyncIterator[World]:
    """`template` None: the instance is founded here, without any account."""
    if template is not None and not (folder / "data").exists():
        shutil.copytree(template / "data", folder / "data")
        shutil.copytree(template / "key", folder / "key")
    settings = settings_in(folder, **more)
    clock = clock or Clock()
    instance = await open_instance(places_of(settings), numbers(), clock=clock, is_server=True)
    log = (folder / "log.jsonl").open("a", encoding="utf-8")
    application = app.web(settings, instance, new_log(clock, level="debug", stream=log))
    transport = httpx.ASGITransport(application, client=("127.0.0.1", 50000))
    try:
        async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
            yield World(folder, instance, application, client, clock)
    finally:
        await instance.close()
        log.close()


# ── a server process ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Server:
    """A real `timos serve` with everything of it below `folder`."""

    folder: Path
    url: str
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]"

    @property
    def log(self) -> str:
        return (self.folder / "log.txt").read_text(encoding="utf-8")

    def command(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Another `timos` of the same installation."""
        return run_command(self.environment, *arguments, stdin=stdin)


def run_command(environment: Mapping[str, str], *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "timos", *arguments]
    return subprocess.run(line, env=dict(environment), input=stdin, capture_output=True, text=True, check=False, timeout=120)


def environment_in(folder: Path, **more: str) -> dict[str, str]:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIMOS_")}
    return {
        **kept,
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "TMPDIR": str(folder),
        "NO_COLOR": "1",
        "TIMOS_DATA_DIR": str(folder / "data"),
        "TIMOS_MASTER_KEY": f"file:{folder / 'key' / 'master.json'}",
        "TIMOS_PORT": port,
        "TIMOS_SERVER": f"http://localhost:{port}",
        "TIMOS_REGISTRATION": "open",
        "TIMOS_ARGON2_MEMORY_KIB": "64",
        "TIMOS_REQUESTS_PER_MINUTE": str(MANY),
        "TIMOS_TRANSFERS_PER_HOUR": str(MANY),
        "TIMOS_SIGN_UPS_PER_HOUR": str(MANY),
        **more,
    }


@contextmanager
def server_in(folder: Path, *, template: Path | None = None, **more: str) -> Iterator[Server]:
    if template is not None and not (folder / "data").exists():
        shutil.copytree(template / "data", folder / "data")
        shutil.copytree(template / "key", folder / "key")
    environment = environment_in(folder, **more)
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "timos", "serve"], env=environment, stdout=log, stderr=log)
    server = Server(folder, environment["TIMOS_SERVER"], environment, process)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(timeout=START_SECONDS)


def _wait_until_ready(server: Server) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.process.poll() is None:
        try:
            if httpx.get(f"{server.url}/readyz", timeout=1).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise AssertionError(f"The server did not start:\n{server.log}")
