"""Databases for tests on the engines that people may choose: fresh for each test, copied from a template, gone afterwards."""

import asyncio
import itertools
import re
import shutil
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote
from zlib import crc32

import pytest

from tests import servers
from tests.servers import NOT_RUN, Running
from timos.kernel.db import mysql, postgresql
from timos.kernel.db.address import Address, Server, parse
from timos.kernel.db.port import Row, Value
from timos.kernel.db.server import Connection
from timos.kernel.errors import DatabaseError

Result = TypeVar("Result")
Sample = TypeVar("Sample")

PAIRS = {
    "sqlite": ("sqlite", "sqlite"),
    "postgresql": ("postgresql", "postgresql"),
    "mariadb": ("mariadb", "mariadb"),
    "mixed": ("postgresql", "mariadb"),
}
_numbers = itertools.count(1)
_threads = ThreadPoolExecutor(1, thread_name_prefix="behind-the-back")


def sql(address: Address, text: str, *params: Value) -> list[Row]:
    """Behind the program's back: from a connection of its own, committed at once. Parameters are `?` on every engine."""
    return sql_in_turn(address, (text, *params))[0]


def sql_in_turn(address: Address, *asked: tuple[Value, ...]) -> list[list[Row]]:
    """Several of them, each a text and its parameters, on one connection: a new one costs more than what it is asked."""
    if isinstance(address, Path):
        with closing(sqlite3.connect(address, isolation_level=None)) as connection:
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            return _in_turn_on_file(connection, asked)

    async def answer(connection: Connection) -> list[list[Row]]:
        return [await connection.fetch(_native(str(text), address), tuple(params)) for text, *params in asked]

    return _behind(address, answer)


def _in_turn_on_file(connection: sqlite3.Connection, asked: tuple[tuple[Value, ...], ...]) -> list[list[Row]]:
    if len(asked) > 1:
        connection.execute("BEGIN")  # one flush to the disk for all
    found = [connection.execute(str(text), params).fetchall() for text, *params in asked]
    if len(asked) > 1:
        connection.execute("COMMIT")
    return found


def _native(text: str, server: Server) -> str:
    number = itertools.count(1)
    return re.sub(r"\?", lambda _: f"${next(number)}", text) if server.dialect == "postgresql" else text


def contents(address: Address, tables: Iterable[str], columns: str = "*") -> dict[str, list[Row]]:
    """These tables whole."""
    names = list(tables)
    rows = sql_in_turn(address, *((f"SELECT {columns} FROM {name}",) for name in names))  # noqa: S608 (names come from the schema)
    return dict(zip(names, rows, strict=True))


def tables_of(address: Address) -> list[str]:
    """Their names."""
    if isinstance(address, Path):
        rows = sql(address, "SELECT name FROM sqlite_master WHERE type = 'table'")
    else:
        here = "current_schema()" if address.dialect == "postgresql" else "database()"
        rows = sql(address, f"SELECT table_name FROM information_schema.tables WHERE table_schema = {here}")  # noqa: S608 (one of two)
    return [str(name) for (name,) in rows]


