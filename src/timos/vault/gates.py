"""A vault's beginning and end, without its keys: the gate is made, changed to "erased", and the rows are purged.

The fence comes first: from then on no write can hold the gate, so none survives the purge.
"""

from timos.kernel.db.port import Database, Transaction
from timos.kernel.ids import ID_BYTES, Randomness
from timos.vault.collections import COLLECTIONS
from timos.vault.store.gate import ERASED
from timos.vault.tables import GATE_DELETE, GATE_INSERT, GATE_SET, GATES_COUNT, GATES_WITH, ROWS, rowid_in


async def make(unit: Transaction, vault_id: bytes, *, random: Randomness) -> None:
    """A new vault, empty and open."""
    gate = random(ID_BYTES)
    await unit.run(GATE_INSERT, {"rowid": rowid_in(vault_id, random), "vault_id": vault_id, "gate": gate})


async def fence(unit: Transaction, vault_id: bytes) -> bool:
    """No write is acknowledged from here on. Idempotent; False when there is no such vault (any more)."""
    return bool(await unit.run(GATE_SET, {"vault": vault_id, "value": ERASED}))


async def purge(database: Database, vault_id: bytes) -> int:
    """Delete every row of a fenced vault, its gate last: until then the fence tells that there is something left to do.

    Returns:
        the number of rows deleted.
    """
    rows = 0
    for collection in COLLECTIONS:
        async with database.transaction() as unit:
            rows += await unit.run(ROWS[collection.name].purge, {"vault_id": vault_id})
    async with database.transaction() as unit:
        await unit.run(GATE_DELETE, {"vault_id": vault_id})
    return rows


async def fenced(database: Database) -> list[bytes]:
    """Vaults whose erasure was begun and not finished."""
    return [vault_id for (vault_id,) in await database.fetch(GATES_WITH, {"gate": ERASED}) if isinstance(vault_id, bytes)]


async def count(database: Database) -> int:
    """How many vaults this database holds."""
    return int((await database.fetch(GATES_COUNT, {}))[0][0] or 0)
