"""How much one vault may hold, so that no user can fill the disk for the others.

Counted by the process: read once per vault from the database, then kept up to date. Two processes may each let a few rows more in;
the limit is against abuse, not a price.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from timos.kernel.db.port import Database
from timos.kernel.errors import DatabaseError, QuotaError
from timos.vault.collections import COLLECTIONS
from timos.vault.tables import ROWS

REMEMBERED = 10_000  # vaults
FULL = "The disk of this server is full. Nothing was changed. Reading, exporting and erasing go on."


@dataclass(slots=True)
class _Use:
    rows: int
    size_bytes: int


class Quota:
    """Made once per process. `rows` and `size_bytes` are those of one vault, sealed and with padding."""

    def __init__(self, rows: int = 200_000, size_bytes: int = 1024**3, *, has_room: Callable[[], bool] | None = None) -> None:
        """`has_room`: whether the disk has any for more."""
        self._has_room = has_room
        self._rows = rows
        self._size_bytes = size_bytes
        self._uses: OrderedDict[bytes, _Use] = OrderedDict()

    async def admit(self, database: Database, vault_id: bytes, *, rows: int, size_bytes: int) -> None:
        """Before a write that adds so much; one that makes a vault smaller always may.

        Raises:
            QuotaError: the vault is full.
            DatabaseError: the disk is.
        """
        if self._has_room is not None and not self._has_room():
            raise DatabaseError(FULL)
        use = self._uses.get(vault_id) or await self._read(database, vault_id)
        if (rows > 0 and use.rows + rows > self._rows) or (size_bytes > 0 and use.size_bytes + size_bytes > self._size_bytes):
            raise QuotaError

    def added(self, vault_id: bytes, *, rows: int, size_bytes: int) -> None:
        """After a write or, with negative numbers, a deletion that was acknowledged."""
        use = self._uses.get(vault_id)
        if use is not None:
            use.rows += rows
            use.size_bytes += size_bytes

    async def _read(self, database: Database, vault_id: bytes) -> _Use:
        use = _Use(0, 0)
        for collection in COLLECTIONS:
            rows, size = (await database.fetch(ROWS[collection.name].use, {"vault_id": vault_id}))[0]
            use.rows += int(rows or 0)
            use.size_bytes += int(size or 0)
        self._uses[vault_id] = use
        if len(self._uses) > REMEMBERED:
            self._uses.popitem(last=False)
        return use
