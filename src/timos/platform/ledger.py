"""Who was erased, so that a restored backup does not bring them back.

- Append-only, each entry bound to the one before it by hash and signed; kept for ever, in copies outside this database.
- An entry names nobody: user id and vault id are sealed under the ledger key, which is never rotated.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from timos.kernel.db.port import Database, Row, Transaction, UniqueError, Value
from timos.kernel.db.statements import Statement
from timos.kernel.errors import ConflictError, DecryptionError
from timos.kernel.ids import ID_BYTES, bytes_of, text_of
from timos.platform.rows import blob, number
from timos.platform.sealer import PlatformKeys, Sealer
from timos.platform.tables import erasure_ledger, whole_row

HASH_BYTES = 32
NOTHING = bytes(HASH_BYTES)  # what the first entry follows
SIGNATURE_BYTES = 64  # Ed25519

_FIELDS = (erasure_ledger.c.sequence, erasure_ledger.c.previous, erasure_ledger.c.at, erasure_ledger.c.sealed, erasure_ledger.c.signature)
_LAST = Statement("erasure_ledger.last", select(*_FIELDS).order_by(erasure_ledger.c.sequence.desc()).limit(1))
_ALL = Statement("erasure_ledger.all", select(*_FIELDS).order_by(erasure_ledger.c.sequence))
_INSERT = Statement("erasure_ledger.insert", whole_row(erasure_ledger))


@dataclass(frozen=True, slots=True)
class Entry:
    """One erasure."""

    sequence: int
    previous: bytes
    at_ms: int
    sealed: bytes
    signature: bytes

    @property
    def hash(self) -> bytes:
        """Fields of fixed length first, so no two entries have one preimage."""
        fixed = self.sequence.to_bytes(8, "big") + self.previous + self.at_ms.to_bytes(8, "big")
        return hashlib.sha256(b"timos.ledger/1" + fixed + self.sealed).digest()

    def line(self) -> str:
        """One line of JSON: what the copies outside this database hold."""
        fields = {"previous": self.previous, "sealed": self.sealed, "signature": self.signature}
        return json.dumps({"sequence": self.sequence, "at": self.at_ms, **{name: text_of(value) for name, value in fields.items()}})

    @classmethod
    def parse(cls, line: str) -> "Entry":
        """Raises:
        DecryptionError: not a line that `line` wrote. Whether it is genuine is for `Ledger.verify`.
        """
        try:
            fields = json.loads(line)
            sequence, at_ms = number(fields["sequence"]), number(fields["at"])
            previous, sealed, signature = (_decoded(fields[name]) for name in ("previous", "sealed", "signature"))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DecryptionError from error
        if sequence < 1 or at_ms < 0 or len(previous) != HASH_BYTES or len(signature) != SIGNATURE_BYTES:
            raise DecryptionError
        return cls(sequence, previous, at_ms, sealed, signature)


def _decoded(value: object) -> bytes:
    found = bytes_of(value, len(value) * 3 // 4) if isinstance(value, str) else None
    if found is None:
        raise DecryptionError
    return found


class Ledger:
    """Appends, verifies and opens entries."""

    def __init__(self, database: Database, keys: PlatformKeys) -> None:
        self._database = database
        self._keys = keys
        self._sealer = Sealer(keys)

    async def append(self, tx: Transaction, user_id: bytes, vault_id: bytes, at_ms: int) -> Entry:
        """In the transaction that shreds the keys.

        Raises:
            ConflictError: another erasure took the same sequence; repeat the transaction.
        """
        last = await tx.fetch(_LAST, {})
        head = _entry(last[0]) if last else None
        entry = self._signed(head.sequence + 1 if head else 1, head.hash if head else NOTHING, at_ms, user_id + vault_id)
        await self.insert(tx, entry)
        return entry

    async def insert(self, tx: Transaction, entry: Entry) -> None:
        """For the replay after a restore: an entry from a copy, verified by the caller. Raises as `append`."""
        params: dict[str, Value] = {
            "sequence": entry.sequence,
            "previous": entry.previous,
            "at": entry.at_ms,
            "sealed": entry.sealed,
            "signature": entry.signature,
        }
        try:
            await tx.run(_INSERT, params)
        except UniqueError as error:
            raise ConflictError from error

    async def entries(self) -> list[Entry]:
        return [_entry(row) for row in await self._database.fetch(_ALL, {})]

    def verify(self, entries: Iterable[Entry]) -> int | None:
        """The sequence of the first entry that does not follow from the one before it or bears no signature of ours; None when
        all is well. The first entry must be number 1: a ledger is verified whole.
        """
        expected, previous = 1, NOTHING
        for entry in entries:
            is_next = entry.sequence == expected and entry.previous == previous
            if not is_next or not self._keys.audit_signing.verify(entry.hash, entry.signature):
                return entry.sequence
            expected, previous = expected + 1, entry.hash
        return None

    def open(self, entry: Entry) -> tuple[bytes, bytes]:
        """User id and vault id.

        Raises:
            DecryptionError: another instance's entry, or changed.
        """
        opened = self._sealer.open_ledger(_place(entry.sequence, entry.previous), entry.sealed)
        return opened[:ID_BYTES], opened[ID_BYTES:]

    def _signed(self, sequence: int, previous: bytes, at_ms: int, value: bytes) -> Entry:
        sealed = self._sealer.seal_ledger(_place(sequence, previous), value)
        unsigned = Entry(sequence, previous, at_ms, sealed, b"")
        return Entry(sequence, previous, at_ms, sealed, self._keys.audit_signing.sign(unsigned.hash))


def _place(sequence: int, previous: bytes) -> bytes:
    return sequence.to_bytes(8, "big") + previous


def _entry(row: Row) -> Entry:
    sequence, previous, at_ms, sealed, signature = row
    return Entry(number(sequence), blob(previous), number(at_ms), blob(sealed), blob(signature))
