"""From an address to the port of its engine; a driver is imported only where it is used."""

from pathlib import Path

from timos.kernel.db.address import Address
from timos.kernel.db.port import Database


def open_database(address: Address) -> Database:
    """Make it inside a running event loop.

    Raises:
        DatabaseError: a file that is missing or no database. A server is asked at the first statement.
    """
    if isinstance(address, Path):
        from timos.kernel.db.sqlite import SqliteDatabase  # noqa: PLC0415

        return SqliteDatabase(address)
    if address.dialect == "postgresql":
        from timos.kernel.db import postgresql  # noqa: PLC0415

        return postgresql.database(address)
    from timos.kernel.db import mysql  # noqa: PLC0415

    return mysql.database(address)
