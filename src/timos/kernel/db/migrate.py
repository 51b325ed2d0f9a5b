"""Running one of the two Alembic histories against a database: a file, or one on a server.

Whether there is anything to run is answered without Alembic, whose import costs a third of a start.

- On a server a lock of the engine is held meanwhile: of two processes that start at once, the second finds nothing left to do.
- SQLite and PostgreSQL undo a migration that was cut short. MariaDB and MySQL cannot: there the version table is marked while one runs,
  and with a mark that stayed nothing starts any more until a backup is put back.
"""

import asyncio
import re
import sqlite3
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from sqlalchemy import column, select, table, text

from timos.kernel.db.address import Address, Server
from timos.kernel.db.opening import open_database
from timos.kernel.db.port import Database
from timos.kernel.db.statements import Statement
from timos.kernel.errors import DatabaseError, StartError

if TYPE_CHECKING:
    from sqlalchemy import Connection

_REVISION = re.compile(r"^revision = [\"'](\w+)[\"']", re.MULTILINE)
_BEFORE = re.compile(r"^down_revision = [\"'](\w+)[\"']", re.MULTILINE)
LOCK_SECONDS: Final = 120  # for another process's migration to end
_LOCK: Final = 0x54696D4F53  # "TimOS": of advisory locks, within one database
_MARK: Final = "timos: migrating "

_LOCK_NAME: Final = "left(concat('timos.', database()), 64)"  # MariaDB's locks are the server's, not the database's

_version = table("alembic_version", column("version_num"))
_CURRENT: Final = Statement("alembic_version.get", select(_version.c.version_num))
_IN_SCHEMA: Final = text(
    "SELECT table_comment FROM information_schema.tables WHERE table_schema = database() AND table_name = 'alembic_version'"
)
_EXISTS: Final = Statement(
    "alembic_version.exists",
    _IN_SCHEMA,
    postgresql=text(
        "SELECT '' FROM information_schema.tables WHERE table_schema = any (current_schemas(false)) AND table_name = 'alembic_version'"
    ),
)
_IS_FREE: Final = Statement("lock.is_free", text(f"SELECT IS_FREE_LOCK({_LOCK_NAME})"))
_TAKE: Final = text(f"SELECT GET_LOCK({_LOCK_NAME}, {LOCK_SECONDS})")
Result = TypeVar("Result")


def revisions(history: Path) -> dict[str, str | None]:
    """Every revision that this program knows, with the one before it."""
    found: dict[str, str | None] = {}
    for path in sorted((history / "versions").glob("*.py")):
        text_ = path.read_text(encoding="utf-8")
        before = _BEFORE.search(text_)
        if revision := _REVISION.search(text_):
            found[revision[1]] = before[1] if before else None
    return found


def head(history: Path) -> str:
    """The newest revision that this program knows.

    Raises:
        StartError: the installation lacks its migrations.
    """
    known = revisions(history)
    newest = known.keys() - set(known.values())
    if len(newest) != 1:
        message = f"The migrations of {history.parent.name} are not one line: the installation is damaged."
        raise StartError(message)
    return newest.pop()


def current(database: Address) -> str | None:
    """The revision of an existing database; None when it was never migrated.

    Raises:
        StartError: it is no database, cannot be read, or a migration of it was cut short.
    """
    if not isinstance(database, Path):
        return ask(database, revision_in)
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return None
        message = f"{database} cannot be read as a database: {error}. If it is damaged, restore a backup: timos backup restore."
        raise StartError(message) from error
    return str(row[0]) if row else None


def exists(database: Address) -> bool:
    """Whether there ever was a TimOS in it: a file that is there, a database on a server with our version table.

    Raises:
        StartError: the server does not answer; it is not known then.
    """
    return database.exists() if isinstance(database, Path) else ask(database, has_version_table)


def is_pending(database: Address, history: Path) -> bool:
    """Whether the database is older than this program.

    Raises:
        StartError: it is newer, or no database.
    """
    return is_behind(database, current(database), history)


def is_behind(database: Address, at: str | None, history: Path) -> bool:
    """As `is_pending`, of a database whose revision is known."""
    if at is not None and at not in revisions(history):
        message = f"{database} was written by a newer version of TimOS ({at}). Install that version; nothing was changed."
        raise StartError(message)
    return at != head(history)


def upgrade(database: Address, history: Path, revision: str = "head") -> None:
    """Migrate; creates a file when it is not there, which only the founding of an instance may do.

    Raises:
        StartError: the database comes from a newer version of TimOS.
    """
    if exists(database):
        is_pending(database, history)
    _run(database, history, revision)


def downgrade(database: Address, history: Path, revision: str) -> None:
    """Back to `revision`; for tests and for a withdrawn release."""
    _run(database, history, revision, down=True)


