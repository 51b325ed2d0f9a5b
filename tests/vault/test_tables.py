"""The vault's schema tells nothing but which rows belong together."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from timos.vault.collections import COLLECTIONS
from timos.vault.tables import METADATA, TABLES

# What is not a user's: facts of the installation, the copy of the erasure ledger, Alembic's own.
NOBODYS = {"meta", "ledger", "alembic_version"}


@pytest.fixture
def database(vault_template: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{vault_template}?mode=ro", uri=True)) as connection:
        yield connection


def names(database: sqlite3.Connection, kind: str) -> set[str]:
    return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = ?", (kind,))}


def columns(database: sqlite3.Connection, table: str) -> dict[str, str]:
    return {name: kind for _, name, kind, *_ in database.execute(f"PRAGMA table_info({table})")}


def test_there_is_a_table_for_each_collection_and_no_other(database: sqlite3.Connection) -> None:
    collections = {collection.name for collection in COLLECTIONS}
    assert TABLES.keys() == collections
    assert names(database, "table") == collections | {"vault_gates"} | NOBODYS
    assert set(METADATA.tables) == collections | {"vault_gates", "meta", "ledger"}


def test_a_collection_has_four_columns_of_bytes_and_nothing_else_in_clear(database: sqlite3.Connection) -> None:
    for collection in COLLECTIONS:
        assert columns(database, collection.name) == {"vault_id": "BLOB", "id": "BLOB", "tag": "BLOB", "sealed": "BLOB"}
    assert columns(database, "vault_gates") == {"vault_id": "BLOB", "gate": "BLOB"}


def test_every_key_and_index_of_users_begins_with_the_vault(database: sqlite3.Connection) -> None:
    for table in names(database, "table") - NOBODYS:
        indexes = list(database.execute(f"PRAGMA index_list({table})"))
        assert [origin for _, _, _, origin, _ in indexes if origin == "pk"] == ["pk"]
        for _, index, _is_unique, _, is_partial in indexes:
            first = database.execute(f"PRAGMA index_info({index})").fetchone()
            assert first[2] == "vault_id", f"{index} of {table}"
            assert not is_partial


def test_a_record_is_unique_by_vault_and_id(database: sqlite3.Connection) -> None:
    for collection in COLLECTIONS:
        key = [name for _, name, _, _, _, place in database.execute(f"PRAGMA table_info({collection.name})") if place]
        assert key == ["vault_id", "id"]


def test_names_are_unique_in_a_vault_exactly_where_a_collection_has_them(database: sqlite3.Connection) -> None:
    named = set()
    for collection in COLLECTIONS:
        for _, index, is_unique, origin, _ in database.execute(f"PRAGMA index_list({collection.name})"):
            if origin != "pk":
                assert is_unique, index
                assert [name for *_, name in database.execute(f"PRAGMA index_info({index})")] == ["vault_id", "tag"]
                named.add(collection.name)
    assert named == {collection.name for collection in COLLECTIONS if collection.has_names} != set()


def test_there_are_no_triggers_views_or_relations(database: sqlite3.Connection) -> None:
    assert names(database, "trigger") == names(database, "view") == set()
    assert [list(database.execute(f"PRAGMA foreign_key_list({table})")) for table in names(database, "table")].count([]) == len(
        names(database, "table")
    )
