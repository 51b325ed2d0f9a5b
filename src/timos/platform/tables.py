"""The platform's schema.

- Addresses, names, devices and network addresses are sealed under the user's personal key; an address has a blind index.
- Rows that decide a login carry a MAC (see `sealer.py`): in `users` one over the clear columns and one over the password hash,
  which is loaded only when it is named.
- Tokens are here as hashes only; keys of counters are HMACs.
"""

from sqlalchemy import (
    Column,
    Index,
    Insert,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    insert,
)
from sqlalchemy.dialects.mysql import BINARY

from timos.kernel.db.types import Blob, Id, Instant, metadata

METADATA = metadata()


def whole_row(table: Table) -> Insert:
    """An INSERT that wants a parameter of the same name for every column: a new column cannot be forgotten."""
    return insert(table).values({column.name: bindparam(column.name) for column in table.columns})


Hash = LargeBinary(32).with_variant(BINARY(32), "mysql")  # SHA-256, HMAC-SHA-256
Word = String(32)  # one of a closed set; VARCHAR, because MySQL indexes no TEXT
Reference = String(255)  # of a master key, as its provider writes it

users = Table(
    "users",
    METADATA,
    Column("id", Id, nullable=False),
    Column("address_index", Hash, nullable=False),
    Column("address", Blob, nullable=False),  # sealed
    Column("name", Blob, nullable=False),  # sealed
    Column("role", Word, nullable=False),
    Column("status", Word, nullable=False),
    Column("auth_epoch", Integer, nullable=False),
    Column("key_epoch", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("mac", Hash, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("password_mac", Hash, nullable=False),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("address_index"),
)

auth_sessions = Table(
    "auth_sessions",
    METADATA,
    Column("id", Id, nullable=False),
    Column("user_id", Id, nullable=False),
    Column("kind", Word, nullable=False),
    Column("auth_epoch", Integer, nullable=False),
    Column("aal", Integer, nullable=False),
    Column("auth_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),  # absolute
    Column("mac", Hash, nullable=False),
    Column("last_seen_at", Instant, nullable=False),  # written at refresh only
    Column("ended_at", Instant, nullable=True),
    Column("device", Blob, nullable=False),  # sealed
    Column("client_address", Blob, nullable=False),  # sealed
    Column("refresh_hash", Hash, nullable=False),
    Column("previous_hash", Hash, nullable=True),
    Column("successor", Blob, nullable=True),  # the current refresh token, sealed under the previous one
    Column("successor_until", Instant, nullable=True),
    PrimaryKeyConstraint("id"),
    Index(None, "user_id"),
    Index(None, "successor_until"),
)

user_deks = Table(
    "user_deks",
    METADATA,
    Column("user_id", Id, nullable=False),
    Column("purpose", Word, nullable=False),
    Column("version", Integer, nullable=False),
    Column("mode", Integer, nullable=False),
    Column("ref", Reference, nullable=False),
    Column("edk", Blob, nullable=False),
    Column("sealed", Blob, nullable=False),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("user_id", "purpose", "version"),
    Index(None, "ref"),
)

platform_keys = Table(
    "platform_keys",
    METADATA,
    Column("purpose", Word, nullable=False),
    Column("version", Integer, nullable=False),
    Column("ref", Reference, nullable=False),
    Column("edk", Blob, nullable=False),
    Column("sealed", Blob, nullable=False),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("purpose", "version"),
)

audit_logs = Table(
    "audit_logs",
    METADATA,
    Column("process_id", Id, nullable=False),
    Column("sequence", Integer, nullable=False, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("event", Word, nullable=False),
    Column("user_id", Id, nullable=True),
    Column("personal", Blob, nullable=True),  # sealed
    Column("mac", Hash, nullable=False),
    PrimaryKeyConstraint("process_id", "sequence"),
    Index(None, "user_id", "at"),
    Index(None, "at"),
)

attempt_counters = Table(
    "attempt_counters",
    METADATA,
    Column("key", Hash, nullable=False),
    Column("attempts", Integer, nullable=False),  # in the window that began at window_at, or since the last success: see limits.py
    Column("window_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    PrimaryKeyConstraint("key"),
    Index(None, "last_at"),
)

one_time_tokens = Table(
    "one_time_tokens",
    METADATA,
    Column("token_hash", Hash, nullable=False),
    Column("purpose", Word, nullable=False),
    Column("session_id", Id, nullable=True),
    Column("action", Word, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    PrimaryKeyConstraint("token_hash"),
    Index(None, "session_id"),
    Index(None, "expires_at"),
)

erasure_ledger = Table(
    "erasure_ledger",
    METADATA,
    Column("sequence", Integer, nullable=False, autoincrement=False),
    Column("previous", Hash, nullable=False),
    Column("at", Instant, nullable=False),
    Column("sealed", Blob, nullable=False),  # user id and vault id, under the ledger key
    Column("signature", Blob, nullable=False),
    PrimaryKeyConstraint("sequence"),
)

meta = Table(
    "meta",
    METADATA,
    Column("name", String(64), nullable=False),
    Column("value", Blob, nullable=False),
    PrimaryKeyConstraint("name"),
)
