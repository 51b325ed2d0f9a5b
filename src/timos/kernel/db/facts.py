"""What each of the two databases says of itself in its table `meta`, read before anything else is opened."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import column, select, table, text

from timos.kernel.db import migrate
from timos.kernel.db.address import Address
from timos.kernel.db.port import Database, UniqueError
from timos.kernel.db.statements import Statement
from timos.kernel.errors import StartError

_meta = table("meta", column("name"), column("value"))
_ALL = Statement("meta.all", select(_meta.c.name, _meta.c.value))
_ADD = Statement("meta.add", text("INSERT INTO meta (name, value) VALUES (:name, :value)"))


@dataclass(frozen=True, slots=True)
class Look:
    """What a start wants to know of a database; `revision` None is one that was never migrated."""

    known: dict[str, bytes]
    revision: str | None


def look(address: Address) -> Look | None:
    """None where there never was a TimOS. A server is asked all of it in one connection.

    Raises:
        StartError: it cannot be read, or a migration of it was cut short.
    """
    if not isinstance(address, Path):
        return migrate.ask(address, _look)
    return Look(read_all(address), migrate.current(address)) if address.exists() else None


def read_all(address: Address) -> dict[str, bytes]:
    """Raises:
    StartError: it cannot be read, or is no database of TimOS.
    """
    if not isinstance(address, Path):
        return migrate.ask(address, _read)
    try:
        with closing(sqlite3.connect(f"{address.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return dict(connection.execute("SELECT name, value FROM meta"))
    except sqlite3.Error as error:
        message = (
            f"{address} cannot be read as a TimOS database: {error}. Mend its permissions, or move it away and restore a backup. "
            "Nothing was changed."
        )
        raise StartError(message) from error


def write_all(address: Address, facts: dict[str, bytes]) -> None:
    """All of them or none; once, at the founding.

    Raises:
        StartError: it has some already: somebody else founded an instance there at the same moment.
    """
    if isinstance(address, Path):
        with closing(sqlite3.connect(address)) as connection, connection:
            connection.executemany("INSERT INTO meta (name, value) VALUES (?, ?)", facts.items())
        return

    async def write(database: Database) -> None:
        async with database.transaction() as tx:
            for name, value in facts.items():
                await tx.run(_ADD, {"name": name, "value": value})

    try:
        migrate.ask(address, write)
    except UniqueError as error:
        message = f"{address} was founded by another TimOS at the same moment. Look whose it is; nothing was changed."
        raise StartError(message) from error


async def _look(database: Database) -> Look | None:
    if not await migrate.has_version_table(database):
        return None
    revision = await migrate.revision_in(database)  # first: of a migration that was cut short it tells more than a missing table
    return Look(await _read(database), revision)


async def _read(database: Database) -> dict[str, bytes]:
    return {str(name): value for name, value in await database.fetch(_ALL, {}) if isinstance(value, bytes)}
