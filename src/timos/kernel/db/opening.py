"""From an address to the port of its engine; a driver is imported only where it is used."""

from collections.abc import Callable
from pathlib import Path

from timos.kernel.db.address import Address
from timos.kernel.db.port import Database


def open_database(address: Address, on_full: Callable[[], None] | None = None) -> Database:
    """Make it inside a running event loop. `on_full` is called when the disk of a file is full; a server's disk is not ours to look after.

    Raises:
        DatabaseError: a file that is missing or no database. A server is asked at the first statement.
    """
    if isinstance(address, Path):
        from timos.kernel.db.sqlite import SqliteDatabase  # noqa: PLC0415

        return SqliteDatabase(address, on_full)
    if address.dialect == "postgresql":
        from timos.kernel.db import postgresql  # noqa: PLC0415

        return postgresql.database(address)
    from timos.kernel.db import mysql  # noqa: PLC0415

    return mysql.database(address)
