"""The floor: the statements that TimOS makes for a request, on the bare driver behind a bare ASGI application, and nothing else.

No headers, no limits, no check of what comes back, no sealing, no JSON: rows of random bytes as long as sealed ones. What TimOS costs more
than this is what it does, and what it wastes.

python -m benchmarks.floor [--fill] PORT PLATFORM_URL VAULT_URL FOLDER
"""

import asyncio
import os
import sqlite3
import sys
from hashlib import shake_128
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import asyncmy
import asyncpg
import uvicorn
import uvloop
from sqlalchemy import Integer, LargeBinary, Table
from sqlalchemy.dialects import registry
from sqlalchemy.schema import CreateIndex, CreateTable
from starlette.types import Receive, Scope, Send

from benchmarks.people import DAYS, MONTH_DAYS, USERS
from timos.kernel.db.address import Server, parse
from timos.kernel.db.statements import Statement
from timos.kernel.ids import ID_BYTES
from timos.platform.auth.sessions.session_rows import SESSION_CHECK
from timos.platform.tables import auth_sessions, users
from timos.vault.tables import IN_SIZES, ROWS, TABLES, gates

SEALED_BYTES = 2125  # of a document of 1 KiB: 2 KiB of padded text, format, version, salt, commitment, tag
CONNECTIONS = 10  # as TimOS has by default
ENTRIES = TABLES["daily_entries"]
STATEMENTS = ROWS["daily_entries"]
Arguments = tuple[Any, ...]  # Any: what drivers take


class Driver(Protocol):
    """One database through its driver."""

    dialect: str

    async def fetch(self, statement: Statement, values: dict[str, Any]) -> list[Any]: ...
    async def write(self, statement: Statement, values: dict[str, Any]) -> None: ...
    async def fill(self, lines: list[str], rows: dict[str, list[Arguments]]) -> None: ...


class Sqlite:
    """In the loop, a COMMIT for each write."""

    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")

    async def fetch(self, statement: Statement, values: dict[str, Any]) -> list[Any]:
        compiled = statement.on("sqlite")
        return self._connection.execute(compiled.sql, compiled.arrange(values)).fetchall()

    async def write(self, statement: Statement, values: dict[str, Any]) -> None:
        compiled = statement.on("sqlite")
        self._connection.execute(compiled.sql, compiled.arrange(values))

    async def fill(self, lines: list[str], rows: dict[str, list[Arguments]]) -> None:
        self._connection.execute("BEGIN")
        for line in lines:
            self._connection.execute(line)
        for line, values in rows.items():
            self._connection.executemany(line, values)
        self._connection.execute("COMMIT")


class Postgresql:
    """A statement outside a transaction is one of its own."""

    dialect = "postgresql"

    def __init__(self, server: Server) -> None:
        self._server = server
        self._idle: asyncio.LifoQueue[asyncpg.Connection[asyncpg.Record]] = asyncio.LifoQueue()

    async def open(self, connections: int = CONNECTIONS) -> None:
        at = self._server
        for _ in range(connections):
            connection = await asyncpg.connect(host=at.host, port=at.port, user=at.user, password=at.password, database=at.database)
            self._idle.put_nowait(connection)

    async def fetch(self, statement: Statement, values: dict[str, Any]) -> list[Any]:
        compiled = statement.on("postgresql")
        connection = await self._idle.get()
        rows = await connection.fetch(compiled.sql, *compiled.arrange(values))
        self._idle.put_nowait(connection)
        return rows

    async def write(self, statement: Statement, values: dict[str, Any]) -> None:
        await self.fetch(statement, values)

    async def fill(self, lines: list[str], rows: dict[str, list[Arguments]]) -> None:
        connection = self._idle.get_nowait()
        for line in lines:
            await connection.execute(line)
        for line, values in rows.items():
            await connection.executemany(line, values)
        await connection.execute("ANALYZE")


class Mysql:
    """Statements that the server prepared, for each connection."""

    dialect = "mysql"

    def __init__(self, server: Server) -> None:
        self._server = server
        self._idle: asyncio.LifoQueue[tuple[Any, dict[str, Any]]] = asyncio.LifoQueue()

    async def open(self, connections: int = CONNECTIONS) -> None:
        at = self._server
        for _ in range(connections):
            connection = await asyncmy.connect(
                host=at.host, port=at.port, user=at.user, password=at.password, database=at.database, charset="utf8mb4", autocommit=True
            )
            self._idle.put_nowait((connection, {}))

    async def fetch(self, statement: Statement, values: dict[str, Any]) -> list[Any]:
        compiled = statement.on("mysql")
        connection, prepared = await self._idle.get()
        if compiled.sql not in prepared:
            prepared[compiled.sql] = await connection.prepare(compiled.sql)
        result = await prepared[compiled.sql].execute(compiled.arrange(values))
        self._idle.put_nowait((connection, prepared))
        return list(result.rows or ())

    async def write(self, statement: Statement, values: dict[str, Any]) -> None:
        await self.fetch(statement, values)

    async def fill(self, lines: list[str], rows: dict[str, list[Arguments]]) -> None:
        connection, _ = self._idle.get_nowait()
        for line in ("SET autocommit = 0", *lines):
            await connection.query(line)
        for line, values in rows.items():
            prepared = await connection.prepare(line)
            for row in values:
                await prepared.execute(row)
        await connection.query("COMMIT")


