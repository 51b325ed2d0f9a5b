"""Running one of the two Alembic histories against an SQLite file."""

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine

from timos.kernel.errors import StartError


def _config(history: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(history).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def head(history: Path) -> str:
    """The newest revision that this program knows."""
    newest = ScriptDirectory.from_config(_config(history)).get_current_head()
    if newest is None:
        message = f"No migrations in {history.name}: the installation is incomplete."
        raise StartError(message)
    return newest


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


def upgrade(database: Path, history: Path, revision: str = "head") -> None:
    """Migrate; creates the file when it is not there, which only the founding of an instance may do.

    Raises:
        StartError: the file comes from a newer version of TimOS.
    """
    if database.exists():
        at = current(database)
        known = {script.revision for script in ScriptDirectory.from_config(_config(history)).walk_revisions()}
        if at is not None and at not in known:
            message = f"{database} was written by a newer version of TimOS ({at}). Install that version; nothing was changed."
            raise StartError(message)
    _run(database, history, revision)


def downgrade(database: Path, history: Path, revision: str) -> None:
    """Back to `revision`; for tests and for a withdrawn release."""
    _run(database, history, revision, down=True)


def _run(database: Path, history: Path, revision: str, *, down: bool = False) -> None:
    engine = create_engine(f"sqlite:///{database}", poolclass=NullPool)
    config = _config(history)
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA temp_store=MEMORY")
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)
    engine.dispose()
