"""Migrations: up, down, all or nothing, and the same schema as the models."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, create_engine

from timos.kernel.db import migrate
from timos.kernel.errors import StartError
from timos.lifecycle.founding.upgrading import PLATFORM_HISTORY, VAULT_HISTORY
from timos.platform.tables import METADATA as PLATFORM
from timos.vault.tables import METADATA as VAULT

HISTORIES = [pytest.param(PLATFORM_HISTORY, PLATFORM, id="platform"), pytest.param(VAULT_HISTORY, VAULT, id="vault")]

ENVIRONMENT = """
from alembic import context

context.configure(connection=context.config.attributes["connection"], target_metadata=None, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
"""
FIRST = """
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table("words", sa.Column("word", sa.Text()))
"""
CUT_SHORT = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table("more", sa.Column("word", sa.Text()))
    op.execute("INSERT INTO words VALUES ('half')")
    raise LookupError
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some %s.db"


def schema(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%' ORDER BY name").fetchall()


def make_history(folder: Path, **revisions: str) -> Path:
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text(ENVIRONMENT)
    for name, text in revisions.items():
        (folder / "versions" / f"{name}.py").write_text(text)
    return folder


@pytest.mark.parametrize(("history", "models"), HISTORIES)
def test_the_migrated_schema_is_that_of_the_models(path: Path, history: Path, models: MetaData) -> None:
    migrate.upgrade(path, history)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, models) == []
    engine.dispose()


@pytest.mark.parametrize(("history", "models"), HISTORIES)
def test_up_down_and_up_again(path: Path, history: Path, models: MetaData) -> None:
    migrate.upgrade(path, history)
    first = schema(path)
    assert {name for name, _ in first} >= set(models.tables)
    assert migrate.current(path) == migrate.head(history)
    migrate.downgrade(path, history, "base")
    assert schema(path) == []
    assert migrate.current(path) is None
    migrate.upgrade(path, history)
    assert schema(path) == first
    migrate.upgrade(path, history)  # nothing to do
    assert schema(path) == first


@pytest.mark.parametrize(("history", "models"), HISTORIES)
def test_the_revisions_read_without_alembic_are_those_that_alembic_reads(history: Path, models: MetaData) -> None:
    config = Config()
    config.set_main_option("script_location", str(history))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert migrate.revisions(history) == {script.revision: script.down_revision for script in scripts.walk_revisions()}
    assert migrate.head(history) == scripts.get_current_head()


@pytest.mark.parametrize(("history", "models"), HISTORIES)
def test_a_database_of_a_newer_version_is_refused_and_stays_as_it_is(path: Path, history: Path, models: MetaData) -> None:
    migrate.upgrade(path, history)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(StartError, match=r"newer version.*9999.*nothing was changed"):
        migrate.upgrade(path, history)
    assert path.read_bytes() == before


def test_a_migration_cut_short_leaves_nothing_of_itself_and_can_be_run_again(path: Path, tmp_path: Path) -> None:
    migrate.upgrade(path, make_history(tmp_path / "old", first=FIRST))
    before = schema(path)
    with pytest.raises(LookupError):
        migrate.upgrade(path, make_history(tmp_path / "new", first=FIRST, second=CUT_SHORT))
    assert schema(path) == before
    assert migrate.current(path) == "0001"
    migrate.upgrade(path, make_history(tmp_path / "mended", first=FIRST, second=CUT_SHORT.replace("    raise LookupError\n", "")))
    assert [name for name, _ in schema(path)] == ["more", "words"]
    assert migrate.current(path) == "0002"


def test_a_file_that_was_never_migrated_is_at_no_revision(path: Path) -> None:
    path.touch()
    assert migrate.current(path) is None


@pytest.mark.parametrize("content", [None, b"Dear Sir, " * 500])
def test_what_is_no_database_has_no_revision_either_but_an_error_that_says_what_to_do(path: Path, content: bytes | None) -> None:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StartError, match="timos backup restore"):
        migrate.current(path)
    assert path.exists() == (content is not None)


def test_a_history_that_is_not_one_line_is_a_damaged_installation(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="damaged"):
        migrate.head(make_history(tmp_path / "none"))
    with pytest.raises(StartError, match="damaged"):
        migrate.head(make_history(tmp_path / "two", first=FIRST, other=FIRST.replace("0001", "0001b")))
