"""The schema comes from the migrations, and every statement is one that all three engines can read."""

import importlib
import pkgutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable

import timos.platform
from tests.platform.support import Template, migrate
from timos.kernel.db.statements import Statement
from timos.platform.tables import METADATA


def statements() -> list[Statement]:
    found = []
    for module in pkgutil.walk_packages(timos.platform.__path__, "timos.platform."):
        if ".migrations" not in module.name:
            found += [value for value in vars(importlib.import_module(module.name)).values() if isinstance(value, Statement)]
    return list({id(statement): statement for statement in found}.values())


def test_the_migrations_make_exactly_the_declared_schema(template: Template) -> None:
    engine = create_engine(f"sqlite:///{template.path}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()


def test_the_first_migration_can_be_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    migrate(path)
    migrate(path, "base")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("alembic_version",)]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mysql"])
def test_every_statement_compiles(engine: str) -> None:
    found = statements()
    assert len(found) > 40
    for statement in found:
        assert statement.on(engine).sql


def test_no_two_statements_share_a_name() -> None:
    names = [statement.name for statement in statements()]
    assert sorted(names) == sorted(set(names))


def test_ids_and_hashes_have_a_fixed_length_where_the_engine_knows_one() -> None:
    ddl = str(CreateTable(METADATA.tables["users"]).compile(dialect=mysql.dialect()))
    assert "id BINARY(16)" in ddl
    assert "address_index BINARY(32)" in ddl


@pytest.mark.parametrize("engine", ["postgresql", "mysql"])
def test_a_counter_is_locked_before_it_is_judged(engine: str) -> None:
    """SQLite has one writer; elsewhere two processes could both see the last free attempt."""
    lock = next(statement for statement in statements() if statement.name == "attempt_counters.lock")
    assert "FOR UPDATE" in lock.on(engine).sql
