"""What happened around an account, as plain inserts: who, what, when; never what somebody wrote.

- Events are a closed set. Writing to the vault is none: the platform keeps no time and no count of it.
- Personal data in an event comes in sealed under the user's personal key, so that erasing a user leaves the log verifiable.
- Each row has a MAC over all its columns and a sequence of its process. A gap can be a transaction that was rolled back.
"""

import itertools
from enum import StrEnum

from timos.kernel.clock import Clock
from timos.kernel.db.port import Database, Transaction
from timos.kernel.db.statements import Statement
from timos.kernel.ids import ID_BYTES, Randomness
from timos.platform.sealer import PlatformKeys, Purpose
from timos.platform.tables import audit_logs, whole_row


class Event(StrEnum):
    """`subject.action`; the words are stored and never change."""

    ACCOUNT_CREATED = "account.created"
    ACCOUNT_DISABLED = "account.disabled"
    ACCOUNT_ENABLED = "account.enabled"
    ACCOUNT_ERASED = "account.erased"
    ERASURE_BEGUN = "account.erasing"
    EXPORT_MADE = "export.made"
    IMPORT_MADE = "import.made"
    KEYS_CREATED = "key.created"
    KEYS_REWRAPPED = "key.rewrapped"
    KEYS_SHREDDED = "key.shredded"
    LOGIN_FAILED = "login.failed"
    LOGIN_SUCCEEDED = "login.succeeded"
    LOGIN_THROTTLED = "login.throttled"  # once, when the last attempt that is allowed for now was made
    PASSWORD_CHANGED = "password.changed"  # noqa: S105 (a name)
    RECORD_UNREADABLE = "record.unreadable"
    SESSION_ENDED = "session.ended"
    SESSION_REUSED = "session.reused"  # an old refresh token came back: stolen, or a copy of a client
    SESSION_STARTED = "session.started"
    STEPUP_FAILED = "stepup.failed"
    STEPUP_GRANTED = "stepup.granted"
    SYSTEM_STARTED = "system.started"


_INSERT = Statement("audit_logs.insert", whole_row(audit_logs))


class Audit:
    """Writes events; one per process."""

    def __init__(self, database: Database, keys: PlatformKeys, clock: Clock, random: Randomness) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._process_id = random(ID_BYTES)
        self._sequence = itertools.count(1)

    async def write(self, tx: Transaction, event: Event, user_id: bytes | None = None, personal: bytes | None = None) -> None:
        """With what it tells of: both or neither is stored."""
        sequence, at_ms = next(self._sequence), self._clock.now_ms()
        pieces = (
            self._process_id,
            sequence.to_bytes(8, "big"),
            at_ms.to_bytes(8, "big"),
            event.value.encode(),
            b"-" if user_id is None else b"+" + user_id,
            b"-" if personal is None else b"+" + personal,
        )
        await tx.run(
            _INSERT,
            {
                "process_id": self._process_id,
                "sequence": sequence,
                "at": at_ms,
                "event": event.value,
                "user_id": user_id,
                "personal": personal,
                "mac": self._keys.mac(Purpose.AUDIT_MAC, *pieces),
            },
        )

    async def record(self, event: Event, user_id: bytes | None = None, personal: bytes | None = None) -> None:
        """In a transaction of its own. Never call it inside another one: on SQLite it would wait for itself."""
        async with self._database.transaction() as tx:
            await self.write(tx, event, user_id, personal)