async def driver(url: str, folder: Path) -> Driver:
    """Opened, with all its connections."""
    address = parse(url, folder)
    if isinstance(address, Path):
        return Sqlite(address)
    found = Postgresql(address) if address.dialect == "postgresql" else Mysql(address)
    await found.open()
    return found


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def named(what: str, user: int, day: int = 0) -> bytes:
    """An id that this program and the one that filled the tables both know."""
    return shake_128(f"{what} {user} {day}".encode()).digest(ID_BYTES)


async def fill(platform: Driver, vault: Driver) -> None:
    """The tables that the statements name, a session for each user and a year of days."""
    for database, tables in ((platform, (users, auth_sessions)), (vault, (gates, ENTRIES))):
        lines = [_text(CreateTable(table), database) for table in tables]
        lines += [_text(CreateIndex(index), database) for table in tables for index in table.indexes]
        await database.fill(lines, {_insert(table, database): _rows(table) for table in tables})


def _text(clause: Any, database: Driver) -> str:
    return str(clause.compile(dialect=registry.load(database.dialect)()))


def _insert(table: Table, database: Driver) -> str:
    marks = [f"${n}" if database.dialect == "postgresql" else "?" for n in range(1, len(table.columns) + 1)]
    return f"INSERT INTO {table.name} ({', '.join(table.columns.keys())}) VALUES ({', '.join(marks)})"  # noqa: S608 (our own schema)


def _rows(table: Table) -> list[Arguments]:
    if table is gates:
        return [(named("vault", user), named("gate", user)) for user in range(USERS)]
    if table is ENTRIES:
        return [
            (named("vault", user), named("day", user, day), None, os.urandom(SEALED_BYTES)) for user in range(USERS) for day in range(DAYS)
        ]
    known = {"id": "user" if table is users else "session", "user_id": "user"}
    return [tuple(named(known[c.name], user) if c.name in known else _anything(c) for c in table.columns) for user in range(USERS)]


def _anything(column: Any) -> object:
    if column.nullable:
        return None
    if isinstance(column.type, LargeBinary):
        return os.urandom(column.type.length or 100)
    return 1 if isinstance(column.type, Integer) else "word"


# ── the application ──────────────────────────────────────────────────────────────────────────────────────────────────


class Floor:
    """`PUT` writes a day, `GET /list` reads a month, any other `GET` a day; which one is the next one's turn."""

    def __init__(self, platform: Driver, vault: Driver) -> None:
        self._platform = platform
        self._vault = vault
        self._turn = count()
        self._month = next(size for size in IN_SIZES if size >= MONTH_DAYS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        turn = next(self._turn) * 7919
        user, day = turn % USERS, turn // USERS % MONTH_DAYS
        place = {"vault_id": named("vault", user), "id": named("day", user, day)}
        await self._platform.fetch(SESSION_CHECK, {"session_id": named("session", user), "user_id": named("user", user)})
        if scope["path"] == "/list":
            ids = {f"id{n}": named("day", user, min(n, MONTH_DAYS - 1)) for n in range(self._month)}
            rows = await self._vault.fetch(STATEMENTS.find[self._month], {"vault_id": place["vault_id"], **ids})
            await _answer(send, b"".join(row[1] for row in rows)[: len(rows) * 1200])
            return
        ((sealed, _),) = await self._vault.fetch(STATEMENTS.get, place)
        if scope["method"] == "PUT":
            while (await receive()).get("more_body"):
                pass
            fresh = sealed[:5] + os.urandom(24) + sealed[29:]
            values = {**place, "salt": sealed[5:29], "gate": named("gate", user), "sealed": fresh, "tag": None}
            await self._vault.write(STATEMENTS.update, values)
        await _answer(send, sealed[:1200])


async def _answer(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def main(words: list[str]) -> None:
    """Fills, or serves until it is stopped."""
    port, platform, vault = words[-4], *[await driver(url, Path(words[-1])) for url in words[-3:-1]]
    if "--fill" in words:
        await fill(platform, vault)
        return
    config = uvicorn.Config(
        Floor(platform, vault),
        port=int(port),
        http="httptools",
        ws="none",
        lifespan="off",
        loop="none",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1:]))
