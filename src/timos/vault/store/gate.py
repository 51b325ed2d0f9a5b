"""The gate of a vault, as its writes ask for it; what makes and changes it is `timos.vault.gates`."""

from typing import Final

from timos.kernel.db.port import Database, Transaction
from timos.kernel.errors import VaultLockedError
from timos.kernel.ids import ID_BYTES
from timos.vault.store.sealing import blob
from timos.vault.tables import GATE_GET

ERASED: Final = bytes(ID_BYTES)  # the gate of a vault that is being erased: no write can ever hold it


async def gate_of(database: Database | Transaction, vault_id: bytes) -> bytes:
    """Raises:
    VaultLockedError: the vault is being erased, or this database does not hold it.
    """
    rows = await database.fetch(GATE_GET, {"vault_id": vault_id})
    if not rows or rows[0][0] == ERASED:
        message = "This vault is being erased, or this server's vault database does not hold it."
        raise VaultLockedError(message)
    return blob(rows[0][0])
