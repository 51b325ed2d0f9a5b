"""The vault's database as somebody sees it who has the file and no key; and what such a one may do to it."""

import sqlite3
from collections.abc import Awaitable
from contextlib import closing
from typing import NamedTuple

from tests.support import World
from timos.vault.tables import TABLES

Cell = bytes | str | int | None


class Row(NamedTuple):
    table: str
    rowid: int
    vault_id: Cell
    id: Cell
    tag: Cell
    sealed: Cell


def rows_of(world: World, *tables: str) -> set[Row]:
    """All rows of these tables, or of all that hold records."""
    rowid = "rowid" if world.has_files else "0"  # other engines have none
    return {
        Row(table, int(number or 0), *cells)
        for table in tables or TABLES
        for number, *cells in world.sql("vault", f"SELECT {rowid}, vault_id, id, tag, sealed FROM {table}")  # noqa: S608 (names of ours)
    }


def gates_of(world: World) -> set[bytes]:
    """The vaults there are."""
    return {vault_id for (vault_id,) in world.sql("vault", "SELECT vault_id FROM vault_gates") if isinstance(vault_id, bytes)}


async def made(world: World, table: str, writing: Awaitable[object]) -> Row:
    """The one row that this makes."""
    before = rows_of(world, table)
    await writing
    (row,) = rows_of(world, table) - before
    return row


def replace(world: World, old: Row, new: Row) -> None:
    """`new` in place of `old`, if need be in another table; what already has its address goes."""
    with closing(sqlite3.connect(world.places.vault, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"DELETE FROM {old.table} WHERE rowid = ?", (old.rowid,))  # noqa: S608
        connection.execute(f"DELETE FROM {new.table} WHERE vault_id = ? AND id = ?", (new.vault_id, new.id))  # noqa: S608
        connection.execute(f"INSERT INTO {new.table} (rowid, vault_id, id, tag, sealed) VALUES (?, ?, ?, ?, ?)", new[1:])  # noqa: S608
        connection.execute("COMMIT")
