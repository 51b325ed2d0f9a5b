"""Running one of the two Alembic histories against an SQLite file.

Whether there is anything to run is answered without Alembic, whose import costs a third of a start.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from timos.kernel.errors import StartError

_REVISION = re.compile(r"^revision = [\"'](\w+)[\"']", re.MULTILINE)
_BEFORE = re.compile(r"^down_revision = [\"'](\w+)[\"']", re.MULTILINE)


def revisions(history: Path) -> dict[str, str | None]:
    """Every revision that this program knows, with the one before it."""
    found: dict[str, str | None] = {}
    for path in sorted((history / "versions").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        before = _BEFORE.search(text)
        if revision := _REVISION.search(text):
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


def current(database: Path) -> str | None:
    """The revision of an existing file; None when it was never migrated.

    Raises:
        StartError: the file is no database, or cannot be read.
    """
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return None
        message = f"{database} cannot be read as a database: {error}. If it is damaged, restore a backup: timos backup restore."
        raise StartError(message) from error
    return str(row[0]) if row else None


def is_pending(database: Path, history: Path) -> bool:
    """Whether the file is older than this program.

    Raises:
        StartError: it is newer, or no database.
    """
    at = current(database)
    if at is not None and at not in revisions(history):
        message = f"{database} was written by a newer version of TimOS ({at}). Install that version; nothing was changed."
        raise StartError(message)
    return at != head(history)


def upgrade(database: Path, history: Path, revision: str = "head") -> None:
    """Migrate; creates the file when it is not there, which only the founding of an instance may do.

    Raises:
        StartError: the file comes from a newer version of TimOS.
    """
    if database.exists():
        is_pending(database, history)
    _run(database, history, revision)


def downgrade(database: Path, history: Path, revision: str) -> None:
    """Back to `revision`; for tests and for a withdrawn release."""
    _run(database, history, revision, down=True)


def _run(database: Path, history: Path, revision: str, *, down: bool = False) -> None:
    from alembic import command  # noqa: PLC0415 (see above)
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import NullPool, create_engine  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(history).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    # Without a BEGIN of our own the driver commits each CREATE and ALTER at once, and a migration cut short could not be run again.
    engine = create_engine(f"sqlite:///{database}", poolclass=NullPool, connect_args={"isolation_level": None})
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA temp_store=MEMORY")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)
    engine.dispose()