# ── servers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def ask(server: Server, question: Callable[[Database], Awaitable[Result]]) -> Result:
    """Waits, and may be called inside an event loop or outside: only for starts and commands.

    Raises:
        StartError: the server does not answer or refuses.
    """

    async def asked() -> Result:
        database = open_database(server)
        try:
            return await question(database)
        finally:
            await database.close()

    try:
        return _apart(asked)
    except DatabaseError as error:
        message = (
            f"The database {server} does not answer as it should: {error.__cause__ or error}. "
            "Start it, or mend its address in TIMOS_PLATFORM_URL or TIMOS_VAULT_URL. Nothing was changed."
        )
        raise StartError(message) from error


async def has_version_table(database: Database) -> bool:
    """As `exists`, of a database on a server that is open."""
    return bool(await database.fetch(_EXISTS, {}))


async def revision_in(database: Database) -> str | None:
    """As `current`, of a database on a server that is open."""
    found = await database.fetch(_EXISTS, {})
    if not found:
        return None
    if str(found[0][0]).startswith(_MARK):
        await _refuse_mark(database)
    rows = await database.fetch(_CURRENT, {})
    return str(rows[0][0]) if rows else None


async def _refuse_mark(database: Database) -> None:
    """While the lock is held the migration is under way, in another process; a mark without it is what is left of one."""
    until = time.monotonic() + LOCK_SECONDS
    while not (await database.fetch(_IS_FREE, {}))[0][0] and time.monotonic() < until:  # noqa: ASYNC110 (another process ends it)
        await asyncio.sleep(0.1)
    found = await database.fetch(_EXISTS, {})
    if found and str(found[0][0]).startswith(_MARK):
        raise _cut_short(str(found[0][0]))


def _cut_short(mark: str) -> StartError:
    return StartError(
        f"A migration of {mark.removeprefix(_MARK)} was cut short, and this engine cannot undo the half of it. Put the backup from before "
        "it back, or, if it was the first start, drop the database and make it again, empty. Then start again. Nothing was changed."
    )


def _apart(work: Callable[[], Awaitable[Result]]) -> Result:
    """In an event loop of its own, in a thread, whatever runs here."""

    async def whole() -> Result:
        return await work()

    with ThreadPoolExecutor(1, thread_name_prefix="migrate") as thread:
        return thread.submit(asyncio.run, whole()).result()


# ── Alembic ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _run(database: Address, history: Path, revision: str, *, down: bool = False) -> None:
    if isinstance(database, Path):
        _run_on_file(database, history, revision, down=down)
    else:
        _apart(lambda: _run_on_server(database, history, revision, down=down))


def _run_on_file(database: Path, history: Path, revision: str, *, down: bool) -> None:
    from sqlalchemy import NullPool, create_engine  # noqa: PLC0415 (see above)

    # Without a BEGIN of our own the driver commits each CREATE and ALTER at once, and a migration cut short could not be run again.
    engine = create_engine(f"sqlite:///{database}", poolclass=NullPool, connect_args={"isolation_level": None})
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA temp_store=MEMORY")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        _alembic(connection, history, revision, down=down)
    engine.dispose()


async def _run_on_server(server: Server, history: Path, revision: str, *, down: bool) -> None:
    from timos.kernel.db import alchemy  # noqa: PLC0415 (see above)

    work = _on_postgresql if server.dialect == "postgresql" else _on_mysql
    engine = alchemy.engine(server)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(work, server, history, revision, down)
    finally:
        await engine.dispose()


def _on_postgresql(connection: "Connection", server: Server, history: Path, revision: str, down: bool) -> None:  # noqa: ARG001, FBT001 (as its sibling; run_sync passes no keywords on)
    with connection.begin():
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        connection.exec_driver_sql("SET LOCAL synchronous_commit = on")
        _alembic(connection, history, revision, down=down)


def _on_mysql(connection: "Connection", server: Server, history: Path, revision: str, down: bool) -> None:  # noqa: FBT001 (run_sync passes no keywords on)
    if connection.scalar(_TAKE) != 1:
        message = f"Another process has been migrating {server} for {LOCK_SECONDS} seconds. Look what it does; nothing was changed."
        raise StartError(message)
    # Texts are compared byte by byte, as on the other engines; tables are made with what the database has.
    connection.exec_driver_sql("ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    connection.exec_driver_sql("SET SESSION default_storage_engine = InnoDB")
    connection.exec_driver_sql("SET SESSION max_error_count = 0")  # the driver would log each "name of a primary key is ignored"
    connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL, PRIMARY KEY (version_num))")
    mark = connection.scalar(_IN_SCHEMA)
    if str(mark).startswith(_MARK):
        raise _cut_short(str(mark))
    at = connection.scalar(select(_version.c.version_num))
    if not down and at == (head(history) if revision == "head" else revision):
        return  # another process was faster
    connection.exec_driver_sql(f"ALTER TABLE alembic_version COMMENT '{_MARK}{history.parent.name} from {at or 'nothing'} to {revision}'")
    connection.commit()
    _alembic(connection, history, revision, down=down)
    connection.commit()
    connection.exec_driver_sql("ALTER TABLE alembic_version COMMENT ''")
    connection.commit()


def _alembic(connection: "Connection", history: Path, revision: str, *, down: bool) -> None:
    from alembic import command  # noqa: PLC0415 (see above)
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(history).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    (command.downgrade if down else command.upgrade)(config, revision)
