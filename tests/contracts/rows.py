"""The vault's database as somebody sees it who has the file and no key; and what such a one may do to it."""

from collections.abc import Awaitable
from typing import NamedTuple

from tests import databases
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
    found = databases.contents(world.places.vault_at, tables or TABLES, f"{rowid}, vault_id, id, tag, sealed")
    return {Row(table, int(number or 0), *cells) for table, rows in found.items() for number, *cells in rows}


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
    cells = {name: getattr(new, name) for name in ("rowid", "vault_id", "id", "tag", "sealed") if name != "rowid" or world.has_files}
    marks = ", ".join("?" * len(cells))
    databases.sql_in_turn(
        world.places.vault_at,
        *((f"DELETE FROM {one.table} WHERE vault_id = ? AND id = ?", one.vault_id, one.id) for one in (old, new)),  # noqa: S608 (names of ours)
        (f"INSERT INTO {new.table} ({', '.join(cells)}) VALUES ({marks})", *cells.values()),  # noqa: S608 (likewise)
    )
