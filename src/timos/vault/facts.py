"""What the vault database says of itself, and its copy of the erasure ledger. Nothing of a user."""

from timos.kernel.db.port import Database, Transaction
from timos.vault.tables import LEDGER_ALL, LEDGER_INSERT, META_GET, META_INSERT


async def read(database: Database, name: str) -> bytes | None:
    """A fact (`install_id`), or None."""
    rows = await database.fetch(META_GET, {"name": name})
    return rows[0][0] if rows and isinstance(rows[0][0], bytes) else None


async def record(unit: Transaction, name: str, value: bytes) -> None:
    """Facts are written once, at the founding."""
    await unit.run(META_INSERT, {"name": name, "value": value})


async def ledger_lines(database: Database) -> list[str]:
    """The copy of the ledger, first erasure first."""
    return [str(line) for _, line in await database.fetch(LEDGER_ALL, {})]


async def append_ledger_line(unit: Transaction, sequence: int, line: str) -> None:
    """The next line of the copy; sequences are those of the ledger itself."""
    await unit.run(LEDGER_INSERT, {"sequence": sequence, "line": line})