def _behind(address: Server, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """In another thread, with a loop of its own: a test may be inside one."""

    async def whole() -> Result:
        connect: Callable[[Server], Awaitable[Connection]] = postgresql.connect if address.dialect == "postgresql" else mysql.connect
        connection = await connect(address)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return _threads.submit(asyncio.run, whole()).result()


def address_of(url: str) -> Server:
    found = parse(url, Path("/"))
    assert isinstance(found, Server)
    return found


@dataclass(slots=True)
class Engine:
    """A running server, and the databases that were made on it."""

    running: Running
    made: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.running.engine

    def url(self, database: str) -> str:
        return f"{self.name}://{servers.USER}:{quote(servers.PASSWORD, safe='')}@127.0.0.1:{self.running.port}/{database}"

    def address(self, database: str) -> Server:
        return address_of(self.url(database))

    def wait(self) -> None:
        """It takes connections before it answers them."""
        until = time.monotonic() + servers.START_SECONDS
        while True:
            try:
                self._say("SELECT 1")
            except DatabaseError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
            else:
                return

    def create(self) -> str:
        """The URL of an empty database."""
        return self._make("CREATE DATABASE {0}")

    def copy(self, template: str) -> str:
        """The URL of a copy; nobody may be connected to the template."""
        source = template.rpartition("/")[2]
        if self.name == "postgresql":
            return self._make(f"CREATE DATABASE {{0}} TEMPLATE {source}")
        tables = sql(self.address(source), "SELECT table_name FROM information_schema.tables WHERE table_schema = ?", source)
        names = [str(table) for (table,) in tables]
        lines = [f"{verb} {{0}}.`{name}` {rest} {source}.`{name}`" for name in names for verb, rest in _COPY]
        return self._make("CREATE DATABASE {0} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", *lines)

    def drop(self, url: str) -> None:
        force = " WITH (FORCE)" if self.name == "postgresql" else ""
        self._say(f"DROP DATABASE {url.rpartition('/')[2]}{force}")

    def _make(self, *lines: str) -> str:
        database = f"t{next(_numbers)}"
        self._say(*(line.format(database) for line in lines))
        return self.url(database)

    def _say(self, *lines: str) -> None:
        async def say(connection: Connection) -> None:
            for line in lines:
                await connection.run(line, ())

        _behind(self.address("postgres" if self.name == "postgresql" else "mysql"), say)


@dataclass(slots=True)
class Pooled:
    """PgBouncer before a server of ours. What makes, copies and drops databases goes past it: it keeps sessions open in them."""

    running: Running
    behind: Engine

    @property
    def name(self) -> str:
        return self.behind.name

    def url(self, database: str) -> str:
        return self.behind.url(database).replace(f":{self.behind.running.port}/", f":{self.running.port}/") + "?prepared=off"

    def create(self) -> str:
        return self.url(self.behind.create().rpartition("/")[2])

    def drop(self, url: str) -> None:
        self.behind.drop(url.partition("?")[0])


_COPY = (("CREATE TABLE", "LIKE"), ("INSERT INTO", "SELECT * FROM"))


class Engines:
    """Started when a test asks for one, stopped at the end of the session."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._engines: dict[str, Engine] = {}

    def get(self, name: str) -> Engine:
        """Skips the test, loudly, where the server is not installed."""
        if name not in self._engines:
            if why := servers.missing(name):
                pytest.skip(f"{NOT_RUN}: {why}")
            engine = self._engines[name] = Engine(self._stack.enter_context(servers.running(name)))
            engine.wait()
        return self._engines[name]

    def pooled(self, *settings: str) -> "AbstractContextManager[Pooled]":
        """PostgreSQL behind a PgBouncer of its own, which hands out a session for each transaction; `settings` are lines of its file."""
        behind = self.get("postgresql")
        if why := servers.missing("pgbouncer"):
            pytest.skip(f"{NOT_RUN}: {why}")
        return _pooled(behind, settings)

    def close(self) -> None:
        self._stack.close()


@contextmanager
def _pooled(behind: Engine, settings: tuple[str, ...]) -> Iterator[Pooled]:
    with servers.running("pgbouncer", f"* = host=127.0.0.1 port={behind.running.port}", *settings) as running:
        yield Pooled(running, behind)


@dataclass(frozen=True, slots=True)
class Half:
    """One of the two databases of a pair: on SQLite nothing but a name."""

    name: str
    engine: Engine | None

    @contextmanager
    def fresh(self, template: str | None = None) -> Iterator[str | None]:
        """The URL of a database for one test; None for a file, which is made where the test has its folder."""
        if self.engine is None:
            yield None
            return
        url = self.engine.copy(template) if template else self.engine.create()
        try:
            yield url
        finally:
            self.engine.drop(url)

    def copy(self, template: str | None) -> str | None:
        """As `make`, with what is in another one."""
        return self.engine.copy(template) if self.engine and template else None

    def make(self) -> str | None:
        """An empty database that stays until the server goes: for a template."""
        return self.engine.create() if self.engine else None


@dataclass(frozen=True, slots=True)
class Pair:
    """On which engines the two databases are."""

    name: str
    platform: Half
    vault: Half

    @property
    def has_files(self) -> bool:
        return self.platform.engine is None and self.vault.engine is None


def dealt(rule: str, samples: Sequence[Sample]) -> list[tuple[Sample, str]]:
    """On which pairs a rule runs for which sample: on files for all of them, and on the pairs with servers in turn for every second one,
    so that the rule meets every pair.
    """
    names = [name for name in PAIRS if name != "sqlite"]
    first = crc32(rule.encode())  # another for each rule, and the same in each run
    turns = range(max((len(samples) + 1) // 2, len(names)))
    served = [(samples[(first + 2 * turn) % len(samples)], names[(first // 2 + turn) % len(names)]) for turn in turns]
    return [(sample, "sqlite") for sample in samples] + served


def pair_of(name: str, engines: Engines) -> Pair:
    halves = [Half(engine, None if engine == "sqlite" else engines.get(engine)) for engine in PAIRS[name]]
    return Pair(name, *halves)


def copy_folder(template: Path, folder: Path) -> None:
    """Files of a founded instance: key, ledger and, where they are files, databases."""
    for part in ("data", "key"):
        if not (folder / part).exists():
            shutil.copytree(template / part, folder / part)
